"""What of a file is in: records that are written in the same transaction as the data they speak of.

The record of a stretch has as its key the file's digest and the index of the first entry it covers. It says up to which
entry the stretch reaches (`end`) and which entries in it were refused (`failed`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fhir_server.store.base import RecordTable, Snapshot, Transaction

TABLE = RecordTable("load")
"""Declared when the store is opened."""


@dataclass(slots=True)
class Stretch:
    """The entries from a first one on, settled up to `end`; `failed` are those of them that were refused."""

    key: str
    end: int
    failed: list[int] = field(default_factory=list)

    async def record(self, tx: Transaction) -> None:
        """Write the stretch's record."""
        await tx.records.put(TABLE.name, self.key, {"end": self.end, "failed": self.failed})


def key_of(digest: str, first: int) -> str:
    """Return the key of the record of a stretch."""
    return f"{digest}:{first}"


async def known(reader: Snapshot, digest: str, first: int) -> Stretch | None:
    """Return the stretch that begins with entry `first` of the file with that digest, None when it is not in."""
    record = await reader.records.get(TABLE.name, key_of(digest, first))
    return Stretch(record.key, record.value["end"], list(record.value["failed"])) if record else None
