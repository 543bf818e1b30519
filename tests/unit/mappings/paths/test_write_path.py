"""Writing by paths: what is missing is made, what is there is kept, what is taken away leaves nothing empty."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from mappings.concepts.names import EMPTY
from mappings.paths.parse_path import parse_path
from mappings.paths.path import Leaf
from mappings.paths.write_path import write_path


def written(text: str, resource: dict[str, Any], leaf: Leaf | None) -> dict[str, Any]:
    write_path(parse_path(text), resource, leaf)
    return resource


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Patient.birthDate", {"birthDate": "v"}),
        ("Patient.name.text", {"name": [{"text": "v"}]}),
        ("Patient.telecom.where(system = 'phone').value", {"telecom": [{"system": "phone", "value": "v"}]}),
        (
            "Patient.extension('urn:x').value.ofType(string)",
            {"extension": [{"url": "urn:x", "valueString": "v"}]},
        ),
        (
            "Consent.category.where(coding.where(system = 's').exists()).coding.where(system = 's').code",
            {"category": [{"coding": [{"system": "s", "code": "v"}]}]},
        ),
        ("Composition.identifier.where(system = 's').value", {"identifier": {"system": "s", "value": "v"}}),
    ],
)
def test_what_is_missing_is_made_and_goes_again(text: str, made: dict[str, Any]) -> None:
    resource = written(text, {}, Leaf("v"))
    assert resource == made
    assert written(text, resource, None) == {}


def test_the_first_that_is_there_is_replaced() -> None:
    patient = {"name": [{"family": "Curie"}, {"text": "Marie", "id": "n2"}, {"text": "M."}]}
    assert written("Patient.name.text", patient, Leaf("Manya")) == {
        "name": [{"family": "Curie"}, {"text": "Manya", "id": "n2"}, {"text": "M."}]
    }


def test_an_object_is_laid_over_the_one_that_is_there() -> None:
    encounter = {"priority": {"coding": [{"system": "s", "code": "R", "display": "routine", "id": "c"}]}}
    leaf = Leaf({"system": "s", "code": "UR", "display": None})
    assert written("Encounter.priority.coding.where(system = 's')", encounter, leaf) == {
        "priority": {"coding": [{"system": "s", "code": "UR", "id": "c"}]}
    }


def test_a_value_takes_the_place_of_the_mark_of_an_empty_one_and_of_nothing_else() -> None:
    other = {"url": "urn:x", "valueBoolean": True}
    resource: dict[str, Any] = {"_birthDate": {"id": "b", "extension": [dict(EMPTY), other]}}
    full = written("Patient.birthDate", resource, Leaf("2020-01-01"))
    assert full == {"birthDate": "2020-01-01", "_birthDate": {"id": "b", "extension": [other]}}
    again = written("Patient.birthDate", full, Leaf(None, {"extension": [dict(EMPTY)]}))
    assert again == {"_birthDate": {"id": "b", "extension": [other, EMPTY]}}


def test_taking_away_leaves_items_that_say_more() -> None:
    patient = {"telecom": [{"system": "phone", "value": "1", "use": "home"}, {"system": "phone", "value": "2"}]}
    assert written("Patient.telecom.where(system = 'phone').value", patient, None) == {
        "telecom": [{"system": "phone", "use": "home"}]
    }


def test_taking_away_what_is_not_there_changes_nothing() -> None:
    assert written("Patient.contact.name.text", {"active": True}, None) == {"active": True}


@pytest.mark.parametrize(
    ("text", "value", "made"),
    [
        ("ServiceRequest.occurrence.ofType(dateTime)", "2026-04-02", {"occurrenceDateTime": "2026-04-02"}),
        ("ServiceRequest.occurrence.ofType(Period).end", "2026-04-02", {"occurrencePeriod": {"end": "2026-04-02"}}),
    ],
)
def test_a_value_of_a_choice_takes_the_place_of_one_of_another_type(
    text: str, value: str, made: dict[str, Any]
) -> None:
    timing = {"occurrenceTiming": {"code": {"text": "weekly"}}, "_occurrenceTiming": {"id": "t"}}
    resource = {"status": "active"} | deepcopy(timing)
    assert written(text, resource, None) == {"status": "active"} | timing
    assert written(text, resource, Leaf(value)) == {"status": "active"} | made


def test_no_value_of_one_type_of_a_choice_leaves_that_of_another() -> None:
    resource = {"occurrencePeriod": {"end": "2026-04-02"}}
    assert written("ServiceRequest.occurrence.ofType(dateTime)", deepcopy(resource), Leaf(None)) == resource
