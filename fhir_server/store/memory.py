"""The in-memory store: the complete reference that every other store must agree with, and a quick one for tests.

Works run one at a time. Other readers do not see a running work: they look no further than the last position.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace as replaced
from typing import Any, TypeVar

from msgspec.structs import replace

from fhir_server.errors import StoreUnavailable
from fhir_server.search.match import Criteria
from fhir_server.search.match_rule import Kept
from fhir_server.search.values import IndexEntries
from fhir_server.store import audit_chain
from fhir_server.store.audit import AuditEvent, AuditPage, AuditQuery, AuditRow, Every, Facts, facts, holds, reach
from fhir_server.store.base import Change, Key, NewVersion, RecordTable, Version, VersionConflict
from fhir_server.store.memory_concepts import MemoryConcepts, MemoryWritableConcepts, Systems
from fhir_server.store.memory_reading import MemoryReading, State, Stored
from fhir_server.store.memory_records import MemoryRecords, MemoryWritableRecords, Rows
from profiles.restriction import Restriction

T = TypeVar("T")


class MemoryTransaction(MemoryReading):
    """See `Transaction`. It is of no use once its work has returned."""

    def __init__(
        self,
        state: State,
        criteria: Criteria,
        records: MemoryWritableRecords,
        concepts: MemoryWritableConcepts,
        time: int,
    ) -> None:
        super().__init__(state, criteria, concepts.systems)
        self.audits: list[AuditRow] = []
        self.settles = False
        self._replaced: list[tuple[Stored, Stored]] = []
        self.first = len(state.rows)
        self.over = False
        self._records = records
        self._concepts = concepts
        self._time = time

    @property
    def time(self) -> int:
        """See `Transaction.time`."""
        return self._time

    @property
    def records(self) -> MemoryWritableRecords:
        """See `Transaction.records`."""
        self._open()
        return self._records

    @property
    def concepts(self) -> MemoryWritableConcepts:
        """See `Transaction.concepts`."""
        self._open()
        return self._concepts

    async def put(self, version: NewVersion, entries: IndexEntries) -> Version:
        """See `Transaction.put`."""
        self._open()
        rows = self._state.keys.setdefault(version.key, [])
        if version.number != len(rows) + 1:
            raise VersionConflict(
                f"{version.key.type}/{version.key.id} is at version {len(rows)}, not {version.number - 1}"
            )
        v = len(self._state.rows) + 1
        if rows:
            rows[-1].died = v
        kept = Version(
            version.key, version.number, self._time, version.method, version.author, version.body, v, version.patients
        )
        answers = None if kept.deleted else entries
        about = tuple(each for each in version.subjects if each in version.owners)
        stored = Stored(v, kept, tuple(version.owners), tuple(version.labels), answers, about)
        rows.append(stored)
        self._state.rows.append(stored)
        return kept

    async def put_chunk(self, key: Key, number: int, data: bytes) -> None:
        """See `Transaction.put_chunk`."""
        self._open()
        rows = self._state.keys.get(key, [])
        if not 0 < number <= len(rows) or rows[number - 1].v <= self.first:
            raise LookupError("raw content belongs to a version put in the same transaction")
        rows[number - 1].chunks.append(bytes(data))

    async def reindex(self, key: Key, number: int, entries: IndexEntries, subjects: Sequence[Key] = ()) -> bool:
        """See `Transaction.reindex`."""
        self._open()
        rows = self._state.keys.get(key, [])
        if number != len(rows) or not rows or rows[-1].version.deleted:
            return False
        self._replaced.append((rows[-1], replaced(rows[-1])))
        rows[-1].entries = entries
        rows[-1].subjects = tuple(each for each in subjects if each in rows[-1].owners)
        return True

    async def own(self, key: Key, number: int, owners: Sequence[Key]) -> bool:
        """See `Transaction.own`."""
        self._open()
        rows = self._state.keys.get(key, [])
        if not 0 < number <= len(rows):
            return False
        stored = rows[number - 1]
        self._replaced.append((stored, replaced(stored)))
        stored.owners = stored.subjects = tuple(owners)
        patients = tuple(sorted({owner.id for owner in owners if owner.type == "Patient"}))
        stored.version = replace(stored.version, patients=patients)
        return True

    async def settle_index(self) -> None:
        """See `Transaction.settle_index`."""
        self._open()
        self.settles = True

    async def audit(self, row: AuditRow) -> None:
        """See `Transaction.audit`."""
        self._open()
        self.audits.append(row)

    def keep(self) -> None:
        """The work has succeeded: its last version is the position of all its versions."""
        position = len(self._state.rows)
        for stored in self._state.rows[self.first :]:
            stored.version = replace(stored.version, position=position)

    def undo(self) -> None:
        """The work has failed: forget what it put."""
        for stored, before in reversed(self._replaced):
            stored.entries, stored.subjects = before.entries, before.subjects
            stored.owners, stored.version = before.owners, before.version
        for stored in reversed(self._state.rows[self.first :]):
            rows = self._state.keys[stored.version.key]
            rows.pop()
            if rows:
                rows[-1].died = None
            else:
                del self._state.keys[stored.version.key]
        del self._state.rows[self.first :]

    def _newest(self) -> int:
        self._open()
        return len(self._state.rows)

    def _kept(self, table: str, field: str, value: str) -> list[Kept]:
        return self._records.kept(table, field, value)

    def _open(self) -> None:
        if self.over:
            raise RuntimeError("a transaction is used after its work has returned")


class MemoryStore(MemoryReading):
    """See `Store`."""

    def __init__(
        self, *, clock: Callable[[], int], criteria: Criteria, tables: Sequence[RecordTable], lifetime: float
    ) -> None:
        super().__init__(State(), criteria, Systems())
        self._clock = clock
        self._lifetime = round(lifetime * 1_000_000)
        self._tables = {table.name: table for table in tables}
        self._rows: Rows = {}
        self._records = MemoryRecords(self._rows, self._tables, clock)
        self._concepts = MemoryConcepts(self._systems)
        self._position = 0
        self._time = 0
        self._audit: list[tuple[int, bytes, bytes]] = []
        self._secret = secrets.token_bytes(32)
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        self._closed = False

    def _newest(self) -> int:
        return self._position

    def _kept(self, table: str, field: str, value: str) -> list[Kept]:
        return self._records.kept(table, field, value)

    @property
    def records(self) -> MemoryRecords:
        """See `Snapshot.records`."""
        return self._records

    @property
    def concepts(self) -> MemoryConcepts:
        """See `Snapshot.concepts`."""
        return self._concepts

    @property
    def index_format(self) -> int:
        """See `Store.index_format`."""
        return 1

    @property
    def indexed(self) -> bool:
        """See `Store.indexed`. What is in memory was put there by this code."""
        return True

    @property
    def secret(self) -> bytes:
        """See `Store.secret`."""
        return self._secret

    async def write(self, work: Callable[[MemoryTransaction], Awaitable[T]]) -> T:
        """See `Store.write`."""
        self._usable()
        if self._writer is not None and self._writer is asyncio.current_task():
            raise RuntimeError("a work must not wait for another write: it would wait for itself")
        async with self._writing:
            self._time = max(self._time, self._clock())
            self._writer = asyncio.current_task()
            changed: dict[tuple[str, str], Any] = {}
            records = MemoryWritableRecords(self._rows, self._tables, self._time, changed)
            concepts = MemoryWritableConcepts(self._systems, self._time)
            tx = MemoryTransaction(self._state, self._criteria, records, concepts, self._time)
            try:
                value = await work(tx)
            except BaseException:
                tx.undo()
                concepts.undo()
                raise
            finally:
                tx.over = True
                self._writer = None
            tx.keep()
            records.keep()
            concepts.keep()
            if tx.settles:
                self._state.swept_to = max(self._state.swept_to, self._position)
            self._append(tx.audits)
            self._position = len(self._state.rows)
            return value

    async def audit(self, row: AuditRow, *, wait: bool = False) -> None:
        """See `Store.audit`. Nothing here is durable, so there is nothing to wait for."""
        self._usable()
        self._append([row])

    def _append(self, audits: Sequence[AuditRow]) -> None:
        for audit in audits:
            row = audit_chain.encode_row(audit)
            previous = self._audit[-1][2] if self._audit else audit_chain.START
            self._audit.append((len(self._audit) + 1, row, audit_chain.link(previous, row)))

    async def audit_rows(self, after: int = 0, limit: int = 100) -> list[tuple[int, AuditRow]]:
        """See `Store.audit_rows`."""
        return [(number, audit_chain.decode_row(row)) for number, row, _ in self._audit[after : after + limit]]

    async def audit_events(self, query: AuditQuery, *, restriction: Restriction) -> AuditPage:
        """See `AuditTrail.audit_events`."""
        until = len(self._audit) if query.until is None else query.until
        found = self._found(replaced(query, until=until), restriction)
        if query.after is not None:
            places = [(each.seq, each.n) for each in found]
            found = found[places.index(query.after) + 1 :] if query.after in places else []
        page = [AuditEvent(each.seq, each.n, self._row(each.seq)) for each in found[: query.count]]
        last = (page[-1].seq, page[-1].n) if len(found) > len(page) else None
        return AuditPage(page, last, until)

    async def audit_count(self, query: AuditQuery, *, restriction: Restriction) -> int:
        """See `AuditTrail.audit_count`."""
        return len(self._found(query, restriction))

    async def audit_head(self) -> tuple[int, bytes]:
        """See `AuditTrail.audit_head`."""
        return (len(self._audit), self._audit[-1][2]) if self._audit else (0, audit_chain.START)

    def _found(self, query: AuditQuery, restriction: Restriction) -> list[Facts]:
        where = Every((query.where, reach(restriction)))
        rows = self._audit if query.until is None else self._audit[: query.until]
        events = (event for number, row, _ in rows for event in facts(number, audit_chain.decode_row(row)))
        found = [event for event in events if holds(where, event)]
        return sorted(found, key=lambda each: (each.time, each.seq, each.n), reverse=query.descending)

    def _row(self, number: int) -> AuditRow:
        return audit_chain.decode_row(self._audit[number - 1][1])

    async def position(self) -> int:
        """See `Store.position`."""
        return self._position

    async def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """See `Store.changes`."""
        found: list[Change] = []
        for stored in self._state.rows[after : self._position]:
            version = stored.version
            if len(found) >= limit and version.position != found[-1].position:
                break
            found.append(Change(version.position, version.key, version.number, version.method, version.time))
        return found

    async def counts(self) -> Mapping[str, int]:
        """See `Store.counts`."""
        alive = (self._current(key) for key in self._state.keys)
        return dict(Counter(each.version.key.type for each in alive if each and not each.version.deleted))

    async def sweep(self) -> int:
        """See `Store.sweep`."""
        before = self._clock() - self._lifetime
        swept = 0
        for stored in self._state.rows[: self._position]:
            if stored.entries is None or stored.died is None or stored.died > self._position:
                continue
            if self._state.rows[stored.died - 1].version.time < before:
                stored.entries = None
                self._state.swept_to = max(self._state.swept_to, stored.died)
                swept += 1
        for key in [key for key, row in self._rows.items() if row.expires is not None and row.expires <= self._clock()]:
            del self._rows[key]
        return swept

    async def describe(self) -> Mapping[str, Any]:
        """See `Store.describe`."""
        return {"engine": "memory", "position": self._position}

    async def check(self) -> list[str]:
        """See `Store.check`."""
        return audit_chain.verify(self._audit)

    async def close(self) -> None:
        """See `Store.close`."""
        self._closed = True

    def _usable(self) -> None:
        if self._closed:
            raise StoreUnavailable("The store is closed: the server is shutting down.")
