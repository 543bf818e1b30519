"""resolve(): in the resource, in the Bundle, by the caller, or to a stub of the type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.references import named_type

Evaluate = Callable[..., list[Any]]
PATIENT = {"resourceType": "Patient", "id": "1", "active": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", ("Patient", "1")),
        ("http://example.org/fhir/Patient/1", ("Patient", "1")),
        ("Patient/1/_history/2", ("Patient", "1")),
        ("http://example.org/fhir/Patient/1/_history/2", ("Patient", "1")),
        ("Nope/1", None),
        ("Patient", None),
        ("Patient/", None),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", None),
        ("http://example.org/Patient/1/more", None),
        ("", None),
    ],
)
def test_a_reference_names_its_type(text: str, expected: tuple[str, str] | None) -> None:
    assert named_type(text) == expected


def test_contained_resources_are_found(evaluate: Evaluate) -> None:
    assert evaluate("managingOrganization.resolve().name") == ["Clinic"]
    assert evaluate("contained.partOf.resolve().id") == ["example"]
    assert evaluate("managingOrganization.resolve().partOf.resolve() is Patient") == [True]
    assert evaluate("'#nope'.resolve()") == []


def test_without_a_hook_a_stub_says_the_type(evaluate: Evaluate) -> None:
    observation = {"resourceType": "Observation", "subject": {"reference": "Patient/1"}}
    assert evaluate("subject.resolve()", observation) == [{"resourceType": "Patient", "id": "1"}]
    assert evaluate("subject.where(resolve() is Patient).exists()", observation) == [True]
    assert evaluate("subject.resolve().active", observation) == []


def test_the_hook_is_asked_for_what_is_elsewhere(evaluate: Evaluate) -> None:
    observation = {"resourceType": "Observation", "subject": {"reference": "Patient/1"}}
    asked = []

    def resolve(reference: str) -> dict[str, Any] | None:
        asked.append(reference)
        return PATIENT if reference == "Patient/1" else None

    assert evaluate("subject.resolve().active", observation, resolve=resolve) == [True]
    assert evaluate("'Patient/2'.resolve()", observation, resolve=resolve) == []
    assert asked == ["Patient/1", "Patient/2"]


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def observation_of(reference: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "subject": {"reference": reference}}


@pytest.mark.parametrize(
    ("own", "target", "reference"),
    [
        ("urn:uuid:a", "urn:uuid:b", "urn:uuid:b"),
        ("http://example.org/fhir/Observation/1", "http://example.org/fhir/Patient/1", "Patient/1"),
        ("http://example.org/fhir/Observation/1", "http://other.org/Patient/1", "http://other.org/Patient/1"),
    ],
)
def test_entries_of_a_bundle_are_found(evaluate: Evaluate, own: str, target: str, reference: str) -> None:
    document = bundle({"fullUrl": own, "resource": observation_of(reference)}, {"fullUrl": target, "resource": PATIENT})
    text = "entry.resource.ofType(Observation).subject.resolve().active"
    assert evaluate(text, document) == [True]


def test_a_relative_reference_does_not_reach_another_server_of_the_bundle(evaluate: Evaluate) -> None:
    document = bundle(
        {"fullUrl": "http://example.org/fhir/Observation/1", "resource": observation_of("Patient/1")},
        {"fullUrl": "http://other.org/fhir/Patient/1", "resource": PATIENT},
    )
    assert evaluate("entry.resource.ofType(Observation).subject.resolve().active", document) == []


def test_canonicals_and_uris_resolve_too(evaluate: Evaluate) -> None:
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": "http://example.org/Questionnaire/q"}
    assert evaluate("questionnaire.resolve() is Questionnaire", response) == [True]
    assert evaluate("1.resolve()") == []
    assert evaluate("name.first().resolve()") == []
