"""Generated snapshots are those that HL7 and HL7 France publish, in everything that computes."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import jiter
import pytest

from profiles.data import build
from profiles.snapshot.core import core_differential, core_resolve, core_structure
from profiles.snapshot.errors import SnapshotError
from profiles.snapshot.snapshot import snapshot
from tests.conformance.snapshots.comparing import QUIRKS, differences
from tests.fakes.shared import SHARED_DATA, needs_shared_data

Definition = Mapping[str, Any]


def packaged(package: bytes) -> list[Definition]:
    """Return the StructureDefinitions of a package."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".json") and "/StructureDefinition-" in member.name:
                found.append(jiter.from_json(file.read()))
    return found


def french_package(name: str) -> bytes:
    return (SHARED_DATA / "french" / "packages" / f"{name}.tgz").read_bytes()


def french(version: str) -> bytes:
    return french_package(f"hl7.fhir.fr.core-{version}")


def resolver(*groups: list[Definition]) -> Callable[[str], Definition | None]:
    """Return a resolver without supplied snapshots; extensions of packages not at hand are those of R4."""
    known: dict[str, Definition] = {}
    for each in (definition for group in groups for definition in group):
        bare = {key: value for key, value in each.items() if key != "snapshot"}
        known.setdefault(each["url"], bare)
        known.setdefault(f"{each['url']}|{each.get('version')}", bare)
    return lambda url: known.get(url) or core_resolve(url) or core_resolve(url.partition("|")[0])


def refusal(definition: Definition, resolve: Callable[[str], Definition | None]) -> str:
    """Return the rule for which a definition has no snapshot, "" when it has one."""
    try:
        snapshot(definition, resolve)
    except SnapshotError as error:
        return error.rule
    return ""


def disagreements(
    package: str, published: list[Definition], generate: Callable[[Definition], Definition]
) -> tuple[int, Counter[tuple[str, ...]]]:
    """Return how many snapshots agree but for known quirks, and the other differences."""
    agreed, found = 0, Counter[tuple[str, ...]]()
    for each in published:
        name = each["url"].rpartition("/")[2]
        try:
            different = differences(generate(each)["snapshot"]["element"], each["snapshot"]["element"])
        except SnapshotError as error:
            different = [(error.element, error.rule)]
        new = [place for place in different if not any(quirk.covers(package, name, *place) for quirk in QUIRKS)]
        agreed += not new
        found.update((name, *place) for place in new)
    return agreed, found


@needs_shared_data
@pytest.mark.parametrize(("version", "count"), [("2.1.0", 63), ("2.2.0", 64)])
def test_fr_core_agrees_with_its_publisher(version: str, count: int) -> None:
    published = packaged(french(version))
    resolve = resolver(published, packaged(french("2.2.0-combined")) if version == "2.2.0" else [])
    agreed, found = disagreements(f"hl7.fhir.fr.core-{version}", published, lambda each: snapshot(each, resolve))
    assert (agreed, len(published)) == (count, count), f"{agreed} of {len(published)} agree: {found}"


@needs_shared_data
def test_the_annuaire_agrees_with_its_publisher() -> None:
    published = packaged(french_package("ans.fhir.fr.annuaire-ci"))
    resolve = resolver(published, packaged(french("2.2.0-combined")))
    agreed, found = disagreements("ans.fhir.fr.annuaire-ci", published, lambda each: snapshot(each, resolve))
    assert (agreed, len(published)) == (48, 48), f"{agreed} of {len(published)} agree: {found}"


@needs_shared_data
def test_pdsm_agrees_where_its_bases_are_at_hand_and_brings_its_own_snapshots_where_they_are_not() -> None:
    published = packaged(french_package("ans.fhir.fr.pdsm-3.1.1-ci"))
    resolve = resolver(published, packaged(french("2.2.0-combined")))
    bare = [{key: value for key, value in each.items() if key != "snapshot"} for each in published]
    refused = {(each["baseDefinition"].split("/")[2], rule) for each in bare if (rule := refusal(each, resolve))}
    agreed, found = disagreements("ans.fhir.fr.pdsm-3.1.1-ci", published, lambda each: snapshot(each, resolve))
    assert (agreed, len(published), refused) == (9, 9, {("profiles.ihe.net", "base-missing")}), (
        f"{agreed} of {len(published)} agree: {found}"
    )


@pytest.mark.external
def test_the_core_package_agrees_with_hl7() -> None:
    published = [each for each in packaged(build.download()) if "snapshot" in each and each["kind"] != "logical"]
    profiles = [each for each in published if each.get("derivation") == "constraint"]
    agreed, found = disagreements("core", profiles, lambda each: snapshot(core_differential(each["url"]), core_resolve))
    assert (agreed, len(profiles)) == (439, 439), f"{agreed} of {len(profiles)} agree: {found}"
    types = [each for each in published if each.get("derivation") != "constraint"]
    agreed, found = disagreements("core", types, lambda each: core_structure(each["type"]))
    known = {("DomainResource", "slicing"), ("integer", "minValueInteger"), ("integer", "maxValueInteger")}
    assert {(name, fact) for name, _, fact in found} <= known, f"{agreed} of {len(types)} agree: {found}"
    assert len(types) == 209
