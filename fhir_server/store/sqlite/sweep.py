"""The sweep: index rows of versions that no page walk can ask for any more leave, a few versions at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from fhir_server.store.contained_row import contained_row
from fhir_server.store.sqlite.batch import Batch
from fhir_server.store.sqlite.entries import TABLES, footprint_rows

VERSIONS = 100
"""Versions swept in one transaction."""

_DEAD = (
    "SELECT d.v, d.died, v.type, coalesce(json(f.rows), '{}') FROM dead d CROSS JOIN version v ON v.v = d.v "
    "LEFT JOIN footprint f ON f.v = d.v WHERE d.time < ? ORDER BY d.died LIMIT ?"
)
_HELD = "SELECT f.v, json(f.rows) FROM json_each(?) j CROSS JOIN footprint f ON f.v >= j.value AND f.v < j.value + ?"
_DELETES = {
    table: f"DELETE FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in columns.split(', '))}"
    for table, columns in TABLES.values()
}


def sweep(batch: Batch, before: int) -> tuple[int, int]:
    """Remove the index rows of versions that died before the time `before`.

    Return how many versions were swept, and the newest position at which one of them died: as of an earlier position
    nothing can be answered any more.
    """
    dead = batch.execute(_DEAD, (before, VERSIONS))
    if not dead:
        return 0, 0
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    firsts = json.dumps([contained_row(v) for v, *_ in dead])
    held = batch.execute(_HELD, (firsts, contained_row(1) - contained_row(0)))
    for v, footprint in [*((v, footprint) for v, _, _, footprint in dead), *held]:
        for table, key in footprint_rows(v, footprint):
            rows[table].append(key)
    for table, keys in rows.items():
        batch.executemany(_DELETES[table], keys)
    batch.executemany("DELETE FROM idx_type WHERE type = ? AND v = ?", [(kind, v) for v, _, kind, _ in dead])
    versions = [(v,) for v, *_ in dead]
    indexed = versions + [(v,) for v, _ in held]
    batch.executemany("DELETE FROM idx_text WHERE rowid = ?", indexed)
    batch.executemany("DELETE FROM footprint WHERE v = ?", indexed)
    batch.executemany("DELETE FROM dead WHERE v = ?", versions)
    swept_to = max(died for _, died, _, _ in dead)
    batch.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'swept_to'", (swept_to,))
    return len(dead), swept_to
