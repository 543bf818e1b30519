"""What the compiler of searches needs in tests: an empty database of the real layout, and names without a store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import apsw

from fhir_server.search.geometry import distance
from fhir_server.search.match import Criteria
from fhir_server.search.query import Node
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Store
from fhir_server.store.sql.compile import make_world
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, Restriction
from tests.fakes.versions import criteria as token_criteria
from tests.fakes.versions import new, put

SOME = 1000
"""How many rows an index table has of which nothing is said."""


class FakeNames:
    """Gives every name a number; `rows` says how many rows an index table has for any condition."""

    def __init__(self, *, live: int = 10_000_000, by_patient: bool = False, **rows: int) -> None:
        self.rows = rows
        self.by_patient = by_patient
        self._live = live

    def type_id(self, name: str) -> int | None:
        return None if name == "Basic" else 3

    def param_id(self, type: str, name: str) -> int | None:
        return sum(map(ord, name))

    def param_ids(self, type: str, name: str) -> Sequence[int]:
        return [sum(map(ord, name))]

    def is_by_patient(self, param: int) -> bool:
        return self.by_patient

    def live(self, type: str) -> int:
        return self._live

    def is_large(self, type: str) -> bool:
        return self._live >= 10_000

    def resource_id(self, type: str, id: str) -> int | None:
        return None if id == "unknown" else 7

    def token_ids(self, code: str, system: str | None) -> Sequence[int]:
        return [5, 6] if system is None else [5]

    def first_since(self, time: int) -> int:
        return 100

    def first(self, statement: Statement, limit: int) -> list[int] | None:
        return None

    def estimate(self, statement: Statement, limit: int) -> int:
        table = re.search(r"FROM (?:\(SELECT i\.v FROM )?(\w+)", statement.sql)
        assert table is not None
        return min(limit, self.rows.get(table[1], SOME))


def empty_database() -> apsw.Connection:
    """Return a database in memory with the tables of a SQLite store."""
    connection = apsw.Connection(":memory:")
    connection.create_scalar_function("distance", distance, 4, deterministic=True)
    folder = files("fhir_server.store.sqlite") / "migrations"
    for script in sorted((each for each in folder.iterdir() if each.name.endswith(".sql")), key=lambda each: each.name):
        connection.execute(script.read_text())
    return connection


def plan(database: apsw.Connection, statement: Statement) -> list[str]:
    """Return the steps of SQLite's plan; the first is what it starts from."""
    return [row[3] for row in database.execute("EXPLAIN QUERY PLAN " + statement.sql, statement.arguments)]


def no_criteria(type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
    """Refuse to read the parameters of a restriction."""
    raise AssertionError("there are no criteria here")


def world_of(
    store: SqliteStore, restriction: Restriction = ALL, position: int | None = None, criteria: Criteria = token_criteria
) -> World:
    """Return what a search of `store` sees."""
    store._readers.renew()
    return make_world(store._names, criteria, restriction, position)


def rows_of(store: SqliteStore, statement: Statement) -> list[Any]:
    """Return the rows of a statement on `store`; as many arguments as placeholders are demanded by SQLite."""
    return store._readers.connection.execute(statement.sql, statement.arguments).fetchall()


def versions_of(store: SqliteStore, statement: Statement) -> list[tuple[Key, int]]:
    """Return the (key, number) of the versions whose rows are in the first column, in order."""
    sql = (
        "SELECT t.name, r.id, w.number FROM version w JOIN resource r ON r.rid = w.rid JOIN type t ON t.id = r.type "
        "WHERE w.v = ?"
    )
    found = [next(store._readers.connection.execute(sql, (row[0],))) for row in rows_of(store, statement)]
    return [(Key(type, id), number) for type, id, number in found]


def ids_of(store: SqliteStore, statement: Statement) -> str:
    """Return the ids of those versions, a blank apart."""
    return " ".join(key.id for key, _ in versions_of(store, statement))


async def keep(
    store: Store,
    id: str,
    number: int = 1,
    *,
    owners: Sequence[Key] = (),
    labels: Sequence[tuple[str, str]] = (),
    author: str = "alice",
    **entries: Any,
) -> None:
    """Put a version of `Type/id` with the index entries given by their kinds."""
    type, _, name = id.partition("/")
    version = new(Key(type, name), number, owners=owners, labels=labels, author=author)
    await put(store, version, IndexEntries(**entries))


def code(*codes: str, group: int = 0) -> list[tuple[str, str, str, int]]:
    """Return tokens called `code`."""
    return [("code", "http://s", each, group) for each in codes]


def to(name: str, *targets: str) -> list[tuple[str, str, str, int, int]]:
    """Return references called `name` to each `Type/id`, or `Type/id/version`."""
    found = []
    for each in targets:
        type, id, *version = each.split("/")
        found.append((name, type, id, int(version[0]) if version else 0, 0))
    return found
