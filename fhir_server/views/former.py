"""What became of the ids of a platform that has moved here: rows that are written with what they tell of.

The key of a row is kind and former id, `user:17`. Its value has the `id` of now, a digest of the `line` it came from,
of users the `role`, and what was `said` otherwise than it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_server.store.base import RecordTable
from fhir_server.store.records import Records

TABLE = RecordTable("former", indexed=("id",))
"""Declared when the store is opened."""


def former_key(kind: str, id: str) -> str:
    """Return the key of a row."""
    return f"{kind}:{id}"


async def moved(records: Records, kind: str, id: str) -> Mapping[str, Any] | None:
    """Return the row of a former id, None when nothing had it."""
    row = await records.get(TABLE.name, former_key(kind, id))
    return None if row is None else row.value


async def former_id(records: Records, kind: str, id: str) -> str | None:
    """Return the former id of what has an id now, None when it had none."""
    for row in await records.find(TABLE.name, "id", id):
        found, _, former = row.key.partition(":")
        if found == kind:
            return former
    return None
