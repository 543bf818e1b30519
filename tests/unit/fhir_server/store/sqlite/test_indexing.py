"""A file whose index is of another format: nothing is searched in it until everything is indexed again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from fhir_server.errors import StoreUnavailable
from fhir_server.search.query import Include, Query, Target, Token
from fhir_server.search.values import NEVER
from fhir_server.store.base import Key, Scope, Snapshot, Store
from fhir_server.store.connect import connect, reading
from fhir_server.store.sqlite.indexing import INDEX_FORMAT
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
from tests.fakes.versions import coded, criteria, new, put

ONE = Key("Patient", "1")
CODE = Token("code", None, "a")
TARGETS = (Target("Patient", CODE),)
SEARCHES: dict[str, Callable[[Snapshot], Awaitable[Any]]] = {
    "search": lambda s: s.search(Query(TARGETS), restriction=ALL),
    "count": lambda s: s.count(TARGETS, restriction=ALL),
    "include": lambda s: s.include((), Include("Patient", ("link",)), restriction=ALL, limit=1),
    "explain": lambda s: s.explain(Query(TARGETS), restriction=ALL),
    "matches": lambda s: s.matches("Patient", CODE, restriction=ALL, limit=1),
}


async def opened(database: Path) -> Store:
    return await connect(f"sqlite:///{database}", criteria=criteria)


def mark(database: Path, format: int) -> None:
    """Say that the file's index has that format."""
    connection = apsw.Connection(str(database))
    connection.execute("UPDATE meta SET value = ? WHERE key = 'index_format'", (format,))
    connection.close()


async def old(database: Path) -> Store:
    """Return a store that was written by code of an older format, and holds Patient/1."""
    store = await opened(database)
    await put(store, new(ONE, 1), coded("a"))
    await store.close()
    mark(database, INDEX_FORMAT - 1)
    return await opened(database)


@pytest.mark.parametrize("name", SEARCHES)
def test_no_kind_of_search_is_answered_from_an_old_index(database: Path, name: str) -> None:
    async def on() -> None:
        store = await old(database)
        try:
            assert not store.indexed
            with pytest.raises(StoreUnavailable, match="is being made anew") as caught:
                await SEARCHES[name](store)
            assert caught.value.issues[0].code == "incomplete"
            with pytest.raises(StoreUnavailable):
                await store.write(SEARCHES[name])
            async with reading(f"sqlite:///{database}", criteria=criteria) as reader:
                with pytest.raises(StoreUnavailable):
                    await SEARCHES[name](reader)
        finally:
            await store.close()

    asyncio.run(on())


def test_reading_and_writing_by_key_go_on(database: Path) -> None:
    async def on() -> None:
        store = await old(database)
        assert await store.read(ONE, restriction=ALL) is not None
        assert len((await store.history(Scope(), restriction=ALL)).versions) == 1
        await put(store, new(ONE, 2), coded("b"))
        await put(store, new(Key("Patient", "2"), 1), coded("a"))
        living = await store.living("Patient", restriction=ALL)
        assert [(each.key.id, each.number) for each in living.versions] == [("1", 2), ("2", 1)]
        assert await store.check() == []
        await store.close()

    asyncio.run(on())


def test_searches_are_answered_again_once_it_is_settled_and_durable(database: Path) -> None:
    async def on() -> None:
        store = await old(database)
        assert await store.write(lambda tx: tx.reindex(ONE, 1, coded("c")))
        assert not store.indexed

        async def fails(tx: Any) -> None:
            await tx.settle_index()
            raise ValueError

        with pytest.raises(ValueError):
            await store.write(fails)
        assert not store.indexed
        await store.write(lambda tx: tx.settle_index())
        assert store.indexed
        await store.close()
        store = await opened(database)
        assert (await store.describe())["index_format"] == store.index_format == INDEX_FORMAT
        found = await store.matches("Patient", Token("code", None, "c"), restriction=ALL, limit=9)
        assert [version.key for version in found] == [ONE]
        await store.close()

    asyncio.run(on())


def test_an_index_of_the_future_is_refused(database: Path) -> None:
    async def on() -> None:
        await (await opened(database)).close()
        mark(database, INDEX_FORMAT + 1)
        with pytest.raises(StoreUnavailable, match=f"formats up to {INDEX_FORMAT}"):
            await opened(database)
        # Its lock is given back.
        mark(database, INDEX_FORMAT)
        await (await opened(database)).close()

    asyncio.run(on())


def test_rows_that_stay_the_same_are_not_written_again(database: Path) -> None:
    async def on() -> None:
        store = await opened(database)
        await put(store, new(ONE, 1), coded("a"))
        watch = apsw.Connection(str(database))
        (before,) = watch.execute("SELECT rowid, rows FROM footprint")
        changes = store._writing.raw.total_changes()  # type: ignore[attr-defined]
        await store.write(lambda tx: tx.reindex(ONE, 1, coded("a")))
        assert list(watch.execute("SELECT rowid, rows FROM footprint")) == [before]
        assert store._writing.raw.total_changes() == changes  # type: ignore[attr-defined]
        watch.close()
        await store.close()

    asyncio.run(on())


async def test_the_rows_by_patient_follow_a_date_that_is_read_otherwise(store: SqliteStore):
    """Their key stays the same, what they tell besides does not."""
    key, owner = Key("Observation", "1"), Key("Patient", "p")
    found = replace(
        coded("a"), references=[("subject", "Patient", "p", 0, 0)], by_patient=frozenset(("code", "subject"))
    )
    await put(store, new(key, 1, owners=[owner]), found)
    read = replace(found, dates=[("date", 3, 4, 0)])
    assert await store.write(lambda tx: tx.reindex(key, 1, read))
    assert list(store._writing.raw.execute("SELECT low, high FROM idx_owned")) == [(3, 4)]
    assert await store.check() == []


async def test_a_file_of_before_gets_what_the_rows_by_patient_tell(database: Path):
    """The migration says of rows that are there what writing them today would."""
    key, owner = Key("Observation", "1"), Key("Patient", "p")
    references = [("performer", "Patient", "p", 0, 0), ("subject", "Patient", "p", 0, 0)]
    by_patient = frozenset(("code", "performer", "subject"))
    entries = replace(coded("a"), references=references, by_patient=by_patient)
    store = await opened(database)
    await put(store, new(key, 1, owners=[owner]), replace(entries, dates=[("date", 5, 6, 0), ("date", 3, 4, 0)]))
    await put(store, new(Key("Observation", "2"), 1, owners=[owner]), entries)
    await store.close()
    connection = apsw.Connection(str(database))
    told = "SELECT v, rid, p, t, via, low, high FROM idx_owned ORDER BY v"
    before = list(connection.execute(told))
    assert [row[-2:] for row in before] == [(3, 6), (None, NEVER)]
    connection.execute("CREATE TABLE copied AS SELECT rid, p, t, v FROM idx_owned; DROP TABLE idx_owned")
    connection.execute("ALTER TABLE copied RENAME TO idx_owned")
    connection.execute("DROP INDEX version_by_author; DROP INDEX code_system_source; DROP INDEX code_system_published")
    connection.execute("ALTER TABLE code_system DROP COLUMN source")
    connection.execute("CREATE UNIQUE INDEX code_system_published ON code_system (url, version) WHERE state = 1")
    connection.execute("UPDATE meta SET value = 4 WHERE key = 'schema'")
    connection.close()
    await (await opened(database)).close()
    connection = apsw.Connection(str(database))
    assert list(connection.execute(told)) == before
    connection.close()
