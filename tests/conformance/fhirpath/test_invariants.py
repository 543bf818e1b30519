"""Every invariant of 4.0.1: a resource or element that keeps it and one that breaks it, by what the rule is to say.

The cases are in `invariants/*.json`: `at` is the element, `pass` and `fail` its values, `root` the resource around it
where the rule looks there (`failRoot` another one for the failing value), `type` the type of a choice. A case that is
`unreachable` says why no resource of R4 can break the rule.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import jiter
import pytest

from profiles import definitions
from profiles.fhirpath.engine import Node, compile_expression

Case = dict[str, Any]
FOLDER = Path(__file__).parent / "invariants"
CASES: list[Case] = [
    case for file in sorted(FOLDER.glob("*.json")) for case in jiter.from_json(file.read_bytes(), float_mode="decimal")
]
PROFILE_RULES = {"inv-1", "inv-2", "inv-0", "mqty-1", "sqty-1", "inv-1~5", "vs-1", "vs-2", "vs-3"}
"""Rules of the standard's profiles and patterns; they stand at no element of the base types."""


def label(case: Case) -> str:
    return f"{case['name']} at {case['at']}"


def node(case: Case, which: str) -> Node:
    at, value = case["at"], case[which]
    structure, _, path = at.partition(".")
    if not path and definitions.structure(structure).kind == "resource":
        resource = {"resourceType": structure, **value}
        return Node.of(resource, structure, root=resource)
    is_resource = definitions.structure(structure).kind == "resource"
    around = case.get("root", {"resourceType": structure if is_resource else "Basic"})
    if which == "fail":
        around = case.get("failRoot", around)
    if not path:
        return Node.of(value, structure, root=around)
    if "type" in case:
        return Node.of(value, case["type"], root=around)
    types = definitions.at(structure, path).types
    return Node.of(value, types[0].code if types else "BackboneElement", root=around, path=at)


def holds(case: Case, which: str) -> bool | None:
    expression = compile_expression(definitions.constraint(case["name"]).expression, lenient=True)
    return expression.test(node(case, which))


@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_rule_holds_where_it_is_kept(case: Case) -> None:
    assert holds(case, "pass") is True


@pytest.mark.parametrize("case", [case for case in CASES if "unreachable" not in case], ids=label)
def test_the_rule_does_not_hold_where_it_is_broken(case: Case) -> None:
    assert holds(case, "fail") is not True


def test_every_invariant_has_a_case() -> None:
    assert {case["name"] for case in CASES} == set(definitions.constraint_names())


def test_cases_stand_where_the_standard_puts_the_rule() -> None:
    places = defaultdict(set)
    for name in definitions.type_names():
        pending = [definitions.structure(name).root]
        while pending:
            element = pending.pop()
            pending.extend(element.children)
            for rule in element.constraints:
                places[rule].add(f"{name}.{element.path.removesuffix('[x]')}".rstrip("."))
    general = {"ele-1": "HumanName", "ext-1": "Extension"}
    wrong = [
        label(case)
        for case in CASES
        if case["name"] not in PROFILE_RULES
        and case["at"] not in places[case["name"]]
        and case["at"] != general.get(case["name"])
    ]
    assert wrong == []
