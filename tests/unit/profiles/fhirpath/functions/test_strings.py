"""String functions (http://hl7.org/fhirpath/N1/#string-manipulation)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.errors import FhirPathTypeError

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'abcdefg'.indexOf('bc')", [1]),
        ("'abcdefg'.indexOf('x')", [-1]),
        ("'abcdefg'.indexOf('')", [0]),
        ("{}.indexOf('a')", []),
        ("'a'.indexOf({})", []),
        ("'12345'.substring(2)", ["345"]),
        ("'12345'.substring(2, 1)", ["3"]),
        ("'12345'.substring(2, 5)", ["345"]),
        ("'12345'.substring(25)", []),
        ("'12345'.substring(-1)", []),
        ("'12345'.substring(5)", []),
        ("'12345'.substring({})", []),
        ("'12345'.startsWith('12')", [True]),
        ("'12345'.startsWith('')", [True]),
        ("'12345'.startsWith('2')", [False]),
        ("'12345'.endsWith('45')", [True]),
        ("'12345'.endsWith('')", [True]),
        ("'12345'.contains('34')", [True]),
        ("'12345'.contains('6')", [False]),
        ("'12345'.contains('')", [True]),
        ("'aB'.upper()", ["AB"]),
        ("'aB'.lower()", ["ab"]),
        ("'abcbc'.replace('bc', 'x')", ["axx"]),
        ("'abc'.replace('', 'x')", ["xaxbxcx"]),
        ("'abc'.replace('b', '')", ["ac"]),
        ("'abc'.matches('^a')", [True]),
        ("'N8000123123'.matches('^N[0-9]{8}$')", [False]),
        ("'abc'.replaceMatches('[ac]', '-')", ["-b-"]),
        ("'12345'.length()", [5]),
        ("''.length()", [0]),
        ("{}.length()", []),
        ("'t2'.toChars()", ["t", "2"]),
        ("name.first().family.upper()", ["CHALMERS"]),
    ],
)
def test_strings(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    "text", ["1.length()", "name.given.upper()", "'a'.contains(1)", "active.startsWith('t')", "birthDate.length()"]
)
def test_what_is_no_single_string_is_an_error(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate(text)
