"""Pieces of SQL and how they are joined."""

from __future__ import annotations

from fhir_server.store.sql.dialect import FALSE, TRUE, Statement, both, either, negated, placeholders

A, B = Statement("a = ?", (1,)), Statement("b = ?", (2,))


def test_conjunctions_and_disjunctions_keep_the_order_of_arguments() -> None:
    assert both(A, B) == Statement("(a = ? AND b = ?)", (1, 2))
    assert either(B, A) == Statement("(b = ? OR a = ?)", (2, 1))


def test_truth_and_falsehood_are_folded_away() -> None:
    assert both() == both(TRUE, TRUE) == TRUE
    assert either() == either(FALSE) == FALSE
    assert both(A, TRUE) == either(FALSE, A) == A
    assert both(A, FALSE) == FALSE
    assert either(A, TRUE) == TRUE
    assert negated(TRUE) == FALSE
    assert negated(A) == Statement("NOT a = ?", (1,))


def test_long_chains_stay_shallow() -> None:
    deepest = depth = 0
    for letter in either(*[Statement(str(number)) for number in range(2, 1002)]).sql:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        deepest = max(deepest, depth)
    assert deepest <= 10


def test_one_value_is_compared_and_several_are_listed() -> None:
    assert placeholders([1]) == "= ?"
    assert placeholders([1, 2]) == "IN (?, ?)"
