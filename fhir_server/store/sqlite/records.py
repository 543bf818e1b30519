"""The records half: declared small tables in two real ones, with unique fields, expiry and compare-and-set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fhir_server.store.base import Record, RecordConflict, RecordTable
from fhir_server.store.sqlite.batch import Batch
from fhir_server.store.sqlite.connection import Runner

Tables = Mapping[str, RecordTable]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode

_ALIVE = "(r.expires IS NULL OR r.expires > ?)"


class SqliteRecords:
    """See `Records`."""

    def __init__(self, runner: Runner, tables: Tables, now: Callable[[], int]) -> None:
        self._runner = runner
        self._tables = tables
        self._now = now

    async def get(self, table: str, key: str) -> Record | None:
        """See `Records.get`."""
        self._declared(table)
        row = self._runner.row(
            f"SELECT r.key, r.value, r.revision, r.expires FROM record r WHERE r.tbl = ? AND r.key = ? AND {_ALIVE}",
            (table, key, self._now()),
        )
        return None if row is None else _record(table, row)

    async def find(self, table: str, field: str, value: str) -> list[Record]:
        """See `Records.find`."""
        declared = self._declared(table)
        if field not in declared.unique and field not in declared.indexed:
            raise LookupError(f"the record table {table} declares no field {field}")
        rows = await self._runner.rows(
            "SELECT r.key, r.value, r.revision, r.expires FROM record_field f CROSS JOIN record r "
            f"ON r.tbl = f.tbl AND r.key = f.key WHERE f.tbl = ? AND f.field = ? AND f.value = ? AND {_ALIVE} "
            "ORDER BY r.key",
            (table, field, value, self._now()),
        )
        return [_record(table, row) for row in rows]

    async def scan(self, table: str, after: str = "", limit: int = 100) -> list[Record]:
        """See `Records.scan`."""
        self._declared(table)
        rows = await self._runner.rows(
            "SELECT r.key, r.value, r.revision, r.expires FROM record r "
            f"WHERE r.tbl = ? AND r.key > ? AND {_ALIVE} ORDER BY r.key LIMIT ?",
            (table, after, self._now(), limit),
        )
        return [_record(table, row) for row in rows]

    def _declared(self, table: str) -> RecordTable:
        declared = self._tables.get(table)
        if declared is None:
            raise LookupError(f"the record table {table} was not declared when the store was opened")
        return declared


class SqliteWritableRecords(SqliteRecords):
    """See `WritableRecords`."""

    def __init__(self, runner: Runner, tables: Tables, now: Callable[[], int], batch: Batch) -> None:
        super().__init__(runner, tables, now)
        self._batch = batch

    async def put(
        self, table: str, key: str, value: Mapping[str, Any], *, expect: int | None = None, expires: int | None = None
    ) -> Record:
        """See `WritableRecords.put`."""
        declared = self._declared(table)
        before = await self.get(table, key)
        revision = before.revision if before else 0
        if expect is not None and expect != revision:
            raise RecordConflict(f"{table}: the record is at revision {revision}, not {expect}")
        fields = [(name, value[name]) for name in (*declared.unique, *declared.indexed) if value.get(name) is not None]
        for name, text in fields:
            if not isinstance(text, str):
                raise TypeError(f"the field {name} of the record table {table} must be text")
            if name in declared.unique and any(other.key != key for other in await self.find(table, name, text)):
                raise RecordConflict(f"{table}: another record has this {name}")
        self._erase(table, key)
        self._batch.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?)", (table, key, _encode(value).decode(), revision + 1, expires)
        )
        for name, text in fields:
            self._batch.execute("INSERT INTO record_field VALUES (?, ?, ?, ?)", (table, name, text, key))
        return Record(table, key, dict(value), revision + 1, expires)

    async def delete(self, table: str, key: str, *, expect: int | None = None) -> bool:
        """See `WritableRecords.delete`."""
        before = await self.get(table, key)
        if expect is not None and expect != (before.revision if before else 0):
            raise RecordConflict(f"{table}: the record is not at revision {expect}")
        self._erase(table, key)
        return before is not None

    async def purge(self) -> None:
        """Remove some of the expired records."""
        for table, key in self._batch.execute(
            "SELECT tbl, key FROM record WHERE expires IS NOT NULL AND expires <= ? LIMIT 100", (self._now(),)
        ):
            self._erase(table, key)

    def _erase(self, table: str, key: str) -> None:
        """Remove the record, an expired one too."""
        rows = self._batch.execute("DELETE FROM record WHERE tbl = ? AND key = ? RETURNING value", (table, key))
        for (text,) in rows:
            # Whatever was indexed when it was written: the declaration may have changed since.
            for name, value in _decode(text).items():
                if isinstance(value, str):
                    self._batch.execute(
                        "DELETE FROM record_field WHERE tbl = ? AND field = ? AND value = ? AND key = ?",
                        (table, name, value, key),
                    )


def _record(table: str, row: tuple[str, str, int, int | None]) -> Record:
    key, value, revision, expires = row
    return Record(table, key, _decode(value), revision, expires)
