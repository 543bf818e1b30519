"""Functions on collections (http://hl7.org/fhirpath/N1/#functions)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.errors import FhirPathTypeError

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name.empty()", [False]),
        ("link.empty()", [True]),
        ("name.exists()", [True]),
        ("name.exists(use = 'usual')", [True]),
        ("name.exists(use = 'old')", [False]),
        ("link.exists(true)", [False]),
        ("name.all(given.exists())", [True]),
        ("name.all(period.exists())", [False]),
        ("link.all(false)", [True]),
        ("name.select(given.exists()).allTrue()", [True]),
        ("name.select(period.exists()).allTrue()", [False]),
        ("name.select(period.exists()).anyTrue()", [True]),
        ("name.select(period.exists()).anyFalse()", [True]),
        ("name.select(period.exists()).allFalse()", [False]),
        ("{}.allTrue()", [True]),
        ("{}.anyTrue()", [False]),
        ("{}.allFalse()", [True]),
        ("{}.anyFalse()", [False]),
        ("name.first().subsetOf($this.name)", [True]),
        ("name.subsetOf($this.name.first())", [False]),
        ("{}.subsetOf(name)", [True]),
        ("name.supersetOf($this.name.first())", [True]),
        ("name.first().supersetOf($this.name)", [False]),
        ("name.count()", [3]),
        ("{}.count()", [0]),
        ("name.given.distinct()", ["Peter", "James", "Jim"]),
        ("name.given.isDistinct()", [False]),
        ("name.isDistinct()", [True]),
        ("true.not()", [False]),
        ("{}.not()", []),
    ],
)
def test_existence(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name.where(given = 'Jim').use", ["usual"]),
        ("name.where($this.given = 'X')", []),
        ("name.where({})", []),
        ("name.select(given)", ["Peter", "James", "Jim", "Peter", "James"]),
        ("name.select(given.count())", [2, 1, 2]),
        ("1.repeat(iif($this < 3, $this + 1, {}))", [2, 3]),
        ("name.repeat(%resource.name).count()", [3]),
        ("(1|2|3).ofType(Integer)", [1, 2, 3]),
        ("(1|2|3|4).aggregate($this + $total, 2)", [12]),
        ("{}.aggregate($this + $total, 2)", [2]),
        ("{}.aggregate($this)", []),
    ],
)
def test_filtering_and_projection(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(0 | 1 | 2).first()", [0]),
        ("(0 | 1 | 2).last()", [2]),
        ("(0 | 1 | 2).tail()", [1, 2]),
        ("(0 | 1 | 2).skip(1)", [1, 2]),
        ("(0 | 1 | 2).skip(-1)", [0, 1, 2]),
        ("(0 | 1 | 2).skip(5)", []),
        ("(0 | 1 | 2).take(2)", [0, 1]),
        ("(0 | 1 | 2).take(0)", []),
        ("(0 | 1 | 2).take(-1)", []),
        ("{}.first()", []),
        ("{}.single()", []),
        ("name.first().single().use", ["official"]),
        ("(1 | 2 | 3).intersect(2 | 4)", [2]),
        ("(1 | 2).intersect({})", []),
        ("1.combine(1).intersect(1)", [1]),
        ("(1 | 2 | 3).exclude(2 | 4)", [1, 3]),
        ("1.combine(1).exclude(2)", [1, 1]),
        ("(1 | 2).exclude({})", [1, 2]),
        ("(1 | 2).combine(2)", [1, 2, 2]),
        ("1.combine(1).union(2)", [1, 2]),
        ("1.union(2.union(3))", [1, 2, 3]),
    ],
)
def test_subsetting_and_combining(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize("text", ["name.single()", "name.skip('1')", "name.take({})", "name.allTrue()", "(1|2).not()"])
def test_what_is_not_defined_is_an_error(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate(text)


def test_this_and_index_are_those_of_the_innermost_criteria(evaluate: Evaluate) -> None:
    text = "name.where($index = 0 and given.where($index = 1).exists() and $index = 0).use"
    assert evaluate(text) == ["official"]
