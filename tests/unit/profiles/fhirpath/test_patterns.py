"""Regular expressions within limits."""

from __future__ import annotations

import time

import pytest

from profiles.fhirpath.errors import FhirPathBudgetError, FhirPathTypeError
from profiles.fhirpath.patterns import search, substitute


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("abc", "b", True),
        ("abc", "^b$", False),
        ("abc", "^abc$", True),
        ("aBc", "b", False),
        ("a\nc", "a.c", True),
        ("été", r"^\w+$", True),
        ("", "x", False),
    ],
)
def test_a_pattern_is_found_anywhere(text: str, pattern: str, found: bool) -> None:
    assert search(text, pattern) is found


@pytest.mark.parametrize(
    ("text", "pattern", "template", "expected"),
    [
        ("11/30/1972", r"\b(?<m>\d{1,2})/(?<d>\d{1,2})/(?<y>\d{4})\b", "${d}-${m}-${y}", "30-11-1972"),
        ("abc", "(a)(b)", "$2$1", "bac"),
        ("abc", "b", r"\$1", "a$1c"),
        ("abc", "x", "y", "abc"),
        ("aaa", "a", "bb", "bbbbbb"),
        ("ab", "(x)?b", "[$1]", "a[]"),
    ],
)
def test_matches_are_replaced(text: str, pattern: str, template: str, expected: str) -> None:
    assert substitute(text, pattern, template) == expected


def test_a_malformed_pattern_or_group_is_refused() -> None:
    with pytest.raises(FhirPathTypeError, match="no regular expression"):
        search("a", "(")
    with pytest.raises(FhirPathTypeError, match="group"):
        substitute("a", "a", "$3")
    with pytest.raises(FhirPathTypeError, match="at most"):
        search("a", "a" * 5000)


def test_a_pattern_that_would_run_for_ever_is_stopped() -> None:
    start = time.perf_counter()
    with pytest.raises(FhirPathBudgetError, match="longer than"):
        search("a" * 5000 + "c", "(a+)+b")
    with pytest.raises(FhirPathBudgetError):
        substitute("a" * 5000 + "c", "(a|aa)+b", "x")
    assert time.perf_counter() - start < 5


def test_a_replacement_has_a_limit() -> None:
    with pytest.raises(FhirPathTypeError, match="characters"):
        substitute("a" * 2000, "a", "b" * 2000)
