"""The one compiler from queries to SQL; `fhir_server.search.match` says what its statements must find.

A statement starts from the rows of one index table and tests every other conjunct on each version found there. Pages
without `_sort` come in the order of row numbers, which is the order of commits, and are bounded below by the last row
of the page before; other orders have their keys read from the footprint of each match. The restriction is applied to
every version that a statement looks at, on the way as well as at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.search.query import Node, Query, Target
from fhir_server.store.sql.compile_select import select, select_all
from fhir_server.store.sql.compile_sort import behind, keys, order
from fhir_server.store.sql.compile_test import LAST, test
from fhir_server.store.sql.compile_visible import Criteria, World
from fhir_server.store.sql.dialect import Names, Statement, union
from profiles.restriction import Restriction


@dataclass(frozen=True, slots=True)
class Listing:
    """A statement with a column `v` and what it is sorted by; `order` puts rows of an alias `x` with both in order."""

    statement: Statement
    order: str = "x.v"


def make_world(
    names: Names, criteria: Criteria, restriction: Restriction, position: Any, *, begins: bool = False
) -> World:
    """Return what a search as of `position` (None: now) can see under `restriction`; a walk `begins` at the newest.

    The position is no more than an argument of statements, so anything may stand for it that is replaced later.
    """
    return World(names, criteria, restriction, position, test, select_all, begins)


def compile_page(query: Query, world: World, place: Sequence[Any] | None = None) -> Listing:
    """Return the statement for one page, one row more than `query.count` where there are more.

    A match updated since the position counts as it was; one deleted since, or no longer permitted, is left out.
    `place` is what `compile_place` found for the row `query.after`.
    """
    wanted = query.count + 1
    if not query.sort or query.sort[0].kind == "updated":
        return _by_commit(query, world, wanted)
    pieces = [_keyed(query, target, world) for target in _known(query.targets, world)]
    if not pieces:
        return Listing(_NOTHING)
    found = union(pieces)
    sorted_by = order(query.sort, "x.")
    if place is None:
        sql = f"{found.sql} ORDER BY {order(query.sort, '')} LIMIT ?"
        return Listing(Statement(sql, (*found.arguments, wanted)), sorted_by)
    after = behind(query.sort, place, query.after, "x")
    sql = f"SELECT x.* FROM ({found.sql}) x WHERE {after.sql} ORDER BY {sorted_by} LIMIT ?"
    return Listing(Statement(sql, (*found.arguments, *after.arguments, wanted)), sorted_by)


def _by_commit(query: Query, world: World, wanted: int) -> Listing:
    backwards = bool(query.sort) and query.sort[0].descending
    after, before = (0, query.after or LAST) if backwards else (query.after, LAST)
    direction = " DESC" if backwards else ""
    pieces = []
    for target in _known(query.targets, world):
        found = select(world, target.type, target.where, wanted=wanted, after=after, before=before)
        pieces.append(Statement(f"{found.sql} ORDER BY v{direction} LIMIT ?", (*found.arguments, wanted)))
    if len(pieces) == 1:
        return Listing(pieces[0], f"x.v{direction}")
    found = union([Statement(f"SELECT v FROM ({each.sql})", each.arguments) for each in pieces] or [_NOTHING])
    return Listing(
        Statement(f"SELECT v FROM ({found.sql}) ORDER BY v{direction} LIMIT ?", (*found.arguments, wanted)),
        f"x.v{direction}",
    )


_NOTHING = Statement("SELECT NULL AS v WHERE 0")


def _known(targets: Sequence[Target], world: World) -> list[Target]:
    return [target for target in targets if world.names.type_id(target.type) is not None]


def _keyed(query: Query, target: Target, world: World) -> Statement:
    found = select(world, target.type, target.where)
    columns = keys(query.sort, target.type, "m.v", world.names)
    return Statement(f"SELECT m.v AS v, {columns.sql} FROM ({found.sql}) m", columns.arguments + found.arguments)


def compile_place(query: Query, names: Names) -> Statement | None:
    """Return the statement for what the row `query.after` is sorted by; None when nothing needs to be known."""
    if not query.after or not query.sort or query.sort[0].kind == "updated":
        return None
    pieces = []
    for target in query.targets:
        kind = names.type_id(target.type)
        if kind is not None:
            columns = keys(query.sort, target.type, "m.v", names)
            sql = f"SELECT {columns.sql} FROM version m WHERE m.v = ? AND m.type = ?"
            pieces.append(Statement(sql, (*columns.arguments, query.after, kind)))
    return union(pieces) if pieces else None


def compile_count(target: Target, world: World) -> Statement:
    """Return the statement that counts what a walk shows: one row, one column."""
    found = select(world, target.type, target.where)
    return Statement(f"SELECT count(*) FROM ({found.sql})", found.arguments)


def compile_matches(type: str, where: Node, limit: int, world: World) -> Listing:
    """Return the statement for up to `limit` versions that match."""
    found = select(world, type, where, wanted=limit)
    return Listing(Statement(f"{found.sql} ORDER BY v LIMIT ?", (*found.arguments, limit)))
