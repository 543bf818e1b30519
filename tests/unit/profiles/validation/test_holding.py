"""The quick question agrees with the walk that finds faults, and never passes over one."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.fhirpath.node import Scope
from profiles.validation.holding import holds, is_bare
from profiles.validation.invariants import invariant_issues
from profiles.validation.plain import GUARDS, SURE, Local
from tests.fakes.generated import generated_resource

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
LATE = {"start": "2024-02-01", "end": "2024-01-01"}
EARLY = {"start": "2024-01-01", "end": "2024-02-01"}


def held(resource: dict[str, Any]) -> bool:
    return holds(Scope.of(resource), Local(resource), bare=is_bare(resource))


@pytest.mark.parametrize(
    "resource",
    [
        OBSERVATION,
        {**OBSERVATION, "effectivePeriod": EARLY},
        {**OBSERVATION, "valueQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "mg"}},
        {**OBSERVATION, "extension": [{"url": "http://a", "valuePeriod": EARLY}]},
        {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "http://a", "valuePeriod": EARLY}]}},
        {"resourceType": "Patient", "name": [{"given": ["a_b", None], "_given": [None, {"id": "1"}]}]},
    ],
)
def test_what_is_right_holds(resource: dict[str, Any]) -> None:
    assert held(resource)


@pytest.mark.parametrize(
    "resource",
    [
        {**OBSERVATION, "effectivePeriod": LATE},
        {**OBSERVATION, "component": [{"code": {"text": "a"}, "valueQuantity": {"value": 1, "code": "mg"}}]},
        {**OBSERVATION, "subject": {"reference": "#nobody"}},
        {**OBSERVATION, "performer": [{"identifier": {"value": "1", "period": LATE}}]},
        {**OBSERVATION, "code": {"coding": [{"code": "1", "extension": [{"url": "http://a", "valuePeriod": LATE}]}]}},
        {**OBSERVATION, "modifierExtension": [{"url": "http://a", "valuePeriod": LATE}]},
        {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "http://a", "valuePeriod": LATE}]}},
        {
            "resourceType": "Patient",
            "name": [{"given": ["a"], "_given": [{"extension": [{"url": "http://a", "valuePeriod": LATE}]}]}],
        },
        {"resourceType": "ValueSet", "status": "draft", "name": "a b"},
    ],
)
def test_what_is_broken_does_not_hold(resource: dict[str, Any]) -> None:
    assert not held(resource)


def test_it_holds_exactly_where_no_fault_is_found() -> None:
    answers = set()
    for seed in range(600):
        resource = generated_resource(seed)
        found = invariant_issues(Scope.of(resource), resource["resourceType"], Local(resource))
        assert held(resource) == (found == []), seed
        answers.add(held(resource))

    assert answers == {True, False}


@pytest.mark.parametrize(
    ("start", "end", "sure"),
    [
        ("2024-01-01", "2024-01-01", True),
        ("2024", "2025", True),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z", True),
        ("2024-01-31T10:00:00+02:00", "2024-01-31T10:00:01+02:00", True),
        ("2024-01-31T10:00:00.100Z", "2024-01-31T10:00:00.200Z", True),
        # Those below may hold or not: their texts alone do not tell.
        ("2024-01-02", "2024-01-01", False),
        ("2024-01", "2024-01-31", False),
        ("2024-01-31T10:00:00-05:00", "2024-01-31T10:00:00+01:00", False),
        ("2024-01-31T10:00:00.1000Z", "2024-01-31T10:00:00+01:00", False),
    ],
)
def test_texts_tell_the_order_of_times_of_one_form(start: str, end: str, sure: bool) -> None:
    assert SURE["per-1"]({"start": start, "end": end}) is sure


def test_a_guard_names_one_property_or_two() -> None:
    assert {len(names) for names in GUARDS.values()} == {1, 2}


def test_a_name_with_an_escape_is_no_extension_name_in_disguise() -> None:
    # JSON may spell any letter as an escape, but the text that is looked at is written here.
    assert not is_bare({"extension": []})
    assert not is_bare({}, b'{"modifierExtension":[]}')
    assert not is_bare({"contained": [{"_id": {}}]})
    assert is_bare({"status": "a_b"})


def test_what_cannot_be_written_is_not_bare() -> None:
    assert not is_bare({"a": "\ud800"})
    assert not is_bare({"a": object()})
