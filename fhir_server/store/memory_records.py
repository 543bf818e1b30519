"""The records half of the in-memory store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fhir_server.store.base import Record, RecordConflict, RecordTable

Rows = dict[tuple[str, str], Record]
Tables = Mapping[str, RecordTable]


class MemoryRecords:
    """See `Records`."""

    def __init__(self, rows: Rows, tables: Tables, now: Callable[[], int]) -> None:
        self._rows = rows
        self._tables = tables
        self._now = now

    def _all(self) -> Mapping[tuple[str, str], Record | None]:
        return self._rows

    async def get(self, table: str, key: str) -> Record | None:
        """See `Records.get`."""
        self._declared(table)
        return self._alive(self._all().get((table, key)))

    async def find(self, table: str, field: str, value: str) -> list[Record]:
        """See `Records.find`."""
        declared = self._declared(table)
        if field not in declared.unique and field not in declared.indexed:
            raise LookupError(f"the record table {table} declares no field {field}")
        return [record for record in self._sorted(table) if record.value.get(field) == value]

    async def scan(self, table: str, after: str = "", limit: int = 100) -> list[Record]:
        """See `Records.scan`."""
        self._declared(table)
        return [record for record in self._sorted(table) if record.key > after][:limit]

    def kept(self, table: str, field: str, value: str) -> list[tuple[Mapping[str, Any], int | None]]:
        """Return the values of `table` whose `field` is `value`, with their expiry, expired ones too."""
        found = (record for record in self._all().values() if record is not None and record.table == table)
        return [(record.value, record.expires) for record in found if record.value.get(field) == value]

    def _sorted(self, table: str) -> list[Record]:
        alive = (self._alive(record) for record in self._all().values())
        return sorted((record for record in alive if record and record.table == table), key=lambda each: each.key)

    def _alive(self, record: Record | None) -> Record | None:
        if record is None or (record.expires is not None and record.expires <= self._now()):
            return None
        return record

    def _declared(self, table: str) -> RecordTable:
        declared = self._tables.get(table)
        if declared is None:
            raise LookupError(f"the record table {table} was not declared when the store was opened")
        return declared


class MemoryWritableRecords(MemoryRecords):
    """See `WritableRecords`. What it writes is laid over the rows until `keep`."""

    def __init__(self, rows: Rows, tables: Tables, time: int, changed: dict[tuple[str, str], Record | None]) -> None:
        super().__init__(rows, tables, lambda: time)
        self._changed = changed

    def _all(self) -> Mapping[tuple[str, str], Record | None]:
        return {**self._rows, **self._changed}

    async def put(
        self, table: str, key: str, value: Mapping[str, Any], *, expect: int | None = None, expires: int | None = None
    ) -> Record:
        """See `WritableRecords.put`."""
        declared = self._declared(table)
        before = await self.get(table, key)
        revision = before.revision if before else 0
        if expect is not None and expect != revision:
            raise RecordConflict(f"{table}: the record is at revision {revision}, not {expect}")
        for name in (*declared.unique, *declared.indexed):
            text = value.get(name)
            if text is not None and not isinstance(text, str):
                raise TypeError(f"the field {name} of the record table {table} must be text")
            taken = name in declared.unique and text is not None and await self.find(table, name, text)
            if taken and any(other.key != key for other in taken):
                raise RecordConflict(f"{table}: another record has this {name}")
        # As other stores keep it: plain JSON, of which the caller holds no part.
        plain = msgspec.json.decode(msgspec.json.encode(value))
        record = Record(table, key, plain, revision + 1, expires)
        self._changed[table, key] = record
        return record

    async def delete(self, table: str, key: str, *, expect: int | None = None) -> bool:
        """See `WritableRecords.delete`."""
        before = await self.get(table, key)
        if expect is not None and expect != (before.revision if before else 0):
            raise RecordConflict(f"{table}: the record is not at revision {expect}")
        self._changed[table, key] = None
        return before is not None

    def keep(self) -> None:
        """The work has succeeded."""
        for place, record in self._changed.items():
            if record is None:
                self._rows.pop(place, None)
            else:
                self._rows[place] = record
