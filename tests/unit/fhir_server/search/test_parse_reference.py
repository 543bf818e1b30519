"""References: identifiers, hierarchies and canonical versions (http://hl7.org/fhir/R4/search.html#reference)."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Hierarchy, Node, Or, Token, Uri
from tests.fakes.searching import BASE, refusal, where


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "node"),
    [
        (
            "Observation",
            "subject:identifier",
            "http://acme.org/mrn|1",
            Token("subject:identifier", "http://acme.org/mrn", "1"),
        ),
        ("Observation", "patient:identifier", "1", Token("subject:identifier", None, "1")),
        ("Procedure", "location:below", "42", Hierarchy("location", "Location", "42", "partof")),
        ("Procedure", "location:below", "Location/42", Hierarchy("location", "Location", "42", "partof")),
        ("Procedure", "location:below", BASE + "/Location/42", Hierarchy("location", "Location", "42", "partof")),
        (
            "MedicationAdministration",
            "context:above",
            "21",
            Hierarchy("context", "Encounter", "21", "part-of", above=True),
        ),
        ("Location", "partof:below", "1", Hierarchy("partof", "Location", "1", "partof")),
        (
            "MedicationStatement",
            "part-of:below",
            "1",
            Or(
                (
                    Hierarchy("part-of", "Procedure", "1", "part-of"),
                    Hierarchy("part-of", "MedicationStatement", "1", "part-of"),
                )
            ),
        ),
    ],
)
def test_references_are_read_as_their_modifier_says(resource_type: str, name: str, value: str, node: Node) -> None:
    assert where(resource_type, name, value) == node


@pytest.mark.parametrize(
    ("value", "node"),
    [
        ("http://acme.org/q", Uri("questionnaire", "http://acme.org/q")),
        ("http://acme.org/q|1", Uri("questionnaire", "http://acme.org/q", "1", "below")),
    ],
)
def test_below_a_canonical_are_its_versions(value: str, node: Node) -> None:
    assert where("QuestionnaireResponse", "questionnaire:below", value) == node


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "says"),
    [
        ("QuestionnaireResponse", "questionnaire:above", "http://acme.org/q", ":above is not answered"),
        ("QuestionnaireResponse", "questionnaire:identifier", "1", ":identifier is not answered"),
        ("QuestionnaireResponse", "questionnaire:below", "http://acme.org/q|1|2", "url|version"),
        ("Patient", "general-practitioner:below", "Practitioner/1", "of type Organization"),
        ("Observation", "device:below", "1", ":below is not answered"),
        ("Procedure", "location:below", "Location/42/_history/1", "id or Type/id"),
        ("Procedure", "location:below", "https://other.example.org/Location/42", "id or Type/id"),
        ("Observation", "subject:Human", "23", ":Human is unknown"),
        ("Observation", "subject:identifier", "a|b|c", "system|code"),
    ],
)
def test_what_does_not_fit_is_refused(resource_type: str, name: str, value: str, says: str) -> None:
    assert says in str(refusal(resource_type, (name, value)))
