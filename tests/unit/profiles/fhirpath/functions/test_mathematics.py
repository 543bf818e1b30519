"""Math functions (http://hl7.org/fhirpath/N1/#math)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from profiles.fhirpath.errors import FhirPathTypeError

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(-5).abs()", [5]),
        ("(-5.5).abs()", [Decimal("5.5")]),
        ("(-5.5 'mg').abs() = 5.5 'mg'", [True]),
        ("1.1.ceiling()", [2]),
        ("(-1.1).ceiling()", [-1]),
        ("1.9.floor()", [1]),
        ("(-2.1).floor()", [-3]),
        ("101.99.truncate()", [101]),
        ("(-1.56).truncate()", [-1]),
        ("0.exp()", [Decimal(1)]),
        ("1.ln()", [Decimal(0)]),
        ("0.ln()", []),
        ("16.log(2)", [Decimal(4)]),
        ("100.0.log(10.0)", [Decimal(2)]),
        ("16.log(1)", []),
        ("2.power(3)", [8]),
        ("2.5.power(2)", [Decimal("6.25")]),
        ("(-1).power(0.5)", []),
        ("2.power(100)", []),
        ("10.power(100000)", []),
        ("1.round()", [Decimal(1)]),
        ("3.14159.round(3)", [Decimal("3.142")]),
        ("2.5.round()", [Decimal(3)]),
        ("81.sqrt()", [Decimal(9)]),
        ("(-1).sqrt()", []),
        ("{}.sqrt()", []),
        ("2.power({})", []),
    ],
)
def test_functions_on_numbers(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize("text", ["'a'.abs()", "(1|2).sqrt()", "1.round(-1)", "1.round(1.5)", "true.floor()"])
def test_what_is_no_single_number_is_an_error(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate(text)
