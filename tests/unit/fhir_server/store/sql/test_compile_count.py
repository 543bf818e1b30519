"""Counting: what is read for a number. That it is the right one is held by tests/properties/test_queries_agree.py."""

from __future__ import annotations

import apsw
import pytest

from fhir_server.search.parameters import Registry
from fhir_server.search.parse import criteria, parse
from fhir_server.search.query import Or, Query, Sort, Target, Token, Words
from fhir_server.store.base import Key
from fhir_server.store.sql.compile import make_world
from fhir_server.store.sql.compile_count import compile_count
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, AllOf, HasLabel, InCompartment, Not, Restriction
from tests.fakes.statements import FakeNames, empty_database, plan
from tests.fakes.versions import update

BASE = "https://fhir.example.org/fhir"
REGISTRY = Registry()
READ = criteria(REGISTRY, base=BASE, now=0)
MANY = 1_000_000
UNLABELLED = Not(HasLabel("", "R"))


@pytest.fixture(scope="module")
def empty() -> apsw.Connection:
    return empty_database()


def counted(
    names: FakeNames, *parameters: tuple[str, str], restriction: Restriction = ALL, begins: bool = True
) -> Statement:
    where = parse("Observation", parameters, REGISTRY, base=BASE, now=0, or_values=1000).where
    return compile_count(
        Target("Observation", where), make_world(names, READ, restriction, 1000, begins=begins)
    ).statement


def is_apart(statement: Statement) -> bool:
    return statement.sql.startswith("SELECT (SELECT count(*)")


def test_a_count_reads_them_all_from_the_index() -> None:
    assert "FROM idx_date x" in counted(FakeNames(idx_date=MANY), ("date", "ge2000")).sql


@pytest.mark.parametrize(
    ("restriction", "labels"), [(ALL, 0), (UNLABELLED, 1), (AllOf((UNLABELLED, Not(HasLabel("", "V")))), 2)]
)
def test_of_many_matches_those_that_are_hidden_are_counted_apart(
    empty: apsw.Connection, restriction: Restriction, labels: int
) -> None:
    statement = counted(
        FakeNames(idx_token=MANY, dead=100, label=10), ("code", "http://loinc.org|1"), restriction=restriction
    )
    assert is_apart(statement)
    every, hidden = statement.sql.split(") - (")
    assert not [table for table in ("dead", "label") if table in every]
    assert "FROM dead" in hidden
    assert hidden.count("FROM label") == labels
    assert list(empty.execute(statement.sql, statement.arguments)) == [(0,)]


@pytest.mark.parametrize(
    ("rows", "asked", "options"),
    [
        ({"idx_token": 100, "dead": 10}, ("code", "1"), {}),
        ({"idx_token": MANY, "dead": MANY}, ("code", "1"), {}),
        ({"idx_token": MANY, "dead": 10, "label": MANY}, ("code", "1"), {"restriction": UNLABELLED}),
        # Who may see one compartment counts what is in it.
        ({"idx_token": MANY, "dead": 10}, ("code", "1"), {"restriction": InCompartment("Patient", "1")}),
        # What a chain leads to may be hidden too, and then what leads there does not match.
        ({"idx_token": MANY, "idx_reference": MANY, "dead": 10}, ("subject:Patient.active", "true"), {}),
        # In the middle of a walk, what died since is still there.
        ({"idx_token": MANY, "dead": 10}, ("code", "1"), {"begins": False}),
    ],
)
def test_what_hides_matches_is_asked_of_each_where_that_is_shorter_or_not_known_otherwise(rows, asked, options) -> None:
    assert not is_apart(counted(FakeNames(**rows), asked, **options))


def test_rows_of_a_few_values_are_merged_and_not_sorted(empty: apsw.Connection) -> None:
    steps = plan(empty, counted(FakeNames(idx_token=MANY, dead=10), ("code", "1")))
    assert "MERGE (UNION)" in steps
    assert not [step for step in steps if "TEMP B-TREE" in step]


async def test_who_sorts_all_matches_counts_them_on_the_way(store: SqliteStore) -> None:
    for n in range(5):
        await update(store, Key("Patient", str(n)), code="a")
    asked = Query((Target("Patient", Token("code", None, "a")),), 2, sort=(Sort("id"),), total=True)
    assert (await store.search(asked, restriction=ALL)).total == 5


async def test_words_are_counted_on_the_way_too(store: SqliteStore) -> None:
    # Text in one of several ways to match: there are places in a statement where SQLite cannot look it up.
    where = Or((Words(((("asthma",), False),)), Token("code", None, "a")))
    await update(store, Key("Patient", "1"), code="a")
    found = await store.search(Query((Target("Patient", where),), 2, sort=(Sort("id"),), total=True), restriction=ALL)
    assert [each.key.id for each in found.versions] == ["1"]
    assert found.total == 1
