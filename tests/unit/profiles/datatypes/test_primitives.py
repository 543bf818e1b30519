"""The lexical rules of the primitive types (http://hl7.org/fhir/R4/datatypes.html#primitive)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from profiles.datatypes.primitives import MAX_STRING, PATTERNS, is_integer, matches, primitive_fault
from profiles.definitions import primitive_types

RIGHT: list[tuple[str, Any]] = [
    ("boolean", True),
    ("integer", -(2**31)),
    ("integer", 2**31 - 1),
    ("positiveInt", 1),
    ("unsignedInt", 0),
    ("decimal", Decimal("1.0")),
    ("decimal", 7),
    ("decimal", Decimal("-1E-5")),
    ("string", " a b\n"),
    ("string", "l’été dernier"),
    ("string", "x" * MAX_STRING),
    ("markdown", "# a\n\n* b"),
    ("code", "a b"),
    ("id", "A-1.b"),
    ("id", "x" * 64),
    ("oid", "urn:oid:1.2.3.4.5"),
    ("uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    ("uri", "urn:iso:std:iso:4217"),
    ("url", "mailto:a@example.org"),
    ("canonical", "http://example.org/a|1#b"),
    ("base64Binary", "YQ=="),
    ("base64Binary", "YWI="),
    ("base64Binary", "YWJj"),
    ("base64Binary", "YWJj\r\nYWJj"),
    ("date", "1905"),
    ("date", "1905-08"),
    ("date", "1905-08-23"),
    ("date", "2000-02-29"),
    ("dateTime", "2018"),
    ("dateTime", "1973-06"),
    ("dateTime", "2015-02-07T13:28:17-05:00"),
    ("dateTime", "2017-01-01T00:00:00.000Z"),
    ("dateTime", "2016-12-31T23:59:60Z"),
    ("instant", "2015-02-07T13:28:17.239+02:00"),
    ("time", "23:59:59.5"),
]

WRONG: list[tuple[str, Any]] = [
    ("boolean", "true"),
    ("boolean", 1),
    ("integer", True),
    ("integer", Decimal("1.0")),
    ("integer", Decimal("1E2")),
    ("integer", "1"),
    ("integer", 2**31),
    ("integer", -(2**31) - 1),
    ("positiveInt", 0),
    ("unsignedInt", -1),
    ("decimal", "1.0"),
    ("decimal", True),
    ("decimal", Decimal("NaN")),
    ("string", ""),
    ("string", " \t\r\n"),
    ("string", "a\x0bb"),
    ("string", 5),
    ("string", "x" * (MAX_STRING + 1)),
    ("code", " a"),
    ("code", "a "),
    ("code", "a  b"),
    ("code", ""),
    ("id", "x" * 65),
    ("id", "a_b"),
    ("id", "a\n"),
    ("oid", "1.2.3"),
    ("oid", "urn:oid:1.02"),
    ("uuid", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"),
    ("uri", "http://example.org/a b"),
    ("uri", ""),
    ("base64Binary", "YQ="),
    ("base64Binary", "Y"),
    ("base64Binary", ""),
    ("base64Binary", "YQ==YQ=="),
    ("base64Binary", "YW-j"),
    ("date", "2023-02-29"),
    ("date", "1900-02-29"),
    ("date", "2024-04-31"),
    ("date", "2024-13"),
    ("date", "2024-00-01"),
    ("date", "0000"),
    ("date", "24"),
    ("date", "2024-1-1"),
    ("date", "2024-01-01T00:00:00Z"),
    ("dateTime", "2015-02-07T13:28:17"),
    ("dateTime", "2015-02-07T13:28Z"),
    ("dateTime", "2015-02-07T24:00:00Z"),
    ("dateTime", "2015-02-30T13:28:17Z"),
    ("dateTime", "2015-02-07T13:28:17+14:30"),
    ("dateTime", "2015-02-07\n"),
    ("instant", "2015-02-07"),
    ("instant", "2015-02-07T13:28:17"),
    ("time", "13:28"),
    ("time", "13:28:17Z"),
    ("time", "24:00:00"),
]


@pytest.mark.parametrize(("type_name", "value"), RIGHT, ids=lambda each: str(each)[:40])
def test_a_right_value_has_no_fault(type_name: str, value: Any) -> None:
    assert primitive_fault(type_name, value) is None


@pytest.mark.parametrize(("type_name", "value"), WRONG, ids=lambda each: repr(each)[:40])
def test_a_wrong_value_is_told_without_being_repeated(type_name: str, value: Any) -> None:
    fault = primitive_fault(type_name, value)

    assert fault is not None
    assert fault.startswith("must ")
    if isinstance(value, str) and len(value.strip()) > 6:
        assert value not in fault


def test_every_primitive_type_has_a_rule() -> None:
    others = {"boolean", "decimal", "integer", "positiveInt", "unsignedInt"}

    assert set(PATTERNS) | others == primitive_types()


def test_days_are_those_of_the_gregorian_calendar() -> None:
    for year in (1, 4, 1600, 1700, 1999, 2000, 2023, 2024, 2100, 9999):
        for month in range(1, 13):
            for day in range(1, 33):
                try:
                    real = bool(date(year, month, day))
                except ValueError:
                    real = False
                assert matches("date", f"{year:04}-{month:02}-{day:02}") is real


def test_only_what_is_written_as_an_integer_is_one() -> None:
    assert is_integer(5)
    assert is_integer(Decimal("5"))
    assert not is_integer(Decimal("5.0"))
    assert not is_integer(True)
    assert not is_integer("5")
