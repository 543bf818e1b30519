"""The protocols of *records*: declared small tables beside the versions, written in the same transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the *records* half. `revision` counts its writes from 1; `expires` is microseconds or None."""

    table: str
    key: str
    value: Mapping[str, Any]
    revision: int
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class RecordTable:
    """A declared small table: `unique` and `indexed` name top-level string fields of its values."""

    name: str
    unique: Sequence[str] = ()
    indexed: Sequence[str] = ()


class RecordConflict(Exception):
    """A unique field is taken, or the record's revision is not the one expected."""


class Records(Protocol):
    """Small tables beside the versions, written in the same transaction; expired rows are absent."""

    async def get(self, table: str, key: str) -> Record | None:
        """Return the record, or None when absent or expired."""
        ...

    async def find(self, table: str, field: str, value: str) -> list[Record]:
        """Return the records whose declared (unique or indexed) `field` equals `value`, by key."""
        ...

    async def scan(self, table: str, after: str = "", limit: int = 100) -> list[Record]:
        """Return up to `limit` records with key > `after`, by key."""
        ...


class WritableRecords(Records, Protocol):
    """Records inside a transaction."""

    async def put(
        self, table: str, key: str, value: Mapping[str, Any], *, expect: int | None = None, expires: int | None = None
    ) -> Record:
        """Write; `expect` 0 demands absence, n > 0 demands revision n, None demands nothing. Raises RecordConflict."""
        ...

    async def delete(self, table: str, key: str, *, expect: int | None = None) -> bool:
        """Delete; return whether it was there. Raises RecordConflict when `expect` does not hold."""
        ...
