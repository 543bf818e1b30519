"""Numbered migrations."""

from __future__ import annotations

import apsw
import pytest

from fhir_server.errors import StoreUnavailable
from fhir_server.store.migrate import Migration, migrate, migrations, schema_of

STEPS = [
    Migration(1, "0001_a.sql", "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT; CREATE TABLE a (x);"),
    Migration(2, "0002_b.sql", "ALTER TABLE a ADD COLUMN y; CREATE INDEX a_y ON a (y);"),
    Migration(3, "0003_c.sql", "CREATE TABLE c (z); INSERT INTO c VALUES (1);"),
]


def schema(connection: apsw.Connection) -> list[tuple[str, ...]]:
    return list(connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name"))


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_migrated_file_equals_a_fresh_one(stop: int):
    fresh, old = apsw.Connection(":memory:"), apsw.Connection(":memory:")
    assert migrate(fresh, STEPS) == 3
    assert migrate(old, STEPS[:stop]) == stop
    assert migrate(old, STEPS) == 3
    assert schema(old) == schema(fresh)
    assert schema_of(old) == 3
    assert list(old.execute("SELECT z FROM c")) == [(1,)]


def test_a_failing_step_leaves_what_the_steps_before_it_made():
    connection = apsw.Connection(":memory:")
    broken = [*STEPS[:1], Migration(2, "0002_x.sql", "CREATE TABLE half (x); SELECT nothing FROM nowhere;")]
    with pytest.raises(apsw.SQLError):
        migrate(connection, broken)
    assert schema_of(connection) == 1
    assert "half" not in [name for _, name, _ in schema(connection)]
    assert migrate(connection, STEPS) == 3


def test_preparation_runs_once_with_the_first_step():
    connection, runs = apsw.Connection(":memory:"), []
    migrate(connection, STEPS[:1], prepare=runs.append)
    migrate(connection, STEPS, prepare=runs.append)
    assert runs == [connection]


def test_a_newer_file_is_refused():
    connection = apsw.Connection(":memory:")
    migrate(connection, STEPS)
    with pytest.raises(StoreUnavailable, match="schema 3, this server knows schemas up to 2"):
        migrate(connection, STEPS[:2])


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE customers (name TEXT)",
        "CREATE TABLE meta (name TEXT)",
        "CREATE TABLE meta (key TEXT, value TEXT); INSERT INTO meta VALUES ('colour', 'blue')",
    ],
)
def test_a_database_of_another_application_is_refused_and_left_as_it_is(sql: str):
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    before = schema(connection)
    with pytest.raises(StoreUnavailable, match="another application"):
        migrate(connection, STEPS)
    assert schema(connection) == before


def test_our_own_migrations_are_numbered_and_run():
    ours = migrations("fhir_server.store.sqlite")
    assert [step.number for step in ours] == list(range(1, len(ours) + 1))
    connection = apsw.Connection(":memory:")
    assert migrate(connection, ours) == ours[-1].number
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
