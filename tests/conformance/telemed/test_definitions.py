"""Our own definitions by themselves: legal R4, with snapshots, and with codes that exist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from profiles.packages.catalogue import Catalogue
from profiles.packages.package import Artifact
from profiles.packages.telemed import telemed
from profiles.snapshot.core import core_resolve
from profiles.snapshot.snapshot import snapshot
from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import expand
from profiles.validation.validator import Validator
from tests.fakes.shared import needs_shared_data
from tests.fakes.telemed import Json, france, known

ARTIFACTS = telemed().definitions
LOINC = "http://loinc.org"
SPECIALTIES = "https://mos.esante.gouv.fr/NOS/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"


def content(artifact: Artifact) -> Json:
    found: Json = json.loads(artifact.text)
    return found


def of_type(type: str) -> list[Json]:
    return [content(each) for each in ARTIFACTS if each.type == type]


def elements(definition: Json, catalogue: Catalogue) -> list[Mapping[str, Any]]:
    made = snapshot(definition, lambda canonical: catalogue.resolve(canonical) or core_resolve(canonical))
    return list(made["snapshot"]["element"])


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda each: each.id)
def test_every_definition_is_r4_and_named_by_its_id(artifact: Artifact) -> None:
    definition = content(artifact)
    assert Validator().validate(definition) == []
    assert definition["url"] == f"urn:fhir-health-server:telemed/{artifact.type}/{artifact.id}"
    assert artifact.entry == f"package/{artifact.type}-{artifact.id}.json"
    assert definition["version"] == telemed().manifest.version


@pytest.mark.parametrize("definition", of_type("StructureDefinition"), ids=lambda each: each["id"])
def test_every_profile_of_r4_has_a_snapshot(definition: Json) -> None:
    if definition["baseDefinition"].startswith("http://hl7.org/fhir/"):
        assert elements(definition, known())[0]["path"] == definition["type"]
    else:
        assert definition["id"] == "telemed-fr-encounter"


@needs_shared_data
def test_the_child_of_fr_core_says_what_the_profile_of_r4_says() -> None:
    """It differs in what it is built on, and in who the patient is."""
    by_id = {each["id"]: each for each in of_type("StructureDefinition")}
    plain, french = by_id["telemed-encounter"], by_id["telemed-fr-encounter"]
    assert french["baseDefinition"] == "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-encounter|2.2.0"
    rows = (each["differential"]["element"] for each in (plain, french))
    assert [a["id"] for a, b in zip(*rows, strict=True) if a != b] == ["Encounter.subject"]
    made = {each["id"]: each for each in elements(french, known(*france()))}
    assert made["Encounter.identifier.type"]["min"] == 1
    assert made["Encounter.priority.coding:act"]["min"] == 1


@pytest.mark.parametrize("definition", of_type("ValueSet"), ids=lambda each: each["id"])
def test_every_value_set_expands(definition: Json) -> None:
    if definition["id"] == "telemed-consent-category":
        definition["compose"]["include"][0] = {"system": "http://terminology.hl7.org/CodeSystem/consentcategorycodes"}
    assert expand(definition, known().resolve, 1000)


@needs_shared_data
@pytest.mark.parametrize("definition", of_type("ConceptMap"), ids=lambda each: each["id"])
def test_every_map_goes_from_codes_that_exist_to_codes_that_exist(definition: Json) -> None:
    (group,) = definition["group"]
    catalogue = known(*france())
    targets = [each["code"] for row in group["element"] for each in row["target"]]
    assert {row["code"] for row in group["element"]} <= codes(group["source"], catalogue)
    if group["target"] == LOINC:
        with pytest.raises(NotExpandable):
            codes(LOINC, catalogue)
    else:
        assert set(targets) <= codes(group["target"], catalogue)


@pytest.mark.parametrize("definition", of_type("ConceptMap"), ids=lambda each: each["id"])
def test_every_map_can_be_gone_back(definition: Json) -> None:
    """Among what is called equivalent no code occurs twice, and every code but the last resort has its place."""
    (group,) = definition["group"]
    pairs = [
        (row["code"], each["code"])
        for row in group["element"]
        for each in row["target"]
        if each["equivalence"] == "equivalent"
    ]
    assert len({target for _, target in pairs}) == len({source for source, _ in pairs}) == len(pairs)
    left = codes(group["source"], known()) - {row["code"] for row in group["element"]}
    assert left == ({"autre"} if group["target"] == SPECIALTIES else set())


def codes(system: str, catalogue: Catalogue) -> set[str]:
    """Return every code of a system."""
    whole = {"resourceType": "ValueSet", "url": "urn:whole", "compose": {"include": [{"system": system}]}}
    return {code for _, code in expand(whole, catalogue.resolve, None)}
