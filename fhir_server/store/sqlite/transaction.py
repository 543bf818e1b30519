"""A transaction of the SQLite store: it reads through the writing connection and writes through the group's batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fhir_server.search.match import Criteria
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import AuditRow, Key, NewVersion, Version
from fhir_server.store.codec import encode
from fhir_server.store.sqlite.batch import Batch
from fhir_server.store.sqlite.connection import Runner
from fhir_server.store.sqlite.dictionary import Dictionary, Names
from fhir_server.store.sqlite.indexing import (
    IndexReading,
    IndexState,
    replace_owners,
    replace_rows,
    replace_subjects,
    settle,
)
from fhir_server.store.sqlite.records import SqliteWritableRecords, Tables
from fhir_server.store.sqlite.writable_concepts import SqliteWritableConcepts

SPILL = 16
"""Chunks of one version after which the pages that hold them leave memory for the write-ahead log."""


class SqliteTransaction(IndexReading):
    """See `Transaction`. It is of no use once its work has returned."""

    def __init__(
        self,
        batch: Batch,
        runner: Runner,
        dictionary: Dictionary,
        names: Names,
        criteria: Criteria,
        tables: Tables,
        time: int,
        state: IndexState,
    ) -> None:
        super().__init__(runner, dictionary, names, criteria)
        self.batch = batch
        self.audits: list[AuditRow] = []
        self.over = False
        self._tables = tables
        self._time = time
        self._state = state

    @property
    def time(self) -> int:
        """See `Transaction.time`."""
        return self._time

    @property
    def records(self) -> SqliteWritableRecords:
        """See `Transaction.records`."""
        self._open()
        return SqliteWritableRecords(self._runner, self._tables, lambda: self._time, self.batch)

    @property
    def concepts(self) -> SqliteWritableConcepts:
        """See `Transaction.concepts`."""
        self._open()
        return SqliteWritableConcepts(self._runner, self.batch)

    async def put(self, version: NewVersion, entries: IndexEntries) -> Version:
        """See `Transaction.put`. A long transaction lets others have the event loop now and then."""
        self._open()
        patients = version.patients
        v = self.batch.put(version, entries, self._time, patients)
        if self.batch.full:
            self.batch.flush()
            await asyncio.sleep(0)
        return Version(
            version.key, version.number, self._time, version.method, version.author, version.body, v, patients
        )

    async def put_chunk(self, key: Key, number: int, data: bytes) -> None:
        """See `Transaction.put_chunk`."""
        self._open()
        self._ready(key)
        kind = self._names.type_id(key.type)
        rows = self._runner.row(
            "SELECT v.v, v.v > ?, (SELECT coalesce(max(c.n) + 1, 0) FROM chunk c WHERE c.v = v.v) FROM resource r "
            "CROSS JOIN version v ON v.rid = r.rid AND v.number = ? WHERE r.type = ? AND r.id = ?",
            (self.batch.before, number, kind, key.id),
        )
        if rows is None or not rows[1]:
            raise LookupError("raw content belongs to a version put in the same transaction")
        self.batch.execute("INSERT INTO chunk (v, n, data) VALUES (?, ?, ?)", (rows[0], rows[2], encode(data)))
        if rows[2] % SPILL == SPILL - 1:
            self.batch.spill()
        await asyncio.sleep(0)

    async def reindex(self, key: Key, number: int, entries: IndexEntries, subjects: Sequence[Key] = ()) -> bool:
        """See `Transaction.reindex`."""
        self._ready(key)
        found = self._indexed(key, number)
        if found is not None:
            replace_rows(self.batch, key.type, *found, entries)
            replace_subjects(self.batch, found[0], subjects)
        return found is not None

    async def own(self, key: Key, number: int, owners: Sequence[Key]) -> bool:
        """See `Transaction.own`."""
        self._ready(key)
        v = self._row_of(key, number)
        if v is not None:
            replace_owners(self.batch, v, owners)
        return v is not None

    async def settle_index(self) -> None:
        """See `Transaction.settle_index`."""
        self._open()
        settle(self.batch, self._state)

    async def audit(self, row: AuditRow) -> None:
        """See `Transaction.audit`."""
        self._open()
        self.audits.append(row)

    def _newest(self) -> int:
        return self.batch.last_v

    def _swept(self) -> int:
        return self._state.swept_to

    def _index(self) -> IndexState:
        return self._state

    def _uncounted(self, type: str) -> int:
        return self.batch.uncounted(self._names.type_id(type))

    def _ready(self, *keys: Key) -> None:
        self._open()
        if not keys or any(self.batch.pending(key) for key in keys):
            self.batch.flush()

    def _open(self) -> None:
        if self.over:
            raise RuntimeError("a transaction is used after its work has returned")
