"""Reading the concept store in SQLite: every question is one or two statements that an index answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fhir_server.search.values import fold_code
from fhir_server.store.concepts import value_of
from fhir_server.store.sql.compile_concepts import ABSTRACT, INACTIVE, counting, selecting, test
from fhir_server.store.sqlite.connection import Runner
from profiles.terminology.concept import Concept, Designation
from profiles.terminology.head import Head
from profiles.terminology.questions import Entry, Known
from profiles.terminology.selection import Selection, Whole

PUBLISHED = 1

_HEADS = "SELECT s, concepts, time, head FROM code_system WHERE state = ? ORDER BY url, s"
_ENTRY = "c.c, c.code, c.flags, c.display, c.definition"
_LOOK = (
    f"SELECT j.value ->> 1, {_ENTRY} FROM json_each(?) j CROSS JOIN concept c ON c.s = ? AND c.fold = j.value ->> 0 "
    "WHERE c.code = j.value ->> 1 OR ? ORDER BY c.code = j.value ->> 1"
)
_DESIGNATIONS = (
    "SELECT d.c, d.language, d.use, d.value FROM json_each(?) j CROSS JOIN concept_designation d ON d.c = j.value "
    "ORDER BY d.c, d.n"
)
_PROPERTIES = (
    "SELECT m.name, q.kind, q.value FROM concept_property q CROSS JOIN concept_property_name m ON m.p = q.p "
    "WHERE q.c = ? ORDER BY q.p, q.value"
)
_PARENTS = "SELECT x.code FROM concept_parent p CROSS JOIN concept x ON x.c = p.parent WHERE p.c = ? ORDER BY x.code"
_CHILDREN = "SELECT x.code FROM concept_parent p CROSS JOIN concept x ON x.c = p.c WHERE p.parent = ? ORDER BY x.code"
_AMONG = (
    "SELECT c.code FROM json_each(?) j CROSS JOIN concept c ON c.s = ? AND c.fold = j.value ->> 0 "
    "AND c.code = j.value ->> 1 WHERE "
)


class SqliteConcepts:
    """See `Concepts`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._heads: tuple[int, dict[int, Head]] = (-1, {})

    def revision(self) -> int:
        """See `Concepts.revision`."""
        row = self._runner.row("SELECT value FROM meta WHERE key = 'concepts'")
        return int(row[0]) if row else 0

    def heads(self) -> list[Head]:
        """See `Concepts.heads`."""
        return list(self._published().values())

    def _published(self) -> dict[int, Head]:
        revision = self.revision()
        if self._heads[0] != revision:
            rows: list[Any] = self._runner.connection.execute(_HEADS, (PUBLISHED,)).fetchall()
            self._heads = revision, {row[0]: head_of(row) for row in rows}
        return self._heads[1]

    async def look(self, key: int, codes: Sequence[str]) -> dict[str, Entry]:
        """See `Concepts.look`."""
        rows = await self._rows_of(key, codes)
        designations = await self._designations([row[1] for row in rows])
        return {row[0]: _entry(row[1:], designations) for row in rows}

    async def _rows_of(self, key: int, codes: Sequence[str]) -> list[Any]:
        head = self._published().get(key)
        if head is None:
            return []
        return await self._runner.rows(_LOOK, (_pairs(codes), key, head.case_sensitive is not True))

    async def detail(self, key: int, code: str) -> Known | None:
        """See `Concepts.detail`."""
        rows = await self._rows_of(key, (code,))
        if not rows:
            return None
        row = rows[-1][1:]
        c = row[0]
        properties: dict[str, tuple[Any, ...]] = {}
        for name, kind, value in await self._runner.rows(_PROPERTIES, (c,)):
            properties[name] = (*properties.get(name, ()), value_of(kind, value))
        parents = await self._runner.rows(_PARENTS, (c,))
        children = await self._runner.rows(_CHILDREN, (c,))
        entry = _entry(row, await self._designations([c]))
        return Known(entry, properties, tuple(each for (each,) in parents), tuple(each for (each,) in children))

    async def among(self, selection: Selection, codes: Sequence[str]) -> frozenset[str]:
        """See `Concepts.among`."""
        if selection.key not in self._published():
            return frozenset()
        return frozenset(code for (code,) in await self._runner.rows(*_among(selection, codes)))

    def glance(self, selection: Selection, codes: Sequence[str]) -> frozenset[str] | None:
        """See `Concepts.glance`."""
        if selection.key not in self._published():
            return frozenset()
        rows = self._runner.glance(*_among(selection, codes))
        return None if rows is None else frozenset(code for (code,) in rows)

    async def slice(self, selection: Selection, skip: int, count: int) -> tuple[Entry, ...]:
        """See `Concepts.slice`."""
        if selection.key not in self._published():
            return ()
        found, order = selecting(selection)
        # The operation asks by offset, and what is published does not change: no row moves between two pages.
        sql = f"SELECT {_ENTRY} {found.sql} ORDER BY {order} LIMIT ? OFFSET ?"
        if selection.rule == Whole() and not selection.words:
            low = selection.key << 32
            sql = f"SELECT {_ENTRY} FROM concept c WHERE c.c > ? AND c.c <= ? ORDER BY c.c LIMIT ?"
            rows = await self._runner.rows(sql, (low + skip, low + (1 << 32) - 1, count))
        else:
            rows = await self._runner.rows(sql, (*found.arguments, count, skip))
        designations = await self._designations([row[0] for row in rows])
        return tuple(_entry(row, designations) for row in rows)

    async def count(self, selection: Selection) -> int:
        """See `Concepts.count`."""
        head = self._published().get(selection.key)
        if head is None:
            return 0
        if selection.rule == Whole() and not selection.words:
            return head.count
        statement = counting(selection)
        ((count,),) = await self._runner.rows(statement.sql, statement.arguments)
        return int(count)

    async def _designations(self, concepts: Sequence[int]) -> dict[int, list[Designation]]:
        found: dict[int, list[Designation]] = {}
        if concepts:
            for c, language, use, value in await self._runner.rows(_DESIGNATIONS, (json.dumps(concepts),)):
                found.setdefault(c, []).append(Designation(value, language, json.loads(use) if use else None))
        return found


def head_of(row: Sequence[Any]) -> Head:
    """Return what a row of `code_system` says: s, concepts, time, head."""
    s, concepts, time, said = row
    return Head(**{**json.loads(said), "key": s, "count": concepts, "time": time})


def _among(selection: Selection, codes: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    tests = test(selection.key, selection.rule)
    return _AMONG + tests.sql, (_pairs(codes), selection.key, *tests.arguments)


def _entry(row: Sequence[Any], designations: dict[int, list[Designation]]) -> Entry:
    c, code, flags, display, definition = row
    concept = Concept(display, definition, tuple(designations.get(c, ())))
    return Entry(code, concept, bool(flags & INACTIVE), bool(flags & ABSTRACT))


def _pairs(codes: Sequence[str]) -> str:
    return json.dumps([[fold_code(code), code] for code in codes])
