"""When two items are the same: keys for distinct(), unions and their like."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.values import key, type_name

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1 | 1.0 | '1').count()", 2),
        ("(true | 1).count()", 2),
        ("(@2012 | @2012-01).count()", 2),
        ("(@2012-01-01T10:00:00Z | @2012-01-01T12:00:00+02:00).count()", 1),
        ("(1 'g' | 1000 'mg' | 2 'g').count()", 2),
        ("(4 days | 96 hours).count()", 1),
        ("(name | name).count()", 3),
        ("(name.period | name.period).count()", 1),
        ("name.select(%resource.name).distinct().count()", 3),
        ("name.select(%resource.name).select(%resource.name).distinct().count()", 3),
        ("name.combine(contained).combine(name).distinct().count()", 4),
    ],
)
def test_items_are_the_same_by_what_they_mean(evaluate: Evaluate, text: str, expected: int) -> None:
    assert evaluate(text) == [expected]


def test_quantities_of_a_resource_stay_apart_when_written_differently(evaluate: Evaluate) -> None:
    unit = {"system": "http://unitsofmeasure.org"}
    resource = {
        "resourceType": "Observation",
        "component": [
            {"valueQuantity": {"value": Decimal("1"), "code": "g", **unit}},
            {"valueQuantity": {"value": Decimal("1000"), "code": "mg", **unit}},
            {"valueQuantity": {"value": Decimal("1.0"), "code": "g", **unit}},
            {"valueQuantity": {"value": Decimal("1"), "code": "g", **unit}},
        ],
    }
    assert evaluate("(component.value | {}).count()", resource) == [3]
    assert evaluate("component[0].value = component[1].value", resource) == [True]


def test_elements_are_the_same_whatever_the_order_of_their_properties() -> None:
    resource = {
        "resourceType": "Patient",
        "name": [{"family": "a", "period": {"start": "2012"}}, {"period": {"start": "2012"}, "family": "a"}],
    }
    first, second = compile_expression("name").nodes(resource)
    assert key(first) == key(second)


def test_dates_inside_elements_are_the_same_instant_in_any_zone(evaluate: Evaluate) -> None:
    resource = {
        "resourceType": "Patient",
        "name": [{"period": {"start": "2012-01-01T10:00:00Z"}}, {"period": {"start": "2012-01-01T12:00:00+02:00"}}],
    }
    assert evaluate("name[0].period = name[1].period", resource) == [True]


def test_a_date_that_is_none_equals_only_itself(evaluate: Evaluate) -> None:
    resource = {"resourceType": "Patient", "birthDate": "soon", "deceasedDateTime": "soon"}
    assert evaluate("birthDate = deceased", resource) == [True]
    assert evaluate("birthDate = @2012", resource) == [False]


def test_types_have_names() -> None:
    patient = {"resourceType": "Patient"}
    items = [True, 1, Decimal(1), "a", *compile_expression("$this").nodes(patient)]
    assert [type_name(item) for item in items] == ["Boolean", "Integer", "Decimal", "String", "Patient"]
