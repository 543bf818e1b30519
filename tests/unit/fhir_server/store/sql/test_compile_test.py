"""Tests of one version: nodes that look at it as a whole, and how they are joined, on a real database."""

from __future__ import annotations

import pytest

from fhir_server.search.query import (
    EVERYTHING,
    NOTHING,
    And,
    Date,
    Id,
    LastUpdated,
    Near,
    Node,
    Not,
    Or,
    Owned,
    Prefix,
    Present,
    Reference,
    Together,
    Token,
    Uri,
    Words,
)
from fhir_server.search.values import APART
from fhir_server.store.base import Key
from fhir_server.store.sql import compile_test
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.store import SqliteStore
from tests.fakes.clock import Clock
from tests.fakes.statements import code, ids_of, keep, to, world_of

P1 = Key("Patient", "1")
X, Y = Token("code", None, "x"), Token("code", None, "y")


async def some(store: SqliteStore) -> None:
    """a to d, with entries of several kinds; they are tested as if all were alive."""
    await keep(
        store,
        "Observation/a",
        owners=[P1],
        tokens=[*code("x", group=1), *code("y", group=2), ("code:text", "", "t", 0)],
        dates=[("date", 10, 19, 1)],
        texts=("heart rate", "pulse"),
    )
    await keep(
        store,
        "Observation/b",
        tokens=[*code("x", group=APART), ("code", "", "Z", 0)],
        dates=[("date", 10, 19, APART)],
        references=to("subject", "Patient/1/2"),
        texts=("", "heartbeat rate"),
    )
    await keep(
        store,
        "Observation/c",
        tokens=[("status", "", "x", 0)],
        uris=[("subject", "https://other.example.org/fhir/Patient/9", "", 0), ("url", "http://a/b", "1.2", 0)],
        positions=[("near", 488_566_000, 23_522_000, 0)],
    )
    await keep(store, "Observation/d")


def found(store: SqliteStore, node: Node) -> str:
    test = compile_test.test(world_of(store), "Observation", node, "x")
    return ids_of(store, Statement(f"SELECT x.v FROM version x WHERE {test.sql} ORDER BY x.v", test.arguments))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (EVERYTHING, "a b c d"),
        (NOTHING, ""),
        (Not(X), "c d"),
        (And((X, Y)), "a"),
        (And((X, Not(Y))), "b"),
        (Or((X, Id(("d",)), Owned("Patient", "1"), Reference("subject", "Patient", "9"))), "a b d"),
        (Or((Not(X), Y)), "a c d"),
        (Not(Or((X, Y))), "c d"),
        (Id(("a", "d", "never")), "a d"),
        (Id(("never",)), ""),
        (Not(Id(("never",))), "a b c d"),
        (Owned("Patient", "1"), "a"),
        (Owned("Patient", "2"), ""),
        (Token("code", "", None), "b"),
        (Token("code", "http://s", None), "a b"),
        (Token("code", None, "z"), "b"),
        (Token("code", None, "z", case_sensitive=True), ""),
        (Token("code", "", "Z", case_sensitive=True), "b"),
        (Token("code", "http://s", "Z", case_sensitive=True), ""),
        (Reference("subject", "Patient", "1"), "b"),
        (Reference("subject", "Patient", "1", 2), "b"),
        (Reference("subject", "Patient", "1", 1), ""),
        (Present("code"), "a b"),
        (Present("subject"), "b c"),
        (Present("subject", "Patient"), "b c"),
        (Present("subject", "Group"), ""),
        (Not(Present("code")), "c d"),
        (Present("never"), ""),
        (Near("near", 488_586_000, 23_522_000, 223.0), "c"),
        (Near("near", 488_586_000, 23_522_000, 222.0), ""),
        (Uri("url", "http://a/b/c", mode="above"), "c"),
        (Uri("url", "http://a", mode="below"), "c"),
        (Uri("url", "http://a/b", "1", "below"), "c"),
        (Uri("url", "http://a/b", "1.20", "below"), ""),
        (Words(((("heart",), False),)), "a"),
        (Words(((("heart",), True),)), "a b"),
        (Words(((("heart",), True),), narrative=True), "a"),
        (Words(((("heart", "rate"), False),)), "a"),
        (Words(((("rate", "pulse"), False),)), ""),
        (Words(((("rate",), False), (("pulse",), False))), "a"),
        (Not(Words(((("heart",), True),))), "c d"),
        (Words(((("near",), False), (("or",), False))), ""),
        (Together(((X,), (Date("date", "eq", 10, 19),))), "a"),
        (Together(((Y,), (Date("date", "eq", 10, 19),))), ""),
        (Together(((Y, X), (Date("date", "eq", 10, 19),))), "a"),
        (Together(((X,), (Token("never", None, "x"),))), ""),
    ],
    ids=str,
)
async def test_nodes(store: SqliteStore, node: Node, expected: str):
    await some(store)
    assert found(store, node) == expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("eq", "b"),
        ("ne", "a c"),
        ("gt", "c"),
        ("ge", "b c"),
        ("lt", "a"),
        ("le", "a b"),
        ("sa", "c"),
        ("eb", "a"),
        ("ap", "b"),
    ],
)
async def test_times_compare_with_the_range_given(store: SqliteStore, clock: Clock, prefix: Prefix, expected: str):
    times = []
    for id in "abc":
        clock.advance(10)
        times.append(clock())
        await keep(store, f"Observation/{id}")
    low, high = times[1] - 5_000_000, times[1] + 4_999_999
    assert found(store, LastUpdated(prefix, low, high)) == expected
    assert found(store, Not(Not(LastUpdated(prefix, low, high)))) == expected
    assert found(store, LastUpdated(prefix, times[1], times[1])) == expected, "the ends belong to the range"


async def test_a_word_of_the_query_language_is_a_word(store: SqliteStore):
    """FTS5 has operators of its own: AND, OR, NOT, NEAR, columns and the asterisk."""
    await keep(store, "Observation/a", texts=("not near and or", "narrative content"))
    for words in ("not", "near", "and", "or", "narrative", "content"):
        assert found(store, Words((((words,), False),))) == "a"
    assert found(store, Words(((("near", "and"), False),))) == "a"
    assert found(store, Words(((("not", "or"), False),))) == ""
