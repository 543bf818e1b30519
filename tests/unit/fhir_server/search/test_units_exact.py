"""Amounts in base units, to the digit: the same amount in other units is the same number, and order is kept."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.units import canonical
from fhir_server.search.values import decimal_key
from profiles.datatypes import ucum

EXACT = Context(prec=34, Emax=6144, Emin=-6143)
UNITS = ("g/dL", "mmol/L", "mm[Hg]", "[lb_av]", "[in_i]", "Cel", "[degF]", "/min", "%", "kg/m2", "ug/mL", "10*9/L", "h")
AMOUNTS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6) | st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("5.4", "g/dL"), ("54", "g/L")),
        (("54", "g/L"), ("54", "mg/mL")),
        (("0.5", "kg"), ("500", "g")),
        (("1", "[in_i]"), ("2.54", "cm")),
        (("1", "[lb_av]"), ("453.59237", "g")),
        (("90", "min"), ("1.5", "h")),
        (("37", "Cel"), ("310.15", "K")),
        (("98.6", "[degF]"), ("37", "Cel")),
        (("5.00", "mg"), ("5", "mg")),
        (("50", "%"), ("0.5", "1")),
        (("4.5", "10*9/L"), ("4500", "/uL")),
        (("7", "mg{total}"), ("0.007", "g")),
    ],
)
def test_equal_amounts_have_one_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    found = [canonical(Decimal(amount), unit) for amount, unit in (one, other)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0][1] == found[1][1], "the base units are the same"
    assert decimal_key(found[0][0]) == decimal_key(found[1][0])


def test_units_of_another_kind_have_other_base_units() -> None:
    mass, amount = canonical(1, "g/L"), canonical(1, "mol/L")
    assert mass is not None
    assert amount is not None
    assert mass[1] != amount[1]


@pytest.mark.parametrize("unit", ["", "tablets", "g/", "mg//L", "µg", "G/DL", "(g", "g" * 300, "constructor"])
def test_what_is_no_unit_is_not_guessed(unit: str) -> None:
    assert canonical(Decimal(1), unit) is None


@given(AMOUNTS, st.sampled_from(UNITS))
def test_the_short_way_equals_exact_fractions(value: Decimal | int, unit: str) -> None:
    measured = ucum.measure(Decimal(value), unit)
    assert measured is not None
    number = measured[0]
    expected = EXACT.divide(Decimal(number.numerator), Decimal(number.denominator))
    assert canonical(value, unit) == (expected, ucum.dimension_text(measured[1]))


@given(st.lists(AMOUNTS, min_size=2, max_size=2, unique=True), st.sampled_from(UNITS))
def test_the_order_of_amounts_is_kept(values: list[Decimal | int], unit: str) -> None:
    low, high = sorted(values)
    smaller, larger = canonical(low, unit), canonical(high, unit)
    assert smaller is not None
    assert larger is not None
    assert decimal_key(smaller[0]) < decimal_key(larger[0])


def test_what_no_decimal_can_hold_meets_itself_in_the_same_digit() -> None:
    third = canonical(Decimal("1"), "[degF]")
    assert third is not None
    kelvin = (Decimal("460.67") * 5) / 9
    assert third[0] == EXACT.divide(Decimal("460.67") * 5, Decimal(9))
    assert abs(Fraction(third[0]) - Fraction(kelvin)) < Fraction(1, 10**20)
