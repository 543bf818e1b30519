"""Each invariant of the base types is checked at every element that the standard puts it at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiter
import pytest

from profiles.definitions import Element, constraint, resource_types, structure
from profiles.validation.invariants import BEST_PRACTICE, ELSEWHERE, plan
from profiles.validation.plain import GUARDS, RULES, Local
from profiles.validation.tables import shape

FOLDER = Path(__file__).parents[1] / "fhirpath" / "invariants"
CASES: list[dict[str, Any]] = [
    case for file in sorted(FOLDER.glob("*.json")) for case in jiter.from_json(file.read_bytes(), float_mode="decimal")
]


def expected(element: Element, type_name: str) -> Iterator[tuple[str, str]]:
    """Yield (rule, element) of everything below `element` that the definitions say."""
    for name in element.constraints:
        if name not in ELSEWHERE | BEST_PRACTICE:
            yield name, f"{type_name}.{element.path}".rstrip(".")
    for child in element.children:
        yield from expected(child, type_name)


def planned(key: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (rule, element) of everything that a walk from the shape `key` would check."""
    if key in seen:
        return
    seen.add(key)
    of = plan(key)
    where = key.partition("!")[0].replace("#", ".")
    for rule in of.rules:
        yield rule.name, where
    for name, member in of.members.items():
        row = shape(key).properties[name]
        for rule in member.rules:
            yield rule.name, f"{row.element.path and shape(key).type}.{row.element.path}"
        if member.plan is not None:
            yield from planned(member.plan.key, seen)


@pytest.mark.parametrize("type_name", resource_types())
def test_a_walk_checks_every_rule_of_a_type(type_name: str) -> None:
    seen: set[str] = set()
    rules = set(planned(type_name, seen))

    assert set(expected(structure(type_name).root, type_name)) <= rules
    for name in {key.partition("#")[0].partition("!")[0] for key in seen}:
        assert set(expected(structure(name).root, name)) <= rules


@pytest.mark.parametrize("case", [case for case in CASES if case["name"] in RULES], ids=lambda case: case["name"])
def test_a_rule_written_out_holds_where_it_is_kept_and_not_where_it_is_broken(case: dict[str, Any]) -> None:
    around = case.get("root", {})
    whole = "." not in case["at"] and "root" not in case

    assert RULES[case["name"]](case["pass"], Local(case["pass"] if whole else around))
    broken = case.get("failRoot", around)
    assert not RULES[case["name"]](case["fail"], Local(case["fail"] if whole else broken))


@pytest.mark.parametrize("case", [case for case in CASES if case["name"] in GUARDS], ids=lambda case: case["name"])
def test_what_a_rule_is_looked_at_for_is_there_where_it_is_broken(case: dict[str, Any]) -> None:
    assert all(name in case["fail"] for name in GUARDS[case["name"]])


def test_every_rule_has_a_severity() -> None:
    assert {constraint(case["name"]).severity for case in CASES} == {"error", "warning"}
