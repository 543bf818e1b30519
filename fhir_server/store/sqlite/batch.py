"""The rows of one group commit: gathered in memory, written table by table, taken back work by work.

A work that only puts gathers rows and needs no statement of its own. Rows are written when the group ends, when a work
must see its own writes, or when there are many. The first statement of a work opens its SAVEPOINT, after the rows of
the works before it were written, so that taking one work back never touches a neighbour.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import apsw

from fhir_server.errors import Refusal
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, NewVersion, VersionConflict
from fhir_server.store.sqlite.connection import refusal
from fhir_server.store.sqlite.dictionary import Additions, Dictionary
from fhir_server.store.sqlite.entries import TABLES, index_rows

METHODS = ("", "POST", "PUT", "PATCH", "DELETE")
DELETE = METHODS.index("DELETE")
MANY = 200
"""Versions in memory at which they are written without waiting for the end of the group."""

_POSITION = 4
_COLUMNS = {
    "type": 2,
    "author": 2,
    "param": 4,
    "token": 4,
    "resource": 4,
    "version": 9,
    "body": 4,
    "owner": 3,
    "label": 2,
    "idx_type": 2,
    **{table: columns.count(",") + 1 for table, columns in TABLES.values()},
    "idx_owned": 7,
    "dead": 3,
    "footprint": 2,
    "idx_text": 3,
}
AT_ONCE = 16
"""Rows that one statement inserts where there are that many: beginning and ending it costs a third of a row."""


def _insert_into(table: str, rows: int) -> str:
    otherwise = "IGNORE" if table.startswith("idx") or table in ("owner", "label") else "ABORT"
    columns = "idx_text (rowid, narrative, content)" if table == "idx_text" else table
    row = "(?, jsonb(?))" if table == "footprint" else f"({', '.join('?' * _COLUMNS[table])})"
    return f"INSERT OR {otherwise} INTO {columns} VALUES {', '.join([row] * rows)}"


_STATEMENTS = {
    **{table: _insert_into(table, 1) for table in _COLUMNS},
    "current": "UPDATE resource SET current = ? WHERE rid = ?",
}
_MANY_AT_ONCE = {table: _insert_into(table, AT_ONCE) for table in _COLUMNS}
_SORTED = frozenset(table for table in _COLUMNS if table.startswith("idx") or table == "owner")
_STATE = (
    "SELECT r.rid, r.current, (SELECT v.number FROM version v WHERE v.v = r.current), "
    "(SELECT v.deleted FROM version v WHERE v.v = r.current) FROM resource r WHERE r.type = ? AND r.id = ?"
)
_LAST = "SELECT v, time FROM version ORDER BY v DESC LIMIT 1"


class Batch:
    """What the running group writes; one lives as long as the writer and is emptied with every group."""

    def __init__(self, connection: apsw.Connection, dictionary: Dictionary, encode: Callable[[bytes], bytes]) -> None:
        self.connection = connection
        self.additions = Additions(dictionary, connection)
        self.last_v: int = 0
        self.last_time: int = 0
        for self.last_v, self.last_time in connection.execute(_LAST):
            pass
        self.broken: Refusal | None = None
        self._encode = encode
        self._rows: dict[str, list[Any]] = {table: self.additions.rows.get(table, []) for table in _STATEMENTS}
        self._lists = list(self._rows.values())
        self._counts: dict[int, int] = {}
        self._written: dict[Key, int] = {}
        self._epoch = 0
        self._savepoint = False
        self._mark = [0] * len(self._lists)
        self._numbers = self.additions.mark()
        self._work = (0, 0)
        self._durable = self.last_v
        self._work_counts: dict[int, int] = {}

    # One work

    def begin(self) -> None:
        """A work begins."""
        self._mark = [len(rows) for rows in self._lists]
        self._numbers = self.additions.mark()
        self._work = (self.last_v, len(self._written))

    def keep(self) -> None:
        """The work has succeeded: its last version is the position of all its versions."""
        first = self._work[0]
        if self.last_v > first:
            if self.last_v - first > 1:
                self._settle_position(first)
            for kind, change in self._work_counts.items():
                self._counts[kind] = self._counts.get(kind, 0) + change
            self._work_counts.clear()
        if self._savepoint:
            self._execute("RELEASE work")
            self._savepoint = False

    def _settle_position(self, first: int) -> None:
        """Let the versions after `first` share the position of the last of them."""
        pending = self._rows["version"]
        for row in reversed(pending):
            if row[0] <= first:
                break
            row[_POSITION] = self.last_v
        if self.last_v - first > len(pending):
            self._execute(
                "UPDATE version SET position = ? WHERE v > ? AND position < ?", (self.last_v, first, self.last_v)
            )

    def undo(self) -> None:
        """The work has failed: forget what it wrote."""
        if self._savepoint:
            self._savepoint = False
            self._execute("ROLLBACK TO work")
            self._execute("RELEASE work")
        for rows, length in zip(self._lists, self._mark, strict=True):
            del rows[length:]
        self.additions.back(self._numbers)
        self.additions.by_type.clear()
        self._work_counts.clear()
        self.last_v, written = self._work
        while len(self._written) > written:
            self._written.popitem()

    def put(self, new: NewVersion, entries: IndexEntries, time: int, patients: tuple[str, ...]) -> int:
        """Gather the rows of a version and return its `v`. Raises VersionConflict."""
        key = new.key
        additions, rows = self.additions, self._rows
        kind = additions.type(key.type)
        rid, current, number, deleted = self._state(key, kind, new.fresh)
        if new.number != number + 1:
            raise VersionConflict(f"{key.type}/{key.id} is at version {number}, not {new.number - 1}")
        self.last_v += 1
        v = self.last_v
        if rid is None:
            rid = additions.add_resource(key, kind, v)
        else:
            rows["current"].append((v, rid))
        method = METHODS.index(new.method)
        ends = method == DELETE
        rows["version"].append([v, rid, kind, new.number, v, time, method, int(ends), additions.author(new.author)])
        rows["body"].append((v, key.id, " ".join(patients), self._encode(new.body)))
        owners = [additions.resource(type, id) for type, id in new.owners]
        about = new.subjects
        rows["owner"].extend([(v, each, int(own in about)) for own, each in zip(new.owners, owners, strict=True)])
        rows["label"].extend([(v, additions.token(label)) for label in new.labels])
        alive = number > 0 and not deleted
        if alive:
            rows["dead"].append((current, v, time))
        if not ends:
            rows["idx_type"].append((kind, v))
            owning = [rid for owner, rid in zip(new.owners, owners, strict=True) if owner.type == "Patient"]
            index_rows(rows, additions, key.type, v, entries, owning)
        self._work_counts[kind] = self._work_counts.get(kind, 0) + (not ends) - alive
        self._written[key] = self._epoch
        return v

    def _state(self, key: Key, kind: int, fresh: bool) -> tuple[int | None, int, int, int]:
        written = self._written.get(key)
        if written is None:
            rid = self.additions.resources.get(key)
            if rid is not None or fresh:
                return rid, 0, 0, 0
        elif written == self._epoch:
            self.flush()
        row = self.connection.execute(_STATE, (kind, key.id)).fetchone()
        return (row[0], row[1] or 0, row[2] or 0, row[3] or 0) if row else (None, 0, 0, 0)

    # Writing

    @property
    def durable(self) -> int:
        """The last row number before the running group: the newest position that readers know."""
        return self._durable

    @property
    def before(self) -> int:
        """The last row number before the running work."""
        return self._work[0]

    def uncounted(self, kind: int | None) -> int:
        """Return what `type_count` does not know yet of a type."""
        return 0 if kind is None else self._counts.get(kind, 0) + self._work_counts.get(kind, 0)

    @property
    def full(self) -> bool:
        """Whether so much has gathered that it should be written."""
        return len(self._rows["version"]) >= MANY

    def pending(self, key: Key) -> bool:
        """Whether a version of `key` is gathered and not written yet."""
        return self._written.get(key) == self._epoch

    def savepoint(self) -> None:
        """Begin to write for this work alone."""
        if not self._savepoint:
            before = {}
            for (table, rows), length in zip(self._rows.items(), self._mark, strict=True):
                if length:
                    before[table] = rows[:length]
                    del rows[:length]
            self._insert(before)
            self._mark = [0] * len(self._lists)
            self._execute("SAVEPOINT work")
            self._savepoint = True

    def flush(self) -> None:
        """Write what the running work has gathered, so that statements see it."""
        self.savepoint()
        self._insert(self._rows)
        self._epoch += 1
        for rows in self._rows.values():
            rows.clear()

    def finish(self) -> None:
        """Write the rest of the group, the counts of its types included."""
        self._insert(self._rows)
        counts = [(kind, change) for kind, change in self._counts.items() if change]
        if counts:
            self._executemany(
                "INSERT INTO type_count VALUES (?, ?) ON CONFLICT DO UPDATE SET live = live + excluded.live", counts
            )

    def end(self, *, durable: bool) -> None:
        """Empty the batch: readers learn its numbers when it is `durable`, nobody otherwise."""
        for rows in self._rows.values():
            rows.clear()
        if durable:
            self._durable = self.last_v
            self.additions.merge()
        else:
            self.last_v = self._durable
            self.additions.forget()
        self.additions.by_type.clear()
        self._counts.clear()
        self._work_counts.clear()
        self._written.clear()
        self._savepoint = False
        self.broken = None

    def execute(self, sql: str, arguments: tuple[Any, ...]) -> list[Any]:
        """Run a statement of the running work that writes, and return its rows."""
        self.savepoint()
        return self._execute(sql, arguments)

    def executemany(self, sql: str, rows: list[Any]) -> None:
        """Run a statement of the running work that writes, for each of `rows`."""
        self.savepoint()
        self._executemany(sql, rows)

    def spill(self) -> None:
        """Let what the running work has written leave memory, still uncommitted."""
        try:
            self.connection.cache_flush()
            self.connection.release_memory()
        except apsw.BusyError:
            # A page is in use: it leaves with the next call, or with the commit.
            return
        except apsw.Error as error:
            self.broken = refusal(error)
            raise self.broken from error

    def _insert(self, tables: dict[str, list[Any]]) -> None:
        for table, rows in tables.items():
            if rows:
                # In key order neighbouring rows land on the same page.
                self._insert_rows(table, sorted(rows) if table in _SORTED and len(rows) > 8 else rows)

    def _insert_rows(self, table: str, rows: list[Any]) -> None:
        whole = len(rows) - len(rows) % AT_ONCE if table in _MANY_AT_ONCE else 0
        if whole:
            parts = [tuple(chain.from_iterable(rows[at : at + AT_ONCE])) for at in range(0, whole, AT_ONCE)]
            self._executemany(_MANY_AT_ONCE[table], parts)
        if whole < len(rows):
            self._executemany(_STATEMENTS[table], rows[whole:] if whole else rows)

    def _execute(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self.connection.execute(sql, arguments).fetchall()
        except apsw.Error as error:
            self.broken = refusal(error)
            raise self.broken from error

    def _executemany(self, sql: str, rows: list[Any]) -> None:
        try:
            self.connection.executemany(sql, rows)
        except apsw.Error as error:
            self.broken = refusal(error)
            raise self.broken from error
