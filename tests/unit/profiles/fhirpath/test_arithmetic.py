"""Arithmetic on numbers, quantities, strings and dates (http://hl7.org/fhirpath/N1/#math)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.fhirpath.arithmetic import remainder, whole_quotient
from profiles.fhirpath.errors import FhirPathTypeError

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 1", [2]),
        ("1 + 1.5", [Decimal("2.5")]),
        ("1.2 + 1.8", [Decimal("3.0")]),
        ("'a' + 'b'", ["ab"]),
        ("'a' + {}", []),
        ("1.8 - 1.2", [Decimal("0.6")]),
        ("1.2 * 1.8", [Decimal("2.16")]),
        ("1 / 2", [Decimal("0.5")]),
        ("4 / 2", [Decimal("2")]),
        ("1 / 0", []),
        ("5 div 2", [2]),
        ("-5 div 2", [-2]),
        ("2.2 div 1.8", [1]),
        ("5 div 0", []),
        ("5 mod 2", [1]),
        ("-5 mod 2", [-1]),
        ("2.2 mod 1.8", [Decimal("0.4")]),
        ("5 mod 0", []),
        ("2147483647 + 1", []),
        ("-2147483647 - 2", []),
        ("100000 * 100000", []),
        ("-(1 + 2)", [-3]),
        ("+3", [3]),
        ("-{}", []),
        ("1 'g' + 500 'mg' = 1.5 'g'", [True]),
        ("1 'g' + 1 'm'", []),
        ("2.0 'cm' * 2.0 'm' = 0.040 'm2'", [True]),
        ("4.0 'g' / 2.0 'm' = 2 'g/m'", [True]),
        ("1.0 'm' / 1.0 'm' = 1 '1'", [True]),
        ("2 * 3 'mg' = 6 'mg'", [True]),
        ("-(3 'mg') = 0 'mg' - 3 'mg'", [True]),
    ],
)
def test_numbers_strings_and_quantities(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@1973-12-25 + 7 days", "1974-01-01"),
        ("@1973-12-25 + 7.7 days", "1974-01-01"),
        ("@1973-12-25T00:00:00.000+10:00 + 7 days", "1974-01-01T00:00:00.000+10:00"),
        ("@1973-12-25T00:00:00.000+10:00 + 1 second", "1973-12-25T00:00:01.000+10:00"),
        ("@1973-12-25T00:00:00.000+10:00 + 10 millisecond", "1973-12-25T00:00:00.010+10:00"),
        ("@1973-12-25T00:00:00.000+10:00 + 1 minute", "1973-12-25T00:01:00.000+10:00"),
        ("@1973-12-25T00:00:00.000+10:00 + 1 's'", "1973-12-25T00:00:01.000+10:00"),
        ("@1973-12-25 + 1 month", "1974-01-25"),
        ("@1973-12-25 + 1 week", "1974-01-01"),
        ("@1973-12-25 + 1 year", "1974-12-25"),
        ("@1973-12-25 + 1 'd'", "1973-12-26"),
        ("@1973-12-25 - 1 month", "1973-11-25"),
        ("@2014-01-31 + 1 month", "2014-02-28"),
        ("@2016-02-29 + 1 year", "2017-02-28"),
        ("@2014 + 24 months", "2016"),
        ("@2014 + 23 months", "2015"),
        ("@2014 + 365 days", "2015"),
        ("@2014-03 + 40 days", "2014-04"),
        ("@2014-03-01 + 36 hours", "2014-03-02"),
        ("@2018-03-01T10 + 90 minutes", "2018-03-01T11"),
        ("@T01:00:00 + 2 hours", "03:00:00"),
        ("@T23:30 + 1 hour", "00:30"),
        ("@T01:00:00 - 2 hours", "23:00:00"),
    ],
)
def test_dates_move_by_durations(evaluate: Evaluate, text: str, expected: str) -> None:
    assert evaluate(text) == [expected]


def test_a_date_beyond_the_calendar_is_empty(evaluate: Evaluate) -> None:
    assert evaluate("@9999-12-31 + 1 day") == []
    assert evaluate("@2014 + 1000000000000000000 years") == []


@pytest.mark.parametrize(
    "text",
    [
        "'a' - 'b'",
        "1 + 'a'",
        "true + 1",
        "'a' div 2",
        "'a' mod 2",
        "@2014 + 1",
        "@2014-01-01 + 1 'a'",
        "@2014-01-01 + 1 'mo'",
        "@2014-01-01 + 1 'mg'",
        "@T10:00 + 1 day",
        "-'a'",
        "(1|2) + 1",
    ],
)
def test_what_is_not_defined_is_an_error(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate(text)


whole = st.integers(-10_000, 10_000)


@given(whole, whole.filter(bool))
def test_div_and_mod_make_up_the_number(left: int, right: int) -> None:
    assert whole_quotient(left, right) * right + remainder(left, right) == left
    assert abs(remainder(left, right)) < abs(right)
