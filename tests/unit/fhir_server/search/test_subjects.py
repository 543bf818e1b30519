"""Whom a resource is about, type by type, against the CompartmentDefinition of the standard."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.subjects import subjects
from profiles import definitions
from profiles.ownership import owning, record_types

BASE = "http://example.org/fhir"
EXTRACTOR = Extractor(Registry())
A, B = {"reference": "Patient/a"}, {"reference": "Patient/b"}
DOCTOR = {"reference": "Practitioner/d"}


def about(type: str, **elements: Any) -> list[str]:
    resource = {"resourceType": type, **elements}
    return [id for _, id in subjects(resource, EXTRACTOR.entries(resource, base=BASE))]


@pytest.mark.parametrize(
    ("type", "elements", "patients"),
    [
        ("Patient", {"id": "a"}, ["a"]),
        ("Patient", {"id": "a", "link": [{"other": B, "type": "seealso"}]}, ["a"]),
        ("Observation", {"subject": A, "performer": [B]}, ["a"]),
        ("Observation", {"performer": [B]}, ["b"]),
        ("Observation", {"subject": {"reference": "Group/g"}, "performer": [B]}, []),
        ("Observation", {"subject": {"identifier": {"value": "1"}}, "performer": [B]}, []),
        ("Observation", {"subject": A, "focus": [B]}, ["a"]),
        ("Condition", {"subject": A, "asserter": B}, ["a"]),
        ("AllergyIntolerance", {"patient": A, "recorder": B, "asserter": B}, ["a"]),
        ("Procedure", {"subject": A, "performer": [{"actor": B}]}, ["a"]),
        ("CareTeam", {"subject": A, "participant": [{"member": B}]}, ["a"]),
        ("Communication", {"subject": A, "recipient": [B]}, ["a"]),
        ("Communication", {"recipient": [B], "sender": DOCTOR}, ["b"]),
        ("Composition", {"subject": A, "author": [B], "attester": [{"mode": "personal", "party": B}]}, ["a"]),
        ("DocumentReference", {"subject": A, "author": [B]}, ["a"]),
        ("QuestionnaireResponse", {"subject": A, "author": B, "source": B}, ["a"]),
        ("QuestionnaireResponse", {"author": B}, ["b"]),
        ("Appointment", {"participant": [{"actor": A}, {"actor": DOCTOR}]}, ["a"]),
        ("AppointmentResponse", {"actor": A}, ["a"]),
        ("Coverage", {"beneficiary": A, "policyHolder": B, "subscriber": B, "payor": [B]}, ["a"]),
        ("ResearchSubject", {"individual": A}, ["a"]),
        ("Provenance", {"target": [A], "agent": [{"who": B}]}, ["a"]),
        ("Encounter", {"subject": A, "participant": [{"individual": DOCTOR}]}, ["a"]),
        ("Consent", {"patient": A, "performer": [B]}, ["a"]),
        ("RelatedPerson", {"patient": A}, ["a"]),
        ("Group", {"member": [{"entity": A}, {"entity": B}]}, []),
        ("Person", {"link": [{"target": A}]}, []),
        ("Schedule", {"actor": [A]}, []),
        ("Practitioner", {"id": "d"}, []),
        ("Observation", {"subject": {"reference": "http://elsewhere.org/fhir/Patient/a"}}, []),
        ("Observation", {"subject": {"reference": f"{BASE}/Patient/a"}}, ["a"]),
    ],
)
def test_whom_a_resource_is_about(type: str, elements: dict[str, Any], patients: list[str]) -> None:
    assert about(type, **elements) == patients


def test_every_type_of_the_compartment_tells_whom_it_is_about_unless_it_is_named_here() -> None:
    inside = set(definitions.compartments()["Patient"])
    untold = inside - set(record_types())
    assert untold == {"Group", "Person", "Schedule"}
    assert set(record_types()) - inside == set()


def test_a_subject_is_never_who_performs_authors_or_receives() -> None:
    told = {code for type in record_types() for code in owning(type)[0]}
    assert told == {"patient", "subject", "beneficiary"}
