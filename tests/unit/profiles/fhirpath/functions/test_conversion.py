"""toX() and convertsToX() (http://hl7.org/fhirpath/N1/#conversion)."""

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
        ("'true'.toBoolean()", True),
        ("'F'.toBoolean()", False),
        ("'Yes'.toBoolean()", True),
        ("1.toBoolean()", True),
        ("0.0.toBoolean()", False),
        ("2.toBoolean()", None),
        ("'x'.toBoolean()", None),
        ("'-1'.toInteger()", -1),
        ("'1.0'.toInteger()", None),
        ("true.toInteger()", 1),
        ("'99999999999'.toInteger()", None),
        ("1.5.toInteger()", None),
        ("'1.1'.toDecimal()", Decimal("1.1")),
        ("1.toDecimal()", Decimal(1)),
        ("true.toDecimal()", Decimal(1)),
        ("'st'.toDecimal()", None),
        ("1.0.toString()", "1.0"),
        ("(-1).toString()", "-1"),
        ("true.toString()", "true"),
        ("@2014-12-14.toString()", "2014-12-14"),
        ("1 'wk'.toString()", "1 'wk'"),
        ("4 days.toString()", "4 days"),
        ("name.first().toString()", None),
        ("'2015-02'.toDate()", "2015-02"),
        ("'2015-02-04T10:00'.toDate()", None),
        ("@2015-02-04T10:00:00Z.toDate()", "2015-02-04"),
        ("'2015-02-30'.toDate()", None),
        ("'2015-02-04T10:00:00Z'.toDateTime()", "2015-02-04T10:00:00Z"),
        ("birthDate.toDateTime() is DateTime", True),
        ("'10:00'.toTime()", "10:00"),
        ("'T10:00:00.5'.toTime()", "10:00:00.5"),
        ("'2015'.toTime()", None),
        ("@2015.toTime()", None),
        ("1.toQuantity() = 1 '1'", True),
        ("'1 day'.toQuantity() = 1 day", True),
        ("'1 \\'wk\\''.toQuantity() = 1 week", True),
        ("'1 wk'.toQuantity()", None),
        ("'1.a'.toQuantity()", None),
        ("'1 \\'bogus\\''.toQuantity()", None),
        ("'37 \\'Cel\\''.toQuantity('K') = 310.15 'K'", True),
        ("1 'g'.toQuantity('mg') = 1000 'mg'", True),
        ("48 hours.toQuantity('days') = 2 days", True),
        ("1 'g'.toQuantity('m')", None),
        ("true.toQuantity() = 1 '1'", True),
    ],
)
def test_conversion(evaluate: Evaluate, text: str, expected: Any) -> None:
    assert evaluate(text) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.convertsToInteger()", [True]),
        ("'1.0'.convertsToInteger()", [False]),
        ("1234567890987654321.0.convertsToDecimal()", [True]),
        ("'1.a'.convertsToDecimal()", [False]),
        ("2.convertsToBoolean()", [False]),
        ("'False'.convertsToBoolean()", [True]),
        ("1 'wk'.convertsToString()", [True]),
        ("@2015-02-04.convertsToDateTime()", [True]),
        ("'2015-13'.convertsToDate()", [False]),
        ("@T14:34:28.convertsToTime()", [True]),
        ("'1 wk'.convertsToQuantity()", [False]),
        ("4 days.convertsToQuantity()", [True]),
        ("1 'g'.convertsToQuantity('m')", [False]),
        ("name.first().convertsToString()", [False]),
        ("{}.convertsToInteger()", []),
        ("{}.convertsToQuantity()", []),
    ],
)
def test_whether_it_converts(evaluate: Evaluate, text: str, expected: list[bool]) -> None:
    assert evaluate(text) == expected


def test_several_items_do_not_convert(evaluate: Evaluate) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate("(1|2).toString()")
