"""Types: is, as, ofType (http://hl7.org/fhirpath/N1/#types)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.errors import FhirPathSyntaxError, FhirPathTypeError

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 is Integer", True),
        ("1.is(System.Integer)", True),
        ("1.0 is Decimal", True),
        ("1 is Decimal", False),
        ("'1' is String", True),
        ("true is Boolean", True),
        ("@2015 is Date", True),
        ("@2015T is DateTime", True),
        ("@T10:00 is Time", True),
        ("4 days is Quantity", True),
        ("4 days is System.Quantity", True),
        ("active is boolean", True),
        ("active is FHIR.boolean", True),
        ("active is Boolean", False),
        ("active is System.Boolean", False),
        ("Patient is Patient", True),
        ("Patient.is(FHIR.`Patient`)", True),
        ("Patient is DomainResource", True),
        ("Patient.is(System.Patient)", False),
        ("contained.first() is Organization", True),
        ("name.first() is HumanName", True),
        ("name.first() is Element", True),
        ("birthDate is date", True),
        ("birthDate is dateTime", False),
        ("1.is(System.Any)", True),
    ],
)
def test_an_item_is_of_its_type_and_its_ancestors(evaluate: Evaluate, text: str, expected: bool) -> None:
    assert evaluate(text) == [expected]


def test_nothing_is_of_no_type(evaluate: Evaluate) -> None:
    assert evaluate("{} is Integer") == []
    assert evaluate("{} as Integer") == []


@pytest.mark.parametrize("name", ["Nope", "FHIR.Nope", "Other.Patient", "System.Nope", "patient"])
def test_an_unknown_type_is_refused_when_compiled(name: str) -> None:
    with pytest.raises(FhirPathSyntaxError):
        compile_expression(f"name is {name}")


def test_a_near_miss_is_pointed_out() -> None:
    with pytest.raises(FhirPathSyntaxError, match="Patient is meant"):
        compile_expression("Bundle.entry.resource.ofType(patient)")


def test_as_is_strict_for_users_and_lenient_for_the_standard(patient: dict[str, Any]) -> None:
    for text in ("(name as HumanName).family", "name.as(HumanName).family"):
        with pytest.raises(FhirPathTypeError):
            compile_expression(text).evaluate(patient)
        assert compile_expression(text, lenient=True).evaluate(patient) == ["Chalmers", "Windsor"]
    assert compile_expression("(birthDate as date)").evaluate(patient) == ["1974-12-25"]
    assert compile_expression("(birthDate as string)").evaluate(patient) == []


def test_of_type_filters(evaluate: Evaluate, observation: dict[str, Any]) -> None:
    assert evaluate("Observation.value.ofType(Quantity).unit", observation) == ["lbs"]
    assert evaluate("Observation.value.ofType(string)", observation) == []
    assert evaluate("(1 | 'a' | true).ofType(String)") == ["a"]


def test_derived_types_count(evaluate: Evaluate) -> None:
    condition = {"resourceType": "Condition", "onsetAge": {"value": 3}}
    assert evaluate("onset.ofType(Quantity).value", condition) == [3]


def test_a_function_on_types_takes_the_name_of_one() -> None:
    with pytest.raises(FhirPathSyntaxError, match="name of a type"):
        compile_expression("name.ofType('HumanName')")
