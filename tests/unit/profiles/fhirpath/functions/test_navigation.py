"""children, descendants, iif, type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name.first().children().count()", [4]),
        ("telecom.last().children()", ["phone", "(03) 5555 6473", "work", 1]),
        ("birthDate.children().url", ["http://hl7.org/fhir/StructureDefinition/patient-birthTime"]),
        ("birthDate.descendants().ofType(dateTime)", ["1974-12-25T14:35:45-05:00"]),
        ("descendants().reference", ["#o", "#"]),
        ("1.children()", []),
        ("iif(true, 1, 2)", [1]),
        ("iif(false, 1, 2)", [2]),
        ("iif({}, 1, 2)", [2]),
        ("iif({}, 1)", []),
        ("iif(true, 1, (1|2).single())", [1]),
        ("name.first().iif(empty(), 'none', given.first())", ["Peter"]),
        ("link.iif(empty(), 'none', 'some')", ["none"]),
        ("1.type().namespace", ["System"]),
        ("1.type().name", ["Integer"]),
        ("active.type().namespace", ["FHIR"]),
        ("active.type().name", ["boolean"]),
        ("Patient.type().name", ["Patient"]),
        ("name.given.trace('x').count()", [5]),
        ("today().toString().length()", [10]),
    ],
)
def test_navigation(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


def test_children_of_arrays_of_primitives_include_those_with_extensions_only(evaluate: Evaluate) -> None:
    resource = {"resourceType": "Patient", "name": [{"_given": [{"extension": [{"url": "u"}]}]}]}
    assert evaluate("name.children().count()", resource) == [1]
    assert evaluate("descendants().url", resource) == ["u"]
