"""SNOMED CT releases in RF2: the snapshot files of concepts, descriptions, is-a relationships and reference sets.

The files are those of the RF2 specification (https://docs.snomed.org/snomed-ct-specifications/
snomed-ct-release-file-specification); what FHIR makes of them is said in http://hl7.org/fhir/R4/snomedct.html.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import PurePosixPath

from fhir_server.store.concepts import Naming, NewConcept
from fhir_server.terminologies.item import Content, Edge, Fault, Item, Stated, Wish
from fhir_server.terminologies.release import Release, ReleaseError
from profiles.terminology.concept import Designation
from profiles.terminology.head import Head, Kind
from profiles.terminology.rules import REFSET, SNOMED

CONCEPTS = r"x?sct2_Concept_Snapshot_.*\.txt"
DESCRIPTIONS = r"x?sct2_Description_Snapshot.*\.txt"
RELATIONSHIPS = r"x?sct2_Relationship_Snapshot_.*\.txt"
LANGUAGES = r"x?der2_cRefset_Language.*Snapshot.*\.txt"
SIMPLE = r"x?der2_Refset_.*Snapshot.*\.txt"
MODULES = r"x?der2_ssRefset_ModuleDependencySnapshot.*\.txt"

INTERNATIONAL = "900000000000207008"
FULL_NAME, SYNONYM = "900000000000003001", "900000000000013009"
PREFERRED, IS_A = "900000000000548007", "116680003"
DEFINED, US_ENGLISH = "900000000000073002", "900000000000509007"
_USES = {FULL_NAME: "Fully specified name", SYNONYM: "Synonym"}

_ID = re.compile(r"[0-9]{6,18}")
_HEAD = ("id", "effectiveTime", "active", "moduleId")
_BAD = "it has not as many fields as the first line, or an identifier that is none"


def rf2(release: Release, wish: Wish) -> Content:
    """Return what is in an RF2 release. Raises ReleaseError for one without snapshot files or of an unknown edition."""
    concepts, descriptions = release.names(CONCEPTS), release.names(DESCRIPTIONS)
    edges, refsets = release.names(RELATIONSHIPS), release.names(SIMPLE)
    if not concepts or not descriptions or not edges:
        raise ReleaseError(
            f"{release.path.name} lacks the Snapshot files of concepts, descriptions or relationships: name the folder "
            "or zip of a whole release (Full and Delta files are not read)."
        )
    languages = release.names(LANGUAGES)
    version = wish.version or _version(release, concepts[0])
    language = wish.language or "en"
    head = Head(0, SNOMED, version, "SNOMED CT", language=language, case_sensitive=True, compositional=True)
    read = [*languages, *concepts, *descriptions, *descriptions, *edges, *refsets]
    items = _items(release, concepts, descriptions, edges, refsets, language)
    return Content(head, sum(release.sizes[name] for name in read), items)


def _version(release: Release, concepts: str) -> str:
    dated = re.search(r"_([0-9]{8})\.txt$", concepts)
    edition = _edition(release, concepts)
    if dated is None or edition is None:
        raise ReleaseError(
            f"{release.path.name}: the names of its files do not say which edition of which date it is: say so with "
            f"--version {SNOMED}/EDITION/version/YYYYMMDD"
        )
    return f"{SNOMED}/{edition}/version/{dated[1]}"


def _edition(release: Release, concepts: str) -> str | None:
    """Return the module that no other one needs: an edition is called by it."""
    modules: set[str] = set()
    needed: set[str] = set()
    for name in release.names(MODULES):
        for _, row in release.rows(name, (*_HEAD, "referencedComponentId"), tabs=True):
            if row.get("active") == "1":
                modules.add(row["moduleId"])
                needed.add(row["referencedComponentId"])
    release.done = 0
    last = modules - needed
    if len(last) == 1:
        return last.pop()
    return INTERNATIONAL if "_INT_" in PurePosixPath(concepts).name else None


def _items(
    release: Release, concepts: list[str], descriptions: list[str], edges: list[str], refsets: list[str], language: str
) -> Iterator[Item]:
    preferred = _preferred(release, language)
    for name in concepts:
        for line, row in _rows(release, name, "definitionStatusId"):
            yield Item(name, line, _concept(row) if row else Fault(_BAD))
    # First the full names, which every concept has, then the preferred ones, which take their place as displays.
    for kind in (FULL_NAME, SYNONYM):
        for name in descriptions:
            yield from _descriptions(release, name, kind, preferred, language)
    for name in edges:
        for line, row in _rows(release, name, "sourceId", "destinationId", "typeId"):
            if row is None:
                yield Item(name, line, Fault(_BAD))
            elif row["active"] == "1" and row["typeId"] == IS_A:
                yield Item(name, line, Edge(row["sourceId"], row["destinationId"]), loose=True)
    for name in refsets:
        for line, row in _rows(release, name, "refsetId", "referencedComponentId", uuid=True):
            if row is None:
                yield Item(name, line, Fault(_BAD))
            elif row["active"] == "1":
                yield Item(
                    name, line, Stated(row["referencedComponentId"], REFSET, "code", row["refsetId"]), loose=True
                )


def _rows(release: Release, name: str, *needed: str, uuid: bool = False) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Yield the rows of an RF2 file, None for a line that is none. Members of reference sets are called by a UUID."""
    checked = [each for each in (*(() if uuid else ("id",)), "moduleId", *needed) if each.endswith(("Id", "id"))]
    for line, row in release.rows(name, (*_HEAD, *needed), tabs=True):
        good = row and row["active"] in ("0", "1") and all(_ID.fullmatch(row[each]) for each in checked)
        yield line, row if good else None


def _concept(row: dict[str, str]) -> NewConcept:
    defined = "true" if row["definitionStatusId"] == DEFINED else "false"
    properties: list[tuple[str, Kind, str]] = [
        ("moduleId", "code", row["moduleId"]),
        ("effectiveTime", "string", row["effectiveTime"]),
        ("sufficientlyDefined", "boolean", defined),
    ]
    return NewConcept(row["id"], inactive=row["active"] == "0", properties=properties)


def _descriptions(
    release: Release, name: str, kind: str, preferred: tuple[array[int], array[int]], language: str
) -> Iterator[Item]:
    best, good = preferred
    use = {"system": SNOMED, "code": kind, "display": _USES[kind]}
    for line, row in _rows(release, name, "conceptId", "languageCode", "typeId", "term"):
        if row is None:
            if kind == FULL_NAME:
                yield Item(name, line, Fault(_BAD))
            continue
        if row["active"] == "0" or row["typeId"] != kind:
            continue
        number, ours = int(row["id"]), row["languageCode"] == language
        shown = kind == FULL_NAME or (ours and (_has(best, number) if best else _has(good, number)))
        said = Designation(row["term"], row["languageCode"], use)
        yield Item(name, line, Naming(row["conceptId"], [said], row["term"] if shown else None), loose=True)


def _preferred(release: Release, language: str) -> tuple[array[int], array[int]]:
    """Return the numbers of the descriptions that are preferred, in order: in US English, and in any reference set.

    Eight bytes each: a few megabytes for all of SNOMED CT.
    """
    best, good = array("Q"), array("Q")
    for name in release.names(LANGUAGES):
        for _, row in _rows(release, name, "refsetId", "referencedComponentId", "acceptabilityId", uuid=True):
            if row is not None and row["active"] == "1" and row["acceptabilityId"] == PREFERRED:
                good.append(int(row["referencedComponentId"]))
                if language == "en" and row["refsetId"] == US_ENGLISH:
                    best.append(int(row["referencedComponentId"]))
    return array("Q", sorted(best)), array("Q", sorted(good))


def _has(numbers: array[int], number: int) -> bool:
    at = bisect_left(numbers, number)
    return at < len(numbers) and numbers[at] == number
