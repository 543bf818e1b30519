"""Care relations and consents, condition by condition."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.search.match import Candidate
from fhir_server.search.match_rule import is_refused, is_related
from profiles.restriction import Consented, Related

NOW = 1000
SEEN = Candidate("Observation", "o", 500, "Practitioner/d", [("Patient", "a"), ("Encounter", "e")], [("s", "R")], None)
CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"types": ["Observation"]}, True),
    ({"types": ["Condition"]}, False),
    ({"types": []}, False),
    ({"authors": ["Practitioner/d"]}, True),
    ({"authors": ["Practitioner/x"]}, False),
    ({"resources": ["Observation/o"]}, True),
    ({"resources": ["Condition/o"]}, False),
    ({"encounters": ["e"]}, True),
    ({"encounters": ["a"]}, False),
    ({"labels": [["s", "V"], ["s", "R"]]}, True),
    ({"labels": [["t", "R"]]}, False),
    ({"from": 500, "to": 501}, True),
    ({"from": 501}, False),
    ({"to": 500}, False),
    ({"types": ["Observation"], "encounters": ["x"]}, False),
]


@pytest.mark.parametrize(("conditions", "met"), CONDITIONS)
def test_a_relation_shows_what_meets_one_of_its_conditions(conditions: dict[str, Any], met: bool) -> None:
    asked = Related("d", NOW)
    assert is_related(asked, [({"only": [conditions]}, None)], SEEN) is met
    assert is_related(asked, [({"only": [{"types": []}, conditions]}, None)], SEEN) is met


@pytest.mark.parametrize(("conditions", "met"), CONDITIONS)
def test_a_rule_refuses_what_meets_all_its_conditions_but_for_its_exceptions(
    conditions: dict[str, Any], met: bool
) -> None:
    asked = Consented(("Practitioner/d",), "TREAT", NOW, ("Practitioner/d",))
    assert is_refused(asked, [(conditions, None)], SEEN) is met
    assert is_refused(asked, [({"except": [conditions]}, None)], SEEN) is not met


@pytest.mark.parametrize(
    ("since", "expires", "open"), [(None, None, True), (NOW, NOW + 1, True), (NOW + 1, None, False), (None, NOW, False)]
)
def test_time_passes_by_itself(since: int | None, expires: int | None, open: bool) -> None:
    rule = {} if since is None else {"since": since}
    assert is_related(Related("d", NOW), [(rule, expires)], SEEN) is open
    asked = Consented(("Practitioner/d",), "TREAT", NOW, ("Practitioner/d",))
    assert is_refused(asked, [(rule, expires)], SEEN) is open
    until = {} if expires is None else {"until": expires}
    assert is_refused(asked, [({"except": [rule | until]}, None)], SEEN) is not open


@pytest.mark.parametrize(
    ("who", "meant"),
    [
        ({"actors": ["Practitioner/d"]}, True),
        ({"actors": ["Practitioner/x"]}, False),
        ({"purposes": ["TREAT", "BTG"]}, True),
        ({"purposes": ["HRESCH"]}, False),
        ({"actors": ["Practitioner/d"], "purposes": ["BTG"]}, False),
    ],
)
def test_a_rule_is_about_the_actors_and_purposes_it_names(who: dict[str, Any], meant: bool) -> None:
    asked = Consented(("Practitioner/d",), "TREAT", NOW, ("Practitioner/d",))
    assert is_refused(asked, [(who, None)], SEEN) is meant
    assert is_refused(asked, [({"except": [who]}, None)], SEEN) is not meant


@pytest.mark.parametrize(
    ("named", "vouched", "refused"),
    [
        (("Organization/a",), ("Organization/a",), False),
        (("Organization/a",), (), True),
        (("Organization/a",), ("Organization/b",), True),
    ],
)
def test_an_exception_is_for_whom_somebody_else_vouches_for(
    named: tuple[str, ...], vouched: tuple[str, ...], refused: bool
) -> None:
    rule = {"except": [{"actors": ["Organization/a"]}]}
    assert is_refused(Consented(named, "TREAT", NOW, vouched), [(rule, None)], SEEN) is refused


def test_without_relations_nothing_is_related_and_without_rules_nothing_refused() -> None:
    assert not is_related(Related("d", NOW), [], SEEN)
    assert not is_refused(Consented(("Practitioner/d",), "TREAT", NOW, ("Practitioner/d",)), [], SEEN)
