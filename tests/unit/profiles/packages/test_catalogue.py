"""Definitions by canonical: which version, which type, and when it changed."""

from __future__ import annotations

import json

from profiles.packages import core
from profiles.packages.catalogue import Catalogue
from tests.fakes.packages import URL, Json, profile, value_set

A = f"{URL}/ValueSet/a"


def catalogue(*resources: Json) -> Catalogue:
    made = Catalogue()
    for number, each in enumerate(resources):
        made.keep(str(number), each, json.dumps(each).encode())
    return made


def test_a_canonical_without_version_means_the_newest_active_one() -> None:
    found = catalogue(
        value_set("a", "4.9"), value_set("a", "4.10"), value_set("a", "5", status="draft"), value_set("a", "4.2")
    )
    assert (found.resolve(A) or {})["version"] == "4.10"
    assert (found.resolve(f"{A}|4.9") or {})["version"] == "4.9"
    assert found.resolve(f"{A}|4.11") is None
    assert found.versions(A) == ("4.10", "4.9", "4.2", "5")


def test_a_type_that_is_asked_for_has_to_fit() -> None:
    found = catalogue(value_set("a"))
    assert found.resolve(A, "ValueSet") == value_set("a")
    assert found.resolve(A, "CodeSystem") is None


def test_each_change_raises_the_revision_and_shows_at_once() -> None:
    found = catalogue(value_set("a"))
    assert found.resolve(A) == value_set("a")
    before = found.revision
    changed = value_set("a", title="another")
    found.keep("0", changed, json.dumps(changed).encode())
    assert found.revision > before
    assert found.resolve(A) == changed
    found.drop("ValueSet", "0")
    assert found.resolve(A) is None


def test_profiles_of_a_resource_type_are_listed_with_versions() -> None:
    extension = profile("e", type="Extension", kind="complex-type")
    found = catalogue(profile(), profile("old", status="retired"), extension)
    assert found.profiles() == {"Patient": [f"{URL}/StructureDefinition/our-patient|1.0.0"]}


def test_profiles_that_nothing_can_be_made_of_are_not_listed() -> None:
    absent = profile("child", baseDefinition=f"{URL}/StructureDefinition/absent|1.0.0")
    grandchild = profile("grandchild", baseDefinition=f"{URL}/StructureDefinition/child")
    circle = profile("circle", baseDefinition=f"{URL}/StructureDefinition/circle")
    found = catalogue(absent, grandchild, circle)
    assert found.profiles() == {}
    supplied = catalogue(absent | {"snapshot": {"element": []}}, grandchild, circle)
    assert supplied.profiles() == {
        "Patient": [f"{URL}/StructureDefinition/{name}|1.0.0" for name in ("child", "grandchild")]
    }
    complete = catalogue(absent, grandchild, circle, profile("absent"))
    assert [each.rpartition("/")[2] for each in complete.profiles()["Patient"]] == [
        "absent|1.0.0",
        "child|1.0.0",
        "grandchild|1.0.0",
    ]


def test_what_is_not_stored_is_asked_of_the_core() -> None:
    patient = {"resourceType": "StructureDefinition"}
    found = Catalogue(standard=lambda canonical: patient if canonical.endswith("/Patient") else None)
    assert found.resolve("http://hl7.org/fhir/StructureDefinition/Patient") is patient
    assert found.resolve("http://hl7.org/fhir/StructureDefinition/Patient", "ValueSet") is None


def test_r4_knows_its_own_definitions_in_its_own_version() -> None:
    assert core.knows("http://hl7.org/fhir/StructureDefinition/Patient")
    assert core.knows("http://hl7.org/fhir/StructureDefinition/Patient|4.0.1")
    assert core.knows("http://hl7.org/fhir/ValueSet/administrative-gender")
    assert core.knows("http://hl7.org/fhir/StructureDefinition/bodyweight|4.0.1")
    assert not core.knows("http://hl7.org/fhir/StructureDefinition/Patient|5.0.0")
    assert not core.knows("http://example.org/StructureDefinition/Patient")


def test_profiles_and_extensions_of_r4_resolve_by_themselves() -> None:
    for name in ("Patient", "vitalsigns", "bodyweight", "patient-birthPlace"):
        for version in ("", "|4.0.1"):
            definition = Catalogue().resolve(f"http://hl7.org/fhir/StructureDefinition/{name}{version}")
            assert definition is not None
            assert definition["url"].endswith(f"/{name}")
    assert Catalogue().resolve("http://hl7.org/fhir/StructureDefinition/vitalsigns|5.0.0") is None


def test_a_definition_that_cannot_be_read_as_one_is_none() -> None:
    made = Catalogue()
    bent = {"resourceType": "ValueSet", "url": A, "status": "draft", "compose": {"include": [{"valueSet": [None]}]}}
    made.keep("a", bent, json.dumps(bent).encode())
    assert made.find(A) is not None
    assert made.resolve(A) is None
