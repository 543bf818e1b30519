"""Budgets of queries, and what errors mean."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import sleep

import apsw
import pytest

from fhir_server.errors import StoreFull, StoreUnavailable, TooCostly
from fhir_server.store.connect import connect
from fhir_server.store.one_budget import one_budget
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite import connection
from fhir_server.store.sqlite.connection import refusal
from fhir_server.store.sqlite.indexing import INDEX_FORMAT
from fhir_server.store.sqlite.store import SqliteStore

COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n"


async def test_a_long_query_leaves_the_event_loop(store: SqliteStore):
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    rows = await asyncio.gather(*(store._readers.rows(COUNT, (1_000_000,)) for _ in range(4)))
    ticking.cancel()
    assert rows == [[(1_000_000,)]] * 4
    assert ticks > 20
    assert await store._readers.rows(COUNT, (10,)) == [(10,)]


async def test_a_query_over_its_budget_is_stopped(tmp_path: Path):
    store = await connect(f"sqlite:///{tmp_path}/fhir.db", read_budget=0.001, search_budget=0.05)
    assert isinstance(store, SqliteStore)
    with pytest.raises(TooCostly, match=r"after 0\.05 seconds: narrow it"):
        await store._readers.rows(COUNT, (1 << 60,))
    with pytest.raises(TooCostly):
        await store.write(lambda tx: tx._runner.rows(COUNT, (1 << 60,)))
    assert await store._readers.rows(COUNT, (10,)) == [(10,)]
    await store.close()


async def test_what_exceeds_the_inline_budget_runs_in_a_thread(tmp_path: Path):
    for budget, threads in ((30.0, 0), (0.001, 1)):
        store = await connect(f"sqlite:///{tmp_path}/{threads}.db", read_budget=budget)
        assert isinstance(store, SqliteStore)
        assert await store._readers.rows(COUNT, (300_000,)) == [(300_000,)]
        assert len(store._readers._opened) == threads
        await store.close()


async def test_the_queries_of_one_request_share_one_budget(tmp_path: Path):
    store = await connect(f"sqlite:///{tmp_path}/fhir.db", read_budget=0.001, search_budget=0.2)
    assert isinstance(store, SqliteStore)
    rows, answered = store._readers.rows, 0

    async def ask() -> None:
        nonlocal answered
        while answered < 1000:
            await rows(COUNT, (100_000,))
            answered += 1

    with one_budget() as together:
        with pytest.raises(TooCostly, match=r"after 0\.2 seconds"):
            await ask()
        assert together.running >= 0.2
    assert answered, "the first of them are within it"
    # Another request has a budget of its own.
    with one_budget():
        assert await rows(COUNT, (100_000,)) == [(100_000,)]
    await store.close()


async def test_a_statement_that_takes_long_to_prepare_is_not_prepared_on_the_event_loop(store: SqliteStore):
    long = "SELECT 1 -- " + "x" * connection.LONG
    assert store._readers.glance(long, ()) is None
    assert await store._readers.rows(long) == [(1,)]
    assert len(store._readers._opened) == 1, "it ran in a thread"


def test_glances_of_one_search_have_one_budget_as_well(store: SqliteStore):
    with one_budget() as together:
        while together.glancing < connection.GLANCES:
            assert store._readers.glance(COUNT, (1 << 60,)) is None
        assert store._readers.glance(COUNT, (10,)) is None
        assert store._names.estimate(Statement("SELECT 1 FROM type"), 7) == 7
        assert together.glancing < 3 * connection.GLANCES
    assert store._readers.glance(COUNT, (10,)) == [(10,)]
    assert store._names.estimate(Statement("SELECT 1 FROM type"), 7) == 0, "what was not looked at is not remembered"


def test_a_glance_that_waits_for_its_turn_still_sees(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    # A plan that was made blind is slow for as long as it is kept, and a busy machine makes everybody wait.
    monkeypatch.setattr(connection, "WAITING", 1000)
    store._readers._inline.raw.create_scalar_function("nap", lambda: sleep(2 * connection.GLANCE) or 1)
    with one_budget() as together:
        assert store._readers.glance(f"SELECT nap() FROM ({COUNT})", (3000,)) == [(1,)]
        assert together.glancing < connection.GLANCES


@pytest.mark.parametrize(
    ("error", "expected"),
    [(apsw.FullError(), StoreFull), (apsw.BusyError(), StoreUnavailable), (apsw.CorruptError(), StoreUnavailable)],
)
def test_what_errors_mean(error: apsw.Error, expected: type[Exception]):
    assert type(refusal(error)) is expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 WHERE 1 IN (" + ",".join("?" * 40_000) + ")",
        "SELECT 1 WHERE " + " OR ".join(["1"] * 1100),
        "SELECT 1 FROM " + ", ".join(f"meta m{number}" for number in range(65)),
        " UNION ALL ".join(["SELECT 1"] * 501),
    ],
)
async def test_a_statement_beyond_the_limits_of_the_database_is_too_costly(store: SqliteStore, sql: str):
    with pytest.raises(TooCostly, match="fewer values and chains"):
        await store._readers.rows(sql, (1,) * sql.count("?"))


async def test_a_statement_that_is_wrong_is_a_fault_of_the_store(store: SqliteStore):
    with pytest.raises(StoreUnavailable):
        await store._readers.rows("SELECT nothing FROM nowhere")


async def test_the_pragmas_that_durability_rests_on(store: SqliteStore):
    pragma = store._writing.raw.pragma
    assert (pragma("journal_mode"), pragma("synchronous"), pragma("secure_delete")) == ("wal", 2, 1)
    assert pragma("journal_size_limit") == connection.LOG_KEPT
    with pytest.raises(apsw.ReadOnlyError):
        store._readers.connection.execute("DELETE FROM meta")


async def test_describe_names_what_it_runs_on(store: SqliteStore):
    described = await store.describe()
    assert described["sqlite"] == apsw.sqlite_lib_version()
    assert (described["schema"], described["index_format"], described["page_size"]) == (7, INDEX_FORMAT, 4096)
    assert described["file_bytes"] > 0


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (apsw.NotADBError("x"), "no SQLite database"),
        (apsw.CorruptError("x"), "damaged"),
        (apsw.CantOpenError("x"), "folder"),
        (apsw.ReadOnlyError("x"), "writing"),
        (apsw.FullError("x"), "full"),
        (apsw.BusyError("x"), "lock"),
        (apsw.MisuseError("x"), "MisuseError"),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_file(error: apsw.Error, says: str) -> None:
    assert says in str(refusal(error))
