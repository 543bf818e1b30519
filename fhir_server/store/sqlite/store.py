"""The SQLite store: one file, one writer with group commit, readers inline on the event loop.

docs/store.md shows the tables at work; the decisions behind it are docs/decisions/0001 to 0004.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.search.match import Criteria
from fhir_server.store import audit_chain, codec
from fhir_server.store.audit import AuditPage, AuditQuery, AuditRow
from fhir_server.store.base import Change, Key, RecordTable
from fhir_server.store.migrate import Runs, migrate, migrations
from fhir_server.store.sqlite import audit_events as events
from fhir_server.store.sqlite.batch import METHODS, Batch
from fhir_server.store.sqlite.check import check
from fhir_server.store.sqlite.concepts import SqliteConcepts
from fhir_server.store.sqlite.connection import BUDGETS, Budgets, Connection, Readers, Runner, refusal
from fhir_server.store.sqlite.dictionary import Dictionary, Names
from fhir_server.store.sqlite.indexing import INDEX_FORMAT, IndexReading, IndexState
from fhir_server.store.sqlite.lock import Lock
from fhir_server.store.sqlite.plans import Plans
from fhir_server.store.sqlite.records import SqliteRecords
from fhir_server.store.sqlite.sweep import sweep
from fhir_server.store.sqlite.transaction import SqliteTransaction
from fhir_server.store.sqlite.writable_concepts import give_up_loads
from fhir_server.store.sqlite.writer import Writer
from profiles.restriction import Restriction

T = TypeVar("T")

SWEEP_EVERY = 60.0
"""Seconds between two sweeps."""
CONCEPTS = 1000
"""Rows of the concept store that are forgotten at once."""


class SqliteStore(IndexReading):
    """See `Store`. Made by `open_sqlite`."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], int],
        criteria: Criteria,
        tables: Sequence[RecordTable],
        lifetime: float,
        compress: bool,
        budgets: Budgets = BUDGETS,
    ) -> None:
        self._path = path
        self._clock = clock
        self._lifetime = round(lifetime * 1_000_000)
        self._tables = {table.name: table for table in tables}
        self._lock = Lock(path)
        try:
            if not path.exists():
                # Health data in the clear: for the owner alone. SQLite gives the log beside it the same mode.
                path.touch(mode=0o600)
            self._writing = Connection(path, writes=True)
            self.schema = migrate(self._writing.raw, migrations(__package__), prepare=_prepare)
            self._writing.make_views()
            give_up_loads(self._writing.raw)
            meta = dict(self._writing.raw.execute("SELECT key, value FROM meta"))
            self._state = IndexState.of(meta)
            self._events_to = events.indexed_to(self._writing.raw)
            self._readers = Readers(path, budgets, keeps=True)
        except apsw.Error as error:
            self._lock.release()
            raise refusal(error) from error
        except BaseException:
            self._lock.release()
            raise
        self._secret = bytes(meta["secret"])
        dictionary = Dictionary(self._writing.raw)
        names = Names(dictionary, self._readers.connection, self._readers.glance)
        super().__init__(self._readers, dictionary, names, criteria, Plans(dictionary))
        self._batch = Batch(self._writing.raw, dictionary, codec.compressor() if compress else codec.encode)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fhir-store-commit")
        self._writer_runner = Runner(self._writing, self._thread, budgets)
        self._writer_names = Names(dictionary, self._writing.raw, self._writer_runner.glance, self._batch.additions)
        self._writer = Writer(self._writing, self._batch, self._thread, self._transaction, self._readers)
        self._records = SqliteRecords(self._readers, self._tables, clock)
        self._concepts = SqliteConcepts(self._readers)
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_now_and_then(), name="fhir-store-sweep")

    def _transaction(self) -> SqliteTransaction:
        self._batch.last_time = max(self._clock(), self._batch.last_time)
        return SqliteTransaction(
            self._batch,
            self._writer_runner,
            self._dictionary,
            self._writer_names,
            self._criteria,
            self._tables,
            self._batch.last_time,
            self._state,
        )

    def _newest(self) -> int:
        return self._writer.position

    def _swept(self) -> int:
        return self._state.swept_to

    def _index(self) -> IndexState:
        return self._state

    @property
    def index_format(self) -> int:
        """See `Store.index_format`."""
        return INDEX_FORMAT

    @property
    def indexed(self) -> bool:
        """See `Store.indexed`."""
        return self._state.current

    @property
    def records(self) -> SqliteRecords:
        """See `Snapshot.records`."""
        return self._records

    @property
    def concepts(self) -> SqliteConcepts:
        """See `Snapshot.concepts`."""
        return self._concepts

    @property
    def secret(self) -> bytes:
        """See `Store.secret`."""
        return self._secret

    async def write(self, work: Callable[[SqliteTransaction], Awaitable[T]]) -> T:
        """See `Store.write`."""
        value = await self._writer.write(work)
        if not self._state.current:
            # Told by the file, because only what is durable counts.
            row = self._runner.row("SELECT value FROM meta WHERE key = 'index_format'")
            self._state.format = int(row[0]) if row else 0
        return value

    async def audit(self, row: AuditRow, *, wait: bool = False) -> None:
        """See `Store.audit`."""
        await self._writer.audit(row, wait=wait)

    async def audit_rows(self, after: int = 0, limit: int = 100) -> list[tuple[int, AuditRow]]:
        """See `Store.audit_rows`."""
        # Audit rows alone are no reason to give the readers a new snapshot, but here they are what is asked for.
        self._readers.renew()
        rows = await self._runner.rows("SELECT seq, row FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
        return [(sequence, audit_chain.decode_row(row)) for sequence, row in rows]

    async def audit_events(self, query: AuditQuery, *, restriction: Restriction) -> AuditPage:
        """See `AuditTrail.audit_events`."""
        return await events.audit_events(self._runner, query, await self._index_audit(query), restriction)

    async def audit_count(self, query: AuditQuery, *, restriction: Restriction) -> int:
        """See `AuditTrail.audit_count`."""
        return await events.audit_count(self._runner, query, await self._index_audit(query), restriction)

    async def audit_head(self) -> tuple[int, bytes]:
        """See `AuditTrail.audit_head`."""
        return self._writer.head

    async def _index_audit(self, query: AuditQuery) -> int:
        """Index every row there is, unless a walk has begun; return the last row to look at."""
        if query.until is not None:
            return query.until
        if self._writer.audits_wait:
            await self.write(_ride_along)
        until, _ = self._writer.head
        while self._events_to < until:
            self._events_to = await self.write(events.index_events)
        return until

    async def position(self) -> int:
        """See `Store.position`."""
        return self._writer.position

    async def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """See `Store.changes`."""
        sql = (
            "SELECT v.v, v.position, r.type, r.id, v.number, v.method, v.time FROM version v "
            "CROSS JOIN resource r ON r.rid = v.rid WHERE v.v > ? AND v.v <= ? ORDER BY v.v LIMIT ?"
        )
        newest = self._writer.position
        rows = await self._runner.rows(sql, (after, newest, limit))
        if rows and rows[-1][1] > rows[-1][0]:
            # The page ends inside a transaction: its rest comes along.
            last, boundary = rows[-1][0], rows[-1][1]
            rows += await self._runner.rows(sql, (last, boundary, -1))
        return [
            Change(position, Key(self._type_name(kind), id), number, METHODS[method], time)  # type: ignore[arg-type]
            for _, position, kind, id, number, method, time in rows
        ]

    async def counts(self) -> Mapping[str, int]:
        """See `Store.counts`."""
        rows = await self._runner.rows("SELECT type, live FROM type_count WHERE live > 0")
        return {self._type_name(kind): live for kind, live in sorted(rows)}

    async def sweep(self) -> int:
        """Remove index rows that died longer ago than the cursor lifetime; return the number of versions swept."""
        swept = 0
        before = self._clock() - self._lifetime

        async def some(tx: SqliteTransaction) -> int:
            versions, died = sweep(tx.batch, before)
            # Readers must refuse older positions from before the rows are gone.
            self._state.swept_to = max(self._state.swept_to, died)
            await tx.records.purge()
            return versions

        while versions := await self.write(some):
            swept += versions
        while await self.write(lambda tx: tx.concepts.sweep(CONCEPTS)):
            continue
        return swept

    async def _sweep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            try:
                await self.sweep()
                await self._index_audit(AuditQuery())
            except (StoreUnavailable, StoreFull):
                # A locked file or a full disk: whoever writes hears of it, the sweep has time.
                continue

    async def describe(self) -> Mapping[str, Any]:
        """See `Store.describe`."""
        pages = self._runner.row("SELECT * FROM pragma_page_count, pragma_page_size")
        count, size = pages or (0, 0)
        return {
            "engine": "SQLite",
            "sqlite": apsw.sqlite_lib_version(),
            "apsw": apsw.apsw_version(),
            "schema": self.schema,
            "index_format": self._state.format,
            "page_size": size,
            "pages": count,
            "file_bytes": self._path.stat().st_size,
            "position": self._writer.position,
        }

    async def check(self) -> list[str]:
        """See `Store.check`. Runs in a thread with a connection of its own, on one snapshot."""
        return await asyncio.to_thread(_check, self._path)

    async def close(self) -> None:
        """See `Store.close`."""
        self._sweeper.cancel()
        await self._writer.close()
        self._thread.shutdown()
        self._readers.close()
        self._writing.close()
        self._lock.release()


async def _ride_along(_: SqliteTransaction) -> None:
    """Do nothing: the audit rows that wait are committed with it."""


def _prepare(connection: Runs) -> None:
    connection.execute(
        "INSERT INTO meta VALUES ('secret', ?), ('index_format', ?), ('swept_to', 0)",
        (secrets.token_bytes(32), INDEX_FORMAT),
    )


def _check(path: Path) -> list[str]:
    connection = Connection(path, writes=False)
    try:
        connection.raw.execute("BEGIN")
        return check(connection.raw)
    finally:
        connection.close()
