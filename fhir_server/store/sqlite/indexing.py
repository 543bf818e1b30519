"""Indexing again what is stored: index rows change, versions and bodies do not.

The rows of a version are what its footprint says; replacing them removes those it no longer has and adds those that are
new, so that a resource whose rows stay the same costs one comparison. While the rows of a file are of an older format
than this code writes, nothing is searched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import StoreUnavailable
from fhir_server.search.query import Include, Node, Query, Target
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Page, Version
from fhir_server.store.contained_row import contained_row
from fhir_server.store.sqlite.batch import Batch
from fhir_server.store.sqlite.entries import TABLES, Rows, decode_footprint, footprint_rows, index_rows
from fhir_server.store.sqlite.reading import Reading
from profiles.restriction import Restriction

INDEX_FORMAT = 9
"""The format of index rows; a file with an older one must be indexed again before it is searched."""

_COLUMNS = {table: columns.split(", ") for table, columns in TABLES.values()}
_DELETES = {
    table: f"DELETE FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in columns)}"
    for table, columns in _COLUMNS.items()
}
_INSERTS = {
    table: f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for table, columns in _COLUMNS.items()
}
_OWNED = TABLES["o"][0]
_INSERT_OWNED = f"INSERT OR IGNORE INTO {_OWNED} VALUES (?, ?, ?, ?, ?, ?, ?)"
_INDEXED = (
    "SELECT v.v, coalesce((SELECT json(f.rows) FROM footprint f WHERE f.v = v.v), '{}') FROM resource r "
    "CROSS JOIN version v ON v.v = r.current WHERE r.type = ? AND r.id = ? AND v.number = ? AND v.deleted = 0"
)
_NUMBERED = (
    "SELECT v.v FROM resource r CROSS JOIN version v ON v.rid = r.rid WHERE r.type = ? AND r.id = ? AND v.number = ?"
)
_HELD = "SELECT f.v, json(f.rows) FROM footprint f WHERE f.v >= ? AND f.v < ?"
_PATIENTS = "SELECT o.rid FROM owner o CROSS JOIN resource r ON r.rid = o.rid WHERE o.v = ? AND r.type = ?"
# Not by the index of the type, which may be what is wrong.
_LIVING = (
    "SELECT v.v, r.id, v.number, v.time, v.method, v.author_id, v.position, b.patients, b.data "
    "FROM version v CROSS JOIN resource r ON r.rid = v.rid AND r.current = v.v CROSS JOIN body b ON b.v = v.v "
    "WHERE v.type = ? AND v.v > ? AND v.deleted = 0{} ORDER BY v.v LIMIT ?"
)


@dataclass(slots=True)
class IndexState:
    """What a store knows of its index: the `format` of its rows, and the position before which rows are missing."""

    format: int
    swept_to: int

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> IndexState:
        """Return the state that the table `meta` tells. Raises StoreUnavailable for a format of the future."""
        state = cls(int(meta["index_format"]), int(meta["swept_to"]))
        if state.format > INDEX_FORMAT:
            raise StoreUnavailable(
                f"The index has format {state.format}, this server knows formats up to {INDEX_FORMAT}: start it with "
                "the server version that wrote it, or a newer one."
            )
        return state

    @property
    def current(self) -> bool:
        """Whether all rows are of the format that this code writes and asks for."""
        return self.format == INDEX_FORMAT


class IndexReading(Reading):
    """`Reading` that searches only what is indexed in the present format."""

    def _index(self) -> IndexState:
        raise TypeError("a subclass says how its index is")

    def _demand_index(self) -> None:
        if not self._index().current:
            raise StoreUnavailable(
                "The search index is of an older format and is being made anew: until that is complete nothing can be "
                "searched, while reading and writing by id go on. GET [base]/$reindex shows how far it is; without a "
                "running server fhir-server reindex does it.",
                code="incomplete",
            )

    def search(self, query: Query, *, restriction: Restriction) -> Coroutine[Any, Any, Page]:
        """See `Snapshot.search`."""
        self._demand_index()
        return super().search(query, restriction=restriction)

    def count(
        self, targets: Sequence[Target], *, restriction: Restriction, position: int | None = None
    ) -> Coroutine[Any, Any, int]:
        """See `Snapshot.count`."""
        self._demand_index()
        return super().count(targets, restriction=restriction, position=position)

    def include(
        self,
        versions: Sequence[Version],
        include: Include,
        *,
        restriction: Restriction,
        position: int | None = None,
        limit: int,
    ) -> Coroutine[Any, Any, list[Version]]:
        """See `Snapshot.include`."""
        self._demand_index()
        return super().include(versions, include, restriction=restriction, position=position, limit=limit)

    def explain(self, query: Query, *, restriction: Restriction) -> Coroutine[Any, Any, Mapping[str, Any]]:
        """See `Snapshot.explain`."""
        self._demand_index()
        return super().explain(query, restriction=restriction)

    def matches(
        self, type: str, where: Node, *, restriction: Restriction, limit: int
    ) -> Coroutine[Any, Any, list[Version]]:
        """See `Snapshot.matches`."""
        self._demand_index()
        return super().matches(type, where, restriction=restriction, limit=limit)

    async def living(self, type: str, *, restriction: Restriction, after: int = 0, limit: int = 100) -> Page:
        """See `Snapshot.living`."""
        self._ready()
        kind = self._names.type_id(type)
        if kind is None:
            return Page((), None, self._newest())
        allowed = self._allowed(restriction, type)
        rows = await self._runner.rows(_LIVING.format(allowed.sql), (kind, after, *allowed.arguments, limit + 1))
        versions = [self._version(Key(type, id), rest) for _, id, *rest in rows[:limit]]
        return Page(versions, rows[limit - 1][0] if len(rows) > limit else None, self._newest())

    def _row_of(self, key: Key, number: int) -> int | None:
        """Return the row of a version, None when there is none."""
        kind = self._names.type_id(key.type)
        found = None if kind is None else self._runner.row(_NUMBERED, (kind, key.id, number))
        return None if found is None else found[0]

    def _indexed(self, key: Key, number: int) -> tuple[int, str] | None:
        """Return the row and the footprint of a version that is current and no tombstone, None for any other."""
        kind = self._names.type_id(key.type)
        return None if kind is None else self._runner.row(_INDEXED, (kind, key.id, number))


def replace_subjects(batch: Batch, v: int, subjects: Sequence[Key]) -> None:
    """Make `subjects` those of the owners of version `v` that it is about."""
    rids = [batch.additions.resource(type, id) for type, id in subjects]
    about = f"rid IN ({', '.join('?' * len(rids))})" if rids else "0"
    batch.execute(f"UPDATE owner SET subject = {about} WHERE v = ? AND subject <> {about}", (*rids, v, *rids))


def replace_owners(batch: Batch, v: int, owners: Sequence[Key]) -> None:
    """Make `owners` those of version `v`, which is about all of them."""
    rids = [batch.additions.resource(type, id) for type, id in owners]
    batch.flush()
    batch.execute("DELETE FROM owner WHERE v = ?", (v,))
    batch.executemany("INSERT OR IGNORE INTO owner VALUES (?, ?, 1)", [(v, rid) for rid in rids])
    patients = " ".join(sorted({owner.id for owner in owners if owner.type == "Patient"}))
    batch.execute("UPDATE body SET patients = ? WHERE v = ?", (patients, v))


def replace_rows(batch: Batch, type: str, v: int, footprint: str, entries: IndexEntries) -> None:
    """Make the index rows of version `v`, which has that `footprint`, those of `entries`."""
    rows: Rows = defaultdict(list)
    patients: list[Any] = batch.connection.execute(_PATIENTS, (v, batch.additions.type("Patient"))).fetchall()
    index_rows(rows, batch.additions, type, v, entries, [rid for (rid,) in patients])
    made = {row: text.decode() for row, text in rows["footprint"]}
    before = {v: footprint} | dict(batch.connection.execute(_HELD, (contained_row(v), contained_row(v + 1))))
    old = {key for row, text in before.items() for key in footprint_rows(row, text)}
    new = {key for row, text in made.items() for key in footprint_rows(row, text)}
    changed = _decoded(made) != _decoded(before)
    # These tell more than their key, of other rows, so that the same key may stand for another row.
    owned = {row for row in old | new if row[0] == _OWNED} if changed else set()
    _each(batch, _DELETES, (old - new) | owned)
    _each(batch, _INSERTS, (new - old) - owned)
    if changed:
        batch.executemany(_INSERT_OWNED, rows[_OWNED])
        batch.executemany("DELETE FROM footprint WHERE v = ?", [(row,) for row in before])
        batch.executemany("INSERT INTO footprint (v, rows) VALUES (?, jsonb(?))", rows["footprint"])
    # What words a version has is told by nothing but its body.
    batch.executemany("DELETE FROM idx_text WHERE rowid = ?", [(row,) for row in before])
    if rows["idx_text"]:
        batch.executemany("INSERT INTO idx_text (rowid, narrative, content) VALUES (?, ?, ?)", rows["idx_text"])


def _decoded(footprints: Mapping[int, str]) -> Mapping[int, Any]:
    return {row: found for row, text in footprints.items() if (found := decode_footprint(text))}


def _each(batch: Batch, statements: Mapping[str, str], keys: set[tuple[str, tuple[Any, ...]]]) -> None:
    by_table: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for table, key in keys:
        by_table[table].append(key)
    for table, found in by_table.items():
        batch.executemany(statements[table], found)


def settle(batch: Batch, state: IndexState) -> None:
    """Say that every row is of the present format, and that nothing is answered as of an earlier position.

    The position is the last one that is durable: rows of versions that died before it may be of the old kind.
    """
    state.swept_to = max(state.swept_to, batch.durable)
    batch.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'swept_to'", (batch.durable,))
    batch.execute("UPDATE meta SET value = ? WHERE key = 'index_format'", (INDEX_FORMAT,))
