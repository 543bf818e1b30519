"""UCUM: reading units and reducing them to base units, exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.datatypes import ucum, ucum_units


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [
        ("1", "g", "mg", "1000"),
        ("1", "kg", "g", "1000"),
        ("5.5", "mmol/L", "umol/mL", "5.5"),
        ("1", "h", "s", "3600"),
        ("1", "wk", "d", "7"),
        ("1", "a", "d", "365.25"),
        ("37", "Cel", "K", "310.15"),
        ("98.6", "[degF]", "Cel", "37"),
        ("1", "[in_i]", "cm", "2.54"),
        ("1", "[lb_av]", "g", "453.59237"),
        ("1", "L", "dm3", "1"),
        ("1", "mL", "cm3", "1"),
        ("1", "N", "kg.m/s2", "1"),
        ("1", "kat", "mol/s", "1"),
        ("60", "U", "umol/s", "1"),
        ("1", "[IU]", "[iU]", "1"),
        ("1", "10*3/uL", "10*9/L", "1"),
        ("50", "%", "1", "0.5"),
        ("1", "{beats}/min", "/min", "1"),
        ("1", "kg/m2", "g/cm2", "0.1"),
        ("1", "bar", "kPa", "100"),
        ("1", "dB", "B", "0.1"),
        ("3", "g/(8.h){shift}", "g/d", "9"),
        ("1", "MiBy", "KiBy", "1024"),
        ("2", "m[H2O]", "cm[H2O]", "200"),
    ],
)
def test_units_convert_exactly(value: str, unit: str, target: str, expected: str) -> None:
    assert ucum.convert(Decimal(value), unit, target) == Decimal(expected)


@pytest.mark.parametrize(
    ("unit", "other"),
    [("g", "m"), ("[iU]", "[arb'U]"), ("mol", "1"), ("[HPF]", "1"), ("[pH]", "mol/L"), ("Cel", "m"), ("g", "bogus")],
)
def test_what_has_no_dimension_in_common_does_not_convert(unit: str, other: str) -> None:
    assert ucum.convert(Decimal(1), unit, other) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bogus",
        "mg//dL",
        "mg/",
        "/",
        "(g",
        "g)",
        "m 2",
        "kgg",
        "{open",
        "0",
        "é",
        "m99999",
        "(" * 50 + "g" + ")" * 50,
        "g." * 150 + "g",
    ],
)
def test_what_is_no_unit_is_unknown(text: str) -> None:
    assert ucum.parse(text) is None


def test_every_unit_of_the_table_can_be_read() -> None:
    names = [entry.partition("=")[0] for entry in (ucum_units.METRIC + ucum_units.PLAIN).split()]
    names += [*ucum_units.BASE, *ucum_units.OWN.split(), *ucum_units.OWN_METRIC.split()]
    assert len(names) == len(set(names)) > 280
    assert [name for name in names if ucum.parse(name) is None] == []


def test_a_symbol_of_its_own_goes_before_a_prefixed_one() -> None:
    assert ucum.parse("cd") == (Fraction(1), (("cd", 1),))
    assert ucum.parse("Pa") != ucum.parse("P.a")


def test_measures_are_exact() -> None:
    assert ucum.measure(Decimal("0.1"), "mg/dL") == (Fraction(1), (("g", 1), ("m", -3)))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000))
def test_a_conversion_there_and_back_changes_nothing(value: Decimal) -> None:
    there = ucum.convert(value, "[degF]", "K")
    assert there is not None
    back = ucum.convert(there, "K", "[degF]")
    assert back is not None
    assert abs(back - value) < Decimal("1e-25")


def test_the_dimension_is_written_as_a_unit() -> None:
    assert ucum.dimension_text((("g", 1), ("m", -3))) == "g.m-3"
    assert ucum.dimension_text(()) == "1"
