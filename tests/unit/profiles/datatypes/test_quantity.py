"""Quantities: reading FHIR's, comparing, converting, calculating."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from profiles.datatypes import quantity
from profiles.datatypes.quantity import UCUM, Quantity, canonical


def ucum(value: str, unit: str) -> Quantity:
    return Quantity(Decimal(value), unit)


def calendar(value: str, unit: str) -> Quantity:
    return Quantity(Decimal(value), unit, True)


def fhir(value: str, **rest: Any) -> Quantity:
    found = quantity.of_json({"value": Decimal(value), **rest})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        (ucum("1", "g"), ucum("1000", "mg"), 0),
        (ucum("1.0", "g"), ucum("1.00", "g"), 0),
        (ucum("1", "g"), ucum("999", "mg"), 1),
        (ucum("1", "g"), ucum("1", "m"), None),
        (ucum("1", "bogus"), ucum("2", "bogus"), -1),
        (ucum("1", "bogus"), ucum("1", "g"), None),
        (ucum("98.6", "[degF]"), ucum("37", "Cel"), 0),
        (calendar("7", "day"), calendar("1", "week"), 0),
        (calendar("12", "month"), calendar("1", "year"), 0),
        (calendar("1", "month"), calendar("30", "day"), None),
        (calendar("1", "year"), ucum("1", "a"), None),
        (calendar("1", "month"), ucum("1", "mo"), None),
        (calendar("1", "week"), ucum("7", "d"), 0),
        (calendar("1", "second"), ucum("1000", "ms"), 0),
        (fhir("2", unit="tablets"), fhir("3", unit="tablets"), -1),
        (fhir("2", unit="tablets"), fhir("3", unit="drops"), None),
        (fhir("2", system="http://example.org", code="x"), ucum("2", "x"), None),
        (fhir("1", system=UCUM, code="a"), fhir("12", system=UCUM, code="mo"), 0),
        (fhir("1", system=UCUM, code="a"), ucum("1", "a"), 0),
    ],
)
def test_quantities_compare_in_common_units_only(left: Quantity, right: Quantity, order: int | None) -> None:
    assert quantity.compare(left, right) == order
    assert quantity.compare(right, left) == (None if order is None else -order)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (ucum("4", "g"), ucum("4040", "mg"), True),
        (ucum("4.0", "g"), ucum("4000", "mg"), True),
        (ucum("4", "g"), ucum("4", "m"), False),
        (calendar("1", "year"), ucum("1", "a"), True),
        (calendar("1", "month"), ucum("1", "mo"), True),
        (ucum("1.01", "g"), ucum("1.02", "g"), False),
        (ucum("0", "g"), ucum("1", "g"), False),
    ],
)
def test_equivalence_is_to_the_lesser_precision(left: Quantity, right: Quantity, expected: bool) -> None:
    assert quantity.equivalent(left, right) is expected
    assert quantity.equivalent(right, left) is expected


@pytest.mark.parametrize("value", [{}, {"value": True}, {"value": "3"}, {"value": Decimal(3), "comparator": "<"}])
def test_what_is_not_a_definite_number_is_no_quantity(value: dict[str, Any]) -> None:
    assert quantity.of_json(value) is None


def test_equal_quantities_have_the_same_key() -> None:
    assert quantity.key(ucum("1", "g")) == quantity.key(ucum("1000", "mg"))
    assert quantity.key(calendar("1", "year")) == quantity.key(calendar("12", "month"))
    assert quantity.key(calendar("7", "day")) == quantity.key(ucum("1", "wk"))
    assert quantity.key(calendar("1", "year")) != quantity.key(ucum("1", "a"))


def test_calculation() -> None:
    total = quantity.add(ucum("1", "g"), ucum("500", "mg"))
    assert total is not None
    assert (total.value, total.unit) == (Decimal("1.5"), "g")
    assert quantity.add(ucum("1", "g"), ucum("1", "m")) is None
    assert quantity.add(calendar("1", "year"), ucum("1", "a")) is None
    area = quantity.multiply(ucum("2.0", "cm"), ucum("2.0", "m"))
    assert area is not None
    assert quantity.compare(area, ucum("0.04", "m2")) == 0
    ratio = quantity.multiply(ucum("4", "g"), ucum("2", "g"), divide=True)
    assert ratio is not None
    assert (ratio.value, ratio.unit) == (Decimal(2), "1")
    assert quantity.multiply(ucum("4", "g"), ucum("0", "g"), divide=True) is None


def test_conversion() -> None:
    day = quantity.convert(calendar("48", "hour"), "day", True)
    assert day is not None
    assert (day.value, day.unit, day.calendar) == (Decimal(2), "day", True)
    assert quantity.convert(calendar("1", "month"), "day", True) is None
    assert quantity.convert(fhir("2", unit="tablets"), "mg") is None


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1", "mg", (Decimal("0.001"), "g")),
        ("5", "mmol/L", (Decimal("5"), "m-3.mol")),
        ("37", "Cel", (Decimal("310.15"), "K")),
        ("120", "mm[Hg]", (Decimal("15998640"), "g.m-1.s-2")),
        ("3", "{score}", (Decimal("3"), "1")),
        ("3", "bogus", None),
        ("3", "", None),
    ],
)
def test_canonical_form_is_in_base_units(value: str, unit: str, expected: tuple[Decimal, str] | None) -> None:
    assert canonical(Decimal(value), unit) == expected


def test_literals_and_json() -> None:
    assert calendar("4", "day").text() == "4 days"
    assert calendar("1", "day").text() == "1 day"
    assert ucum("10", "mg").text() == "10 'mg'"
    assert ucum("10", "mg").json() == {"value": Decimal(10), "unit": "mg", "system": UCUM, "code": "mg"}
    assert calendar("4", "day").json() == {"value": Decimal(4), "unit": "days", "system": UCUM, "code": "d"}
