"""Loading code systems into SQLite: slices of rows through the running group, and what is derived of them in SQL.

See `store.concepts.WritableConcepts`. No slice knows more than its own rows, so memory stays flat however large a
system is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import apsw

from fhir_server.search.values import fold_code, words
from fhir_server.store.concepts import Naming, NewConcept, UnknownLoad
from fhir_server.store.sql.compile_concepts import ABSTRACT, INACTIVE, SHIFT
from fhir_server.store.sqlite.batch import Batch
from fhir_server.store.sqlite.concepts import PUBLISHED, SqliteConcepts, head_of
from fhir_server.store.sqlite.connection import Runner
from profiles.terminology.concept import Designation
from profiles.terminology.head import Head, Kind

LOADING, LEAVING = 0, 2

_THERE = (
    "SELECT j.value ->> 1, c.c FROM json_each(?) j CROSS JOIN concept c ON c.s = ? AND c.fold = j.value ->> 0 "
    "AND c.code = j.value ->> 1"
)
_NEXT = "SELECT coalesce(max(n), -1) + 1 FROM concept_designation WHERE c = ?"
_CLOSURE = (
    "INSERT INTO concept_below (above, c) WITH RECURSIVE up (c, above) AS ("
    "SELECT k.c, k.c FROM concept k WHERE k.c > ? AND k.c <= ? UNION "
    "SELECT up.c, p.parent FROM up CROSS JOIN concept_parent p ON p.c = up.above) SELECT above, c FROM up ORDER BY 1, 2"
)
_TEXTS = (
    "SELECT k.c, k.code, k.display, (SELECT group_concat(d.value, ' ') FROM concept_designation d WHERE d.c = k.c) "
    "FROM concept k WHERE k.c > ? AND k.c <= ? ORDER BY k.c LIMIT ?"
)
_LEFT = ("concept_below", "above"), ("concept_parent", "c"), ("concept_designation", "c"), ("concept_text", "rowid")
"""The tables to empty of a system, with the column that says whose a row is, before the concepts themselves."""

_KEYS = {
    "concept": "c",
    "concept_property": "s, p, value, c",
    "concept_below": "above, c",
    "concept_parent": "c, parent",
    "concept_designation": "c, n",
}


class SqliteWritableConcepts(SqliteConcepts):
    """See `WritableConcepts`."""

    def __init__(self, runner: Runner, batch: Batch) -> None:
        super().__init__(runner)
        self._batch = batch

    async def begin(self, head: Head) -> int:
        """See `WritableConcepts.begin`."""
        ((key,),) = self._batch.execute(
            "INSERT INTO code_system (url, version, state, concepts, time, head, source) "
            "VALUES (?, ?, ?, 0, 0, ?, ?) RETURNING s",
            (head.url, head.version or "", LOADING, json.dumps(asdict(head)), head.source),
        )
        return int(key)

    async def add(self, key: int, concepts: Sequence[NewConcept]) -> list[str]:
        """See `WritableConcepts.add`."""
        new = {each.code: each for each in reversed(concepts)}
        there = self._there(key, tuple(new))
        again = [each.code for each in concepts if each.code in there or new[each.code] is not each]
        (last,) = self._loading(key)
        rows: list[tuple[Any, ...]] = []
        names: list[Naming] = []
        properties: list[tuple[str, str, Kind, str]] = []
        for each in (each for each in concepts if each.code not in there and new[each.code] is each):
            last += 1
            flags = INACTIVE * each.inactive | ABSTRACT * each.abstract
            c = (key << SHIFT) + last
            rows.append((c, key, fold_code(each.code), each.code, flags, each.display, each.definition))
            if each.designations:
                names.append(Naming(each.code, each.designations))
            properties += [(each.code, *stated) for stated in each.properties]
        self._batch.executemany("INSERT INTO concept VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._batch.execute("UPDATE code_system SET concepts = ? WHERE s = ?", (last, key))
        await self.name(key, names)
        await self.qualify(key, properties)
        return again

    async def name(self, key: int, namings: Sequence[Naming]) -> list[str]:
        """See `WritableConcepts.name`."""
        self._loading(key)
        there = self._there(key, [each.code for each in namings])
        ends: dict[int, int] = {}
        rows = []
        for each in namings:
            c = there.get(each.code)
            if c is None:
                continue
            if c not in ends:
                ends[c] = self._batch.execute(_NEXT, (c,))[0][0]
            for designation in each.designations:
                rows.append((c, ends[c], designation.language, _use(designation), designation.value))
                ends[c] += 1
        shown = [(each.display, there[each.code]) for each in namings if each.display and each.code in there]
        self._batch.executemany("INSERT INTO concept_designation VALUES (?, ?, ?, ?, ?)", rows)
        self._batch.executemany("UPDATE concept SET display = ? WHERE c = ?", shown)
        return [each.code for each in namings if each.code not in there]

    async def qualify(self, key: int, properties: Sequence[tuple[str, str, Kind, str]]) -> list[str]:
        """See `WritableConcepts.qualify`."""
        self._loading(key)
        there = self._there(key, [each[0] for each in properties])
        numbers = {name: self._property(name) for name in dict.fromkeys(each[1] for each in properties)}
        rows = sorted(
            (key, numbers[name], value, there[code], kind) for code, name, kind, value in properties if code in there
        )
        self._batch.executemany("INSERT OR IGNORE INTO concept_property VALUES (?, ?, ?, ?, ?)", rows)
        return [each[0] for each in properties if each[0] not in there]

    def _property(self, name: str) -> int:
        self._batch.execute("INSERT OR IGNORE INTO concept_property_name (name) VALUES (?)", (name,))
        return int(self._batch.execute("SELECT p FROM concept_property_name WHERE name = ?", (name,))[0][0])

    async def relate(self, key: int, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """See `WritableConcepts.relate`."""
        self._loading(key)
        there = self._there(key, [code for pair in pairs for code in pair])
        drawn = [(there[child], there[parent]) for child, parent in pairs if child in there and parent in there]
        self._batch.executemany("INSERT OR IGNORE INTO concept_parent VALUES (?, ?)", sorted(drawn))
        return [pair for pair in pairs if pair[0] not in there or pair[1] not in there]

    async def settle(self, key: int, after: int, count: int) -> tuple[int, int]:
        """See `WritableConcepts.settle`."""
        (last,) = self._loading(key)
        low = (key << SHIFT) + after
        end = min(low + count, (key << SHIFT) + last)
        texts = []
        for c, code, display, more in self._batch.execute(_TEXTS, (low, end, count)):
            texts.append((c, " ".join(dict.fromkeys(words(f"{display or ''} {more or ''} {code}")))))
        self._batch.executemany("INSERT INTO concept_text (rowid, words) VALUES (?, ?)", texts)
        if self._hierarchical(key):
            self._batch.execute(_CLOSURE, (low, end))
        return end - (key << SHIFT), len(texts)

    def _hierarchical(self, key: int) -> bool:
        low, high = key << SHIFT, (key + 1) << SHIFT
        return bool(self._batch.execute("SELECT 1 FROM concept_parent WHERE c > ? AND c < ? LIMIT 1", (low, high)))

    async def publish(self, key: int) -> Head:
        """See `WritableConcepts.publish`."""
        self._loading(key)
        ((url, version, head, source),) = self._batch.execute(
            "SELECT url, version, head, source FROM code_system WHERE s = ?", (key,)
        )
        kinds = dict(
            self._batch.execute(
                "SELECT m.name, (SELECT q.kind FROM concept_property q WHERE q.s = ? AND q.p = m.p LIMIT 1) AS kind "
                "FROM concept_property_name m WHERE kind IS NOT NULL",
                (key,),
            )
        )
        said = {**json.loads(head), "hierarchical": self._hierarchical(key)}
        said["properties"] = {**said["properties"], **kinds}
        former, whose = (
            ("source = ?", (source,)) if source else ("url = ? AND version = ? AND source = ''", (url, version))
        )
        self._batch.execute(
            f"UPDATE code_system SET state = ? WHERE state = ? AND {former}", (LEAVING, PUBLISHED, *whose)
        )
        self._batch.execute(
            "UPDATE code_system SET state = ?, time = ?, head = ? WHERE s = ?",
            (PUBLISHED, self._batch.last_time, json.dumps(said), key),
        )
        self._revise()
        (row,) = self._batch.execute("SELECT s, concepts, time, head FROM code_system WHERE s = ?", (key,))
        return head_of(row)

    def _revise(self) -> None:
        self._batch.execute("UPDATE meta SET value = value + 1 WHERE key = 'concepts'", ())

    async def give_up(self, key: int) -> None:
        """See `WritableConcepts.give_up`."""
        self._loading(key)
        self._batch.execute("UPDATE code_system SET state = ? WHERE s = ?", (LEAVING, key))

    async def remove(self, url: str, version: str | None) -> int:
        """See `WritableConcepts.remove`."""
        gone = self._batch.execute(
            "UPDATE code_system SET state = ? WHERE state = ? AND url = ? AND (version = ? OR ?) AND source = '' "
            "RETURNING s",
            (LEAVING, PUBLISHED, url, version or "", version is None),
        )
        if gone:
            self._revise()
        return len(gone)

    async def withdraw(self, source: str) -> int:
        """See `WritableConcepts.withdraw`."""
        gone = self._batch.execute(
            "UPDATE code_system SET state = ? WHERE state = ? AND source = ? AND source <> '' RETURNING s",
            (LEAVING, PUBLISHED, source),
        )
        if gone:
            self._revise()
        return len(gone)

    async def sweep(self, count: int) -> bool:
        """See `WritableConcepts.sweep`."""
        found = self._batch.execute("SELECT s FROM code_system WHERE state = ? LIMIT 1", (LEAVING,))
        if not found:
            return False
        ((key,),) = found
        low, high = key << SHIFT, ((key + 1) << SHIFT) - 1
        for table, column in _LEFT:
            if self._forget(table, column, low, high, count):
                return True
        if self._some("concept_property", "s", key, key, count) or self._forget("concept", "c", low, high, count):
            return True
        self._batch.execute("DELETE FROM code_system WHERE s = ?", (key,))
        return True

    def _forget(self, table: str, column: str, low: int, high: int, count: int) -> bool:
        """Remove the rows of about `count` concepts; return whether there were any."""
        if table == "concept_text":
            return self._forget_words(low, high, count)
        edge = self._batch.execute(
            f"SELECT {column} FROM {table} WHERE {column} BETWEEN ? AND ? ORDER BY {column} LIMIT 1", (low, high)
        )
        if not edge:
            return False
        return self._some(table, column, edge[0][0], high, count)

    def _forget_words(self, low: int, high: int, count: int) -> bool:
        rows = self._batch.execute(
            "SELECT rowid FROM concept_text WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?", (low, high, count)
        )
        self._batch.executemany("DELETE FROM concept_text WHERE rowid = ?", rows)
        return bool(rows)

    def _some(self, table: str, column: str, low: int, high: int, count: int) -> bool:
        keys = _KEYS[table]
        rows = self._batch.execute(
            f"DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} FROM {table} WHERE {column} BETWEEN ? AND ? "
            "LIMIT ?) RETURNING 1",
            (low, high, count),
        )
        return bool(rows)

    def _loading(self, key: int) -> tuple[int]:
        """Return how many concepts a load has. Raises UnknownLoad."""
        rows = self._batch.execute("SELECT concepts FROM code_system WHERE s = ? AND state = ?", (key, LOADING))
        if not rows:
            raise UnknownLoad(f"no load {key} is under way")
        return (int(rows[0][0]),)

    def _there(self, key: int, codes: Sequence[str]) -> dict[str, int]:
        wanted = json.dumps([[fold_code(code), code] for code in dict.fromkeys(codes)])
        return dict(self._batch.execute(_THERE, (wanted, key)))


def give_up_loads(connection: apsw.Connection) -> None:
    """Give up the loads that were under way when the file was last closed: nobody goes on with them."""
    # Without any the file is not locked for writing.
    if connection.execute("SELECT 1 FROM code_system WHERE state = ?", (LOADING,)).fetchone():
        connection.execute("UPDATE code_system SET state = ? WHERE state = ?", (LEAVING, LOADING))


def _use(designation: Designation) -> str | None:
    return None if designation.use is None else json.dumps(dict(designation.use), ensure_ascii=False)
