"""What the end of a chain asks of a contained resource (http://hl7.org/fhir/R4/search.html#contained)."""

from __future__ import annotations

import pytest

from fhir_server.search.parse_contained import inside, of_contained
from fhir_server.search.query import (
    EVERYTHING,
    NOTHING,
    And,
    Chain,
    Has,
    Hierarchy,
    Id,
    LastUpdated,
    Node,
    Not,
    Or,
    Present,
    String,
    Together,
    Token,
    Words,
)

MALE, ANNA = Token("gender", None, "male"), String("name", "anna")
HELD_MALE, HELD_ANNA = Token("subject.Patient.gender", None, "male"), String("subject.Patient.name", "anna")


@pytest.mark.parametrize(
    ("asked", "inner"),
    [
        (MALE, HELD_MALE),
        (Or((MALE, ANNA)), Or((HELD_MALE, HELD_ANNA))),
        (Or((MALE, Id(("1",)))), HELD_MALE),
        (Not(MALE), And((Present("subject.Patient"), Not(HELD_MALE)))),
        (Together(((MALE,), (ANNA,))), Together(((HELD_MALE,), (HELD_ANNA,)))),
        (Chain("link", "Patient", MALE), Chain("subject.Patient.link", "Patient", MALE)),
        (
            Hierarchy("partof", "Location", "1", "partof"),
            Hierarchy("subject.Patient.partof", "Location", "1", "partof"),
        ),
    ],
)
def test_what_is_asked_of_a_resource_is_asked_of_a_contained_one(asked: Node, inner: Node) -> None:
    assert inside("subject.Patient", asked) == inner


@pytest.mark.parametrize(
    "asked",
    [
        Id(("1",)),
        LastUpdated("eq", 0, 1),
        Words(((("anna",), False),)),
        Has("Observation", "subject", MALE),
        And((MALE, ANNA)),
        Token("organization.Organization.name", None, "x"),
        Not(Id(("1",))),
        EVERYTHING,
        NOTHING,
    ],
)
def test_what_is_not_indexed_of_contained_resources_is_not_asked_of_them(asked: Node) -> None:
    assert inside("subject.Patient", asked) is None


def test_ids_of_contained_resources_are_entries_wherever_they_are_asked_for() -> None:
    held = Token("_id", "", "m1", case_sensitive=True)
    asked = And((MALE, Not(Or((Id(("m1",)), ANNA)))))
    assert of_contained(asked) == And((MALE, Not(Or((Or((held,)), ANNA)))))
    assert of_contained(Id(())) == NOTHING
