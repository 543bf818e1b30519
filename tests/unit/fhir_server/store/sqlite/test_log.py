"""When the write-ahead log is copied, and what readers see meanwhile."""

from __future__ import annotations

import apsw
import pytest

from fhir_server.search.values import IndexEntries
from fhir_server.store.base import AuditRow, Key
from fhir_server.store.sqlite import log
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
from tests.fakes.patience import until
from tests.fakes.versions import new, update

ROW = AuditRow(1, "alice", "read", "Patient/1", 200, "r")


async def write(store: SqliteStore, name: str, size: int) -> None:
    async def work(tx) -> None:
        await tx.put(new(Key("Patient", name), 1, text="x" * size), IndexEntries())

    await store.write(work)


def pages_in_file(store: SqliteStore) -> int:
    return store._path.stat().st_size // 4096


async def log_is_copied(store: SqliteStore) -> None:
    await until(lambda: store._writer._log._copied)


async def test_a_log_worth_it_is_copied_once_nobody_writes(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log, "QUIET", 0.05)
    await write(store, "big", log.WORTH * 4096)
    assert pages_in_file(store) < log.WORTH
    await store.read(Key("Patient", "big"), restriction=ALL)
    await log_is_copied(store)
    assert pages_in_file(store) >= log.WORTH
    assert (await store.read(Key("Patient", "big"), restriction=ALL)).number == 1


async def test_a_copied_log_begins_anew_although_readers_kept_a_snapshot(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log, "QUIET", 0.05)
    await write(store, "big", log.WORTH * 4096)
    await store.read(Key("Patient", "big"), restriction=ALL)
    await log_is_copied(store)
    await store.read(Key("Patient", "big"), restriction=ALL)
    await write(store, "small", 10)
    assert store._writing.log_pages < log.WORTH


async def test_a_full_log_is_copied_while_others_write(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log, "QUIET", 3600.0)
    monkeypatch.setattr(log, "FULL", 2 * log.WORTH)
    size = log.WORTH * 4096 // 4
    for n in range(24):
        await write(store, str(n), size)
        await store.read(Key("Patient", str(n)), restriction=ALL)
    assert pages_in_file(store) >= 2 * log.WORTH
    assert store._writing.log_pages < 4 * log.WORTH


async def test_an_attempt_that_fails_is_made_again_later(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log, "QUIET", 0.05)

    def full() -> None:
        raise apsw.FullError

    with monkeypatch.context() as patched:
        patched.setattr(store._writing, "checkpoint", full)
        await write(store, "big", log.WORTH * 4096)
        await log_is_copied(store)
    assert pages_in_file(store) < log.WORTH
    await write(store, "more", log.WORTH * 4096)
    await until(lambda: pages_in_file(store) >= 2 * log.WORTH)


async def test_readers_keep_their_snapshot_while_only_audit_rows_come(store: SqliteStore):
    await update(store, Key("Patient", "1"))
    await store.read(Key("Patient", "1"), restriction=ALL)
    before = store._readers.connection.data_version()
    await store.audit(ROW, wait=True)
    await store.read(Key("Patient", "1"), restriction=ALL)
    assert store._readers.connection.data_version() == before
    assert await store.audit_rows() == [(1, ROW)]
    await update(store, Key("Patient", "1"))
    assert (await store.read(Key("Patient", "1"), restriction=ALL)).number == 2
