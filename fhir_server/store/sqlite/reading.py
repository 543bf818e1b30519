"""Reading a SQLite store: what the store itself and a transaction have in common.

Every statement that shows a version applies the restriction to that very version row.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from operator import attrgetter
from time import monotonic
from typing import Any

from fhir_server.search.match import Criteria
from fhir_server.search.query import EVERYTHING, Include, Node, Query, Target
from fhir_server.store.base import CursorExpired, Key, Page, Scope, Version
from fhir_server.store.codec import PLAIN, PLAIN_HEAD, decode
from fhir_server.store.contained_row import FIRST, place_of
from fhir_server.store.one_budget import within_one_budget
from fhir_server.store.sql.compile import (
    Listing,
    compile_matches,
    compile_page,
    compile_place,
    make_world,
)
from fhir_server.store.sql.compile_count import Count, compile_count
from fhir_server.store.sql.compile_explain import explain
from fhir_server.store.sql.compile_include import compile_include
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.allowing import Allowing
from fhir_server.store.sqlite.batch import METHODS
from fhir_server.store.sqlite.connection import Runner
from fhir_server.store.sqlite.dictionary import Dictionary, Names
from fhir_server.store.sqlite.history import history_statement
from fhir_server.store.sqlite.listed import COLUMNS, listed
from fhir_server.store.sqlite.plans import LIMIT, NOWHERE, POSITION, ROWS, Noting, Plans, filled, is_light
from fhir_server.store.sqlite.plans import template as template_of
from fhir_server.store.sqlite.shape import marked, marked_restriction, shape
from profiles.restriction import ALL, NONE, Restriction

# Scalar subqueries where one row is looked up: entering a join costs more than such a read as a whole.
_ALONE = (
    "v.number, v.time, v.method, v.author_id, v.position, (SELECT b.patients FROM body b WHERE b.v = v.v), "
    "(SELECT b.data FROM body b WHERE b.v = v.v)"
)
_READ = f"SELECT {_ALONE} FROM version v WHERE v.v = (SELECT r.current FROM resource r WHERE r.type = ? AND r.id = ?)"
_NUMBERED = "FROM version v WHERE v.number = ? AND v.rid = (SELECT r.rid FROM resource r WHERE r.type = ? AND r.id = ?)"
_VREAD = f"SELECT {_ALONE} {_NUMBERED}"
_V = f"SELECT v.v {_NUMBERED}"
# The length of a blob is in the row's head: its pages are not read for it.
_SIZES = "SELECT length(data) FROM chunk WHERE v = ? ORDER BY n"
_TOGETHER = 1000
"""Versions whose includes are looked for in one statement."""


class Reading(Allowing):
    """A snapshot of a SQLite database, as a base class: the subclass says as of which position."""

    def __init__(
        self, runner: Runner, dictionary: Dictionary, names: Names, criteria: Criteria, plans: Plans | None = None
    ) -> None:
        super().__init__(dictionary, names, criteria, plans)
        self._runner = runner

    def _newest(self) -> int:
        raise TypeError("a subclass says what is newest")

    def _swept(self) -> int:
        raise TypeError("a subclass says what is swept")

    def _ready(self, *keys: Key) -> None:
        """Make sure that statements see `keys`, or everything without keys."""

    async def read(self, key: Key, *, restriction: Restriction) -> Version | None:
        """See `Snapshot.read`."""
        self._ready(key)
        kind = self._names.type_id(key.type)
        if kind is None:
            return None
        allowed = self._allowed(restriction, key.type)
        row = await self._one(_READ + allowed.sql, (kind, key.id, *allowed.arguments), quick=allowed.quick)
        return None if row is None else self._version(key, row)

    async def read_many(self, keys: Sequence[Key], *, restriction: Restriction) -> dict[Key, Version]:
        """See `Snapshot.read_many`."""
        found = {}
        for key in keys:
            version = await self.read(key, restriction=restriction)
            if version is not None:
                found[key] = version
        return found

    async def vread(self, key: Key, number: int, *, restriction: Restriction) -> Version | None:
        """See `Snapshot.vread`."""
        row = await self._of_version(_VREAD, key, number, restriction)
        return None if row is None else self._version(key, row)

    async def history(self, scope: Scope, *, restriction: Restriction) -> Page:
        """See `Snapshot.history`."""
        self._ready()
        position = self._newest() if scope.position is None else scope.position
        statement = history_statement(scope, position, self._names)
        if statement is None or restriction is NONE:
            return Page((), None, position)
        sql, arguments = statement
        allowed = self._both_allowed(restriction, scope.type or "")
        rows = await self._runner.rows(
            f"{sql}{allowed.sql} ORDER BY v.v DESC LIMIT ?", (*arguments, *allowed.arguments, scope.count + 1)
        )
        return self._page(rows, scope.count, position)

    @within_one_budget
    async def search(self, query: Query, *, restriction: Restriction) -> Page:
        """See `Snapshot.search`."""
        self._ready()
        position = self._newest() if query.position is None else query.position
        statement = await self._statement(query, restriction, position)
        rows = await self._runner.rows(statement.sql, statement.arguments)
        self._unswept(position)
        total = None
        if rows and len(rows[0]) > COLUMNS:
            total = rows[0][-1]
            rows = [row[:-1] for row in rows]
        return self._page(rows, query.count, position, total)

    @within_one_budget
    async def count(self, targets: Sequence[Target], *, restriction: Restriction, position: int | None = None) -> int:
        """See `Snapshot.count`."""
        self._ready()
        at = self._newest() if position is None else position
        total = 0
        for target in targets:
            if target.where == EVERYTHING and restriction is ALL and position is None and not target.inner:
                row = self._runner.row(
                    "SELECT live FROM type_count WHERE type = ?", (self._names.type_id(target.type),)
                )
                total += (row[0] if row else 0) + self._uncounted(target.type)
                continue
            counted = self._counting(target, restriction, at)
            rows = await self._runner.rows(counted.statement.sql, counted.statement.arguments, long=counted.long)
            total += int(rows[0][0])
        self._unswept(at)
        return total

    def _counting(self, target: Target, restriction: Restriction, position: int) -> Count:
        """Return the statement that counts as of `position`; one that is no long one is kept while that is now."""
        begins = position == self._newest()
        plans = self._plans
        shaped = self._shaped(restriction)
        if plans is None or shaped.criteria or target.inner or not begins:
            world = make_world(self._names, self._criteria, restriction, position, begins=begins)
            return compile_count(target, world)
        query = Query((target,))
        asked = shape(query, shaped.shape, shaped.values, self._names)
        key = (Count, asked.key)
        kept = plans.get(key, asked.values, position)
        if kept is None:
            changed, names = self._dictionary.changed, Noting(self._names, position)
            where, limited = marked(query, restriction, asked)
            counted = compile_count(where.targets[0], make_world(names, self._criteria, limited, POSITION, begins=True))
            kept = template_of(counted.statement)
            if counted.long:
                return Count(filled(kept, asked.values, position), long=True)
            plans.keep(key, asked.values, kept, names, changed=changed, newest=position)
        return Count(filled(kept, asked.values, position))

    @within_one_budget
    async def include(
        self,
        versions: Sequence[Version],
        include: Include,
        *,
        restriction: Restriction,
        position: int | None = None,
        limit: int,
    ) -> list[Version]:
        """See `Snapshot.include`."""
        self._ready()
        at = self._newest() if position is None else position
        found: list[Version] = []
        for start in range(0, len(versions), _TOGETHER):
            some = [version.row for version in versions[start : start + _TOGETHER]]
            asked = self._step(include, restriction, at, some, limit)
            if asked is None:
                break
            rows = await self._runner.rows(asked.sql, asked.arguments)
            found += self._all_listed(rows)
        self._unswept(at)
        if len(versions) > _TOGETHER:
            # Each step has found its own in order; several may have found the same.
            found = list({each.row: each for each in sorted(found, key=attrgetter("row"))}.values())
        return found[:limit]

    def _step(
        self, include: Include, restriction: Restriction, position: int, rows: Sequence[int], limit: int
    ) -> Statement | None:
        """Return the statement of one step along `include` from `rows`, None when it leads nowhere; it is kept."""
        shaped = self._shaped(restriction)
        plans = None if shaped.criteria else self._plans
        values, found = shaped.values, shaped.shape
        # What a step may show hangs on what is there now as well, not only on what was there at its position.
        newest = self._newest()
        kept = plans.get((include, found), values, newest) if plans is not None else None
        if kept is None:
            changed, names = self._dictionary.changed, Noting(self._names, position)
            limited = restriction if plans is None else marked_restriction(restriction, found, itertools.count())
            world = make_world(names, self._criteria, limited, POSITION)
            listing = compile_include(include, ROWS, LIMIT, world)
            kept = NOWHERE if listing is None else template_of(listed(listing))
            if plans is not None:
                plans.keep((include, found), values, kept, names, changed=changed, newest=newest)
        return None if kept is NOWHERE else filled(kept, values, position, rows, limit)

    @within_one_budget
    async def explain(self, query: Query, *, restriction: Restriction) -> Mapping[str, Any]:
        """See `Snapshot.explain`."""
        self._ready()
        world = self._world(restriction, query.position)
        started = monotonic()
        statement = await self._statement(query, restriction, world.position or 0)
        planned = monotonic()
        rows = await self._runner.rows(statement.sql, statement.arguments)
        timed = {"planned_ms": 1000 * (planned - started), "found_ms": 1000 * (monotonic() - planned)}
        steps = await self._runner.rows(f"EXPLAIN QUERY PLAN {statement.sql}", statement.arguments)
        return {
            "engine": "sqlite",
            "targets": explain(query, world),
            "steps": [detail for *_, detail in steps],
            "matches_on_page": min(len(rows), query.count),
            **{name: round(took, 3) for name, took in timed.items()},
        }

    async def _statement(self, query: Query, restriction: Restriction, position: int) -> Statement:
        """Return the statement for a page as of `position`; that of a first page is kept."""
        plans = self._plans
        shaped = self._shaped(restriction)
        if plans is None or query.position is not None or query.after or shaped.criteria:
            world = self._world(restriction, query.position)
            place = compile_place(query, self._names)
            keys = () if place is None else await self._runner.rows(place.sql, place.arguments)
            return listed(compile_page(query, world, keys[0] if keys else None))
        asked = shape(query, shaped.shape, shaped.values, self._names)
        kept = plans.get(asked.key, asked.values, position)
        if kept is None:
            changed, names = self._dictionary.changed, Noting(self._names, position)
            where, limited = marked(query, restriction, asked)
            world = make_world(names, self._criteria, limited, POSITION, begins=True)
            kept = template_of(listed(compile_page(where, world)))
            if is_light(query):
                plans.keep(asked.key, asked.values, kept, names, changed=changed, newest=position)
        return filled(kept, asked.values, position)

    async def _rows(self, listing: Listing) -> list[Any]:
        statement = listed(listing)
        return await self._runner.rows(statement.sql, statement.arguments)

    def _world(self, restriction: Restriction, position: int | None) -> World:
        at = self._newest() if position is None else position
        return make_world(self._names, self._criteria, restriction, at, begins=position is None)

    def _unswept(self, position: int | None) -> None:
        """Asked last: what was swept while the query ran would be missing from its answer."""
        if position is not None and position < self._swept():
            raise CursorExpired("the rows this answer would need were swept")

    def _uncounted(self, type: str) -> int:
        """Return what `type_count` does not know yet."""
        return 0

    @within_one_budget
    async def matches(self, type: str, where: Node, *, restriction: Restriction, limit: int) -> list[Version]:
        """See `Snapshot.matches`."""
        self._ready()
        world = make_world(self._names, self._criteria, restriction, None)
        return self._all_listed(await self._rows(compile_matches(type, where, limit, world)))

    async def owners(self, key: Key, number: int, *, restriction: Restriction) -> list[Key]:
        """See `Snapshot.owners`."""
        row = await self._of_version(_V, key, number, restriction)
        return [] if row is None else await self._owners("", row)

    async def subjects(self, key: Key, number: int, *, restriction: Restriction) -> list[Key]:
        """See `Snapshot.subjects`."""
        row = await self._of_version(_V, key, number, restriction)
        return [] if row is None else await self._owners(" AND o.subject = 1", row)

    async def _owners(self, which: str, row: Any) -> list[Key]:
        rows = await self._runner.rows(
            f"SELECT r.type, r.id FROM owner o CROSS JOIN resource r ON r.rid = o.rid WHERE o.v = ?{which}", row
        )
        return sorted(Key(self._type_name(kind), id) for kind, id in rows)

    async def labels(self, key: Key, number: int, *, restriction: Restriction) -> list[tuple[str, str]]:
        """See `Snapshot.labels`."""
        row = await self._of_version(_V, key, number, restriction)
        return (
            []
            if row is None
            else await self._runner.rows(
                "SELECT t.system, t.code FROM label l CROSS JOIN token t ON t.t = l.t WHERE l.v = ? ORDER BY 1, 2", row
            )
        )

    async def content_length(self, key: Key, number: int, *, restriction: Restriction) -> int:
        """See `Snapshot.content_length`."""
        row = await self._of_version(_V, key, number, restriction)
        sizes = [] if row is None else await self._runner.rows(_SIZES, row)
        return sum(size - PLAIN_HEAD for (size,) in sizes)

    async def chunks(self, key: Key, number: int, *, restriction: Restriction, start: int = 0) -> AsyncIterator[bytes]:
        """See `Snapshot.chunks`."""
        row = await self._of_version(_V, key, number, restriction)
        if row is None:
            return
        (v,) = row
        sizes = await self._runner.rows(_SIZES, (v,))
        for n, (size,) in enumerate(sizes):
            length = size - PLAIN_HEAD
            if start < length:
                chunk = self._runner.row("SELECT data FROM chunk WHERE v = ? AND n = ?", (v, n))
                if chunk is None:
                    return
                yield decode(chunk[0])[start:]
            start = max(start - length, 0)

    async def _of_version(self, sql: str, key: Key, number: int, restriction: Restriction) -> Any | None:
        self._ready(key)
        kind = self._names.type_id(key.type)
        # Beyond 63 bits no integer can be bound, and no version has such a number.
        if kind is None or not 0 < number < 1 << 63:
            return None
        allowed = self._both_allowed(restriction, key.type)
        return await self._one(sql + allowed.sql, (number, kind, key.id, *allowed.arguments), quick=allowed.quick)

    async def _one(self, sql: str, arguments: Sequence[Any], *, quick: bool) -> Any | None:
        """Return the only row of a lookup by key; only what is `quick` goes without a budget."""
        if quick:
            return self._runner.row(sql, arguments)
        rows = await self._runner.rows(sql, arguments)
        return rows[0] if rows else None

    def _page(self, rows: list[Any], count: int, position: int, total: int | None = None) -> Page:
        more = rows[count - 1][0] if len(rows) > count and count else None
        return Page(self._all_listed(rows[:count]), more, position, total)

    def _all_listed(self, rows: Sequence[Any]) -> list[Version]:
        # One loop without a call for each row that it can do without: this is the road of every match. A named tuple is
        # made as the tuple that it is, its own constructor being a function.
        types, authors, new = self._dictionary.type_names.get, self._dictionary.author_names.get, tuple.__new__
        return [
            Version(
                new(Key, (types(kind) or self._type_name(kind), id)),
                number,
                time,
                METHODS[method],  # type: ignore[arg-type]
                authors(author) or self._author_name(author),
                data[1:] if data[0] == PLAIN[0] else decode(data),
                position,
                tuple(patients.split()) if " " in patients or not patients else (patients,),
                v,
                None if v < FIRST else place_of(v),
            )
            for v, kind, id, number, time, method, author, position, patients, data in rows
        ]

    def _version(self, key: Key, columns: Sequence[Any], row: int = 0) -> Version:
        number, time, method, author, position, patients, data = columns
        name = self._dictionary.author_names.get(author) or self._author_name(author)
        owners = tuple(patients.split()) if patients else ()
        body, place = decode(data), place_of(row)
        return Version(key, number, time, METHODS[method], name, body, position, owners, row, place)  # type: ignore[arg-type]

    # Between a commit and its merge into the dictionary, and inside a transaction, names may be newer than that.

    def _author_name(self, number: int) -> str:
        row = self._runner.row("SELECT name FROM author WHERE id = ?", (number,))
        return str(row[0]) if row else ""

    def _type_name(self, number: int) -> str:
        name = self._dictionary.type_names.get(number)
        if name is None:
            row = self._runner.row("SELECT name FROM type WHERE id = ?", (number,))
            name = str(row[0]) if row else ""
        return name
