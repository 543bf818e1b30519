"""Dates, numbers, strings and URIs against real rows, from the index and the footprint: every prefix on every range."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import get_args

import apsw
import pytest

from fhir_server.search.match_entry import COMPARE, MEASURE
from fhir_server.search.query import Date, Node, Not, Number, Or, Prefix, Quantity, String, Target, Uri
from fhir_server.search.values import decimal_key
from fhir_server.store.sql.compile import make_world
from fhir_server.store.sql.compile_count import compile_count
from fhir_server.store.sql.dialect import Statement
from profiles.restriction import ALL
from tests.fakes.statements import FakeNames, empty_database, no_criteria

POINTS = (-3, -2, 0, 1, 2, 3)
RANGES = [(low, high) for low, high in itertools.product(POINTS, POINTS) if low <= high]
TEXTS = ("", "a", "ann", "anna", "annb", "b", "hanna", "z\U0010ffff", "z\ud7fb", "z")
DATE, STRING, URI, NUMBER, QUANTITY = 1, 2, 3, 4, 5


class SmallNames(FakeNames):
    """Knows the parameters of this test; every index looks nearly empty, so that searches start there."""

    def param_id(self, type: str, name: str) -> int | None:
        return {"date": DATE, "name": STRING, "url": URI, "number": NUMBER, "quantity": QUANTITY}[name]

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
    for v, (low, high) in enumerate(RANGES, 301):
        ends = decimal_key(low), decimal_key(high)
        connection.execute("INSERT INTO idx_number VALUES (?, ?, ?, ?, 0)", (NUMBER, *ends, v))
        keep(connection, v, NUMBER, ["n", *(end.hex() for end in ends), 0])
    connection.execute("INSERT INTO token VALUES (1, 'mg', 'http://u', 'mg'), (2, 'mg', 'http://u', 'Mg')")
    for v, (low, high) in enumerate(RANGES, 401):
        ends, unit = (decimal_key(low), decimal_key(high)), 1 + v % 2
        connection.execute("INSERT INTO idx_quantity VALUES (?, ?, ?, ?, ?, 0)", (QUANTITY, *ends, unit, v))
        keep(connection, v, QUANTITY, ["q", *(end.hex() for end in ends), unit, 0])
    return connection


def keep(connection: apsw.Connection, v: int, param: int, row: list[object]) -> None:
    connection.execute("INSERT INTO idx_type VALUES (3, ?)", (v,))
    connection.execute("INSERT INTO footprint VALUES (?, jsonb(?))", (v, json.dumps({str(param): [row]})))


def ways(database: apsw.Connection, node: Node) -> Iterator[int]:
    """Count the matches from the index, by footprints inside an alternative, and by what a negation leaves."""

    def count(asked: Node) -> int:
        statement = compile_count(Target("Patient", asked), make_world(SmallNames(), no_criteria, ALL, None)).statement
        return int(next(database.execute(statement.sql, statement.arguments))[0])

    yield count(node)
    yield count(Or((node, Not(Not(node)))))
    yield 3 * len(RANGES) + 2 * len(TEXTS) - count(Not(node))


@pytest.mark.parametrize("prefix", get_args(Prefix))
def test_dates_compare_as_defined_on_every_pair_of_ranges(database: apsw.Connection, prefix: Prefix) -> None:
    for first, last in RANGES:
        expected = sum(COMPARE[prefix](low, high, first, last) for low, high in RANGES)
        assert list(ways(database, Date("date", prefix, first, last))) == [expected] * 3


@pytest.mark.parametrize("prefix", get_args(Prefix))
def test_numbers_and_quantities_compare_as_defined(database: apsw.Connection, prefix: Prefix) -> None:
    in_mg = [pair for v, pair in enumerate(RANGES, 401) if 1 + v % 2 == 1]
    for first, last in RANGES if prefix in ("eq", "ne", "ap") else [(point, point) for point in POINTS]:
        asked = decimal_key(first), decimal_key(last)
        expected = [MEASURE[prefix](low, high, first, last) for low, high in RANGES]
        assert list(ways(database, Number("number", prefix, *asked))) == [sum(expected)] * 3
        assert list(ways(database, Quantity("quantity", prefix, *asked))) == [sum(expected)] * 3
        both = list(ways(database, Quantity("quantity", prefix, *asked, "http://u", "mg")))
        assert both == [sum(MEASURE[prefix](low, high, first, last) for low, high in in_mg)] * 3
        assert list(ways(database, Quantity("quantity", prefix, *asked, "", "mg"))) == [0] * 3


@pytest.mark.parametrize("text", [text for text in TEXTS if text] + ["an", "nn", "q"])
def test_strings_and_uris_compare_by_characters(database: apsw.Connection, text: str) -> None:
    beginning = sum(each.startswith(text) for each in TEXTS)
    assert list(ways(database, String("name", text))) == [beginning] * 3
    assert list(ways(database, Uri("url", text, mode="below"))) == [beginning] * 3
    assert list(ways(database, String("name", text, "contains"))) == [sum(text in each for each in TEXTS)] * 3
    assert list(ways(database, Uri("url", text))) == [TEXTS.count(text)] * 3
    assert list(ways(database, Uri("url", text, "1"))) == [TEXTS.count(text)] * 3
    assert list(ways(database, Uri("url", text, "2"))) == [0] * 3
    assert list(ways(database, String("name", text, "whole"))) == [TEXTS.count(text)] * 3


def test_an_exact_string_compares_case_as_well(database: apsw.Connection) -> None:
    assert list(ways(database, String("name", "ANNA", "exact"))) == [1] * 3
    assert list(ways(database, String("name", "anna", "exact"))) == [0] * 3
