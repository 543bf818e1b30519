"""Dates, strings and URIs against real rows: every prefix on every pair of ranges, from the index and the footprint."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import get_args

import apsw
import pytest

from fhir_server.search.match_entry import COMPARE
from fhir_server.search.query import Date, Node, Not, Or, Prefix, String, Target, Uri
from fhir_server.store.sql.compile import compile_count, make_world
from fhir_server.store.sql.dialect import Statement
from profiles.restriction import ALL
from tests.fakes.statements import FakeNames, empty_database, no_criteria

POINTS = (-3, -2, 0, 1, 2, 3)
RANGES = [(low, high) for low, high in itertools.product(POINTS, POINTS) if low <= high]
TEXTS = ("", "a", "ann", "anna", "annb", "b", "hanna", "z\U0010ffff", "z\ud7fb", "z")
DATE, STRING, URI = 1, 2, 3


class SmallNames(FakeNames):
    """Knows the three parameters of this test; every index looks nearly empty, so that searches start there."""

    def param_id(self, type: str, name: str) -> int | None:
        return {"date": DATE, "name": STRING, "url": URI}[name]

    def estimate(self, statement: Statement, limit: int) -> int:
        return 0


@pytest.fixture(scope="module")
def database() -> apsw.Connection:
    """One version per range and per text; its row number tells which."""
    connection = empty_database()
    for v, (low, high) in enumerate(RANGES, 1):
        connection.execute("INSERT INTO idx_date VALUES (?, ?, ?, ?, 0)", (DATE, low, high, v))
        keep(connection, v, DATE, ["d", low, high, 0])
    for v, text in enumerate(TEXTS, 101):
        connection.execute("INSERT INTO idx_string VALUES (?, ?, ?, ?, 0)", (STRING, text, text.upper(), v))
        keep(connection, v, STRING, ["s", text, text.upper(), 0])
    for v, text in enumerate(TEXTS, 201):
        connection.execute("INSERT INTO idx_uri VALUES (?, ?, '1', ?, 0)", (URI, text, v))
        keep(connection, v, URI, ["u", text, "1", 0])
    return connection


def keep(connection: apsw.Connection, v: int, param: int, row: list[object]) -> None:
    connection.execute("INSERT INTO idx_type VALUES (3, ?)", (v,))
    connection.execute("INSERT INTO footprint VALUES (?, jsonb(?))", (v, json.dumps({str(param): [row]})))


def ways(database: apsw.Connection, node: Node) -> Iterator[int]:
    """Count the matches from the index, by footprints inside an alternative, and by what a negation leaves."""

    def count(asked: Node) -> int:
        statement = compile_count(Target("Patient", asked), make_world(SmallNames(), no_criteria, ALL, None))
        return int(next(database.execute(statement.sql, statement.arguments))[0])

    yield count(node)
    yield count(Or((node, Not(Not(node)))))
    yield len(RANGES) + 2 * len(TEXTS) - count(Not(node))


@pytest.mark.parametrize("prefix", get_args(Prefix))
def test_dates_compare_as_defined_on_every_pair_of_ranges(database: apsw.Connection, prefix: Prefix) -> None:
    for first, last in RANGES:
        expected = sum(COMPARE[prefix](low, high, first, last) for low, high in RANGES)
        assert list(ways(database, Date("date", prefix, first, last))) == [expected] * 3


@pytest.mark.parametrize("text", [text for text in TEXTS if text] + ["an", "nn", "q"])
def test_strings_and_uris_compare_by_characters(database: apsw.Connection, text: str) -> None:
    beginning = sum(each.startswith(text) for each in TEXTS)
    assert list(ways(database, String("name", text))) == [beginning] * 3
    assert list(ways(database, Uri("url", text, mode="below"))) == [beginning] * 3
    assert list(ways(database, String("name", text, "contains"))) == [sum(text in each for each in TEXTS)] * 3
    assert list(ways(database, Uri("url", text))) == [TEXTS.count(text)] * 3
    assert list(ways(database, Uri("url", text, "1"))) == [TEXTS.count(text)] * 3
    assert list(ways(database, Uri("url", text, "2"))) == [0] * 3


def test_an_exact_string_compares_case_as_well(database: apsw.Connection) -> None:
    assert list(ways(database, String("name", "ANNA", "exact"))) == [1] * 3
    assert list(ways(database, String("name", "anna", "exact"))) == [0] * 3
