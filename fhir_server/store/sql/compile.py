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
from fhir_server.store.contained_row import contained_row, container_of
from fhir_server.store.sql.compile_select import inner, select, select_all
from fhir_server.store.sql.compile_sort import Order, behind, keys, order
from fhir_server.store.sql.compile_test import LAST, test
from fhir_server.store.sql.compile_visible import Criteria, World
from fhir_server.store.sql.dialect import TRUE, Names, Statement, container, in_footprint, union
from profiles.restriction import Restriction


@dataclass(frozen=True, slots=True)
class Listing:
    """A statement with a column `v` and what it is sorted by; `order` puts rows of an alias `x` with both in order.

    With `inner`, numbers of contained resources are among the `v`. With `counted` there is a column `total`.
    """

    statement: Statement
    order: str = "x.v"
    inner: bool = False
    counted: bool = False


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
    if by_commit(query):
        return _by_commit(query, world, wanted)
    known = _known(query.targets, world)
    alone = len(known) == 1 and place is None
    counted = query.total and alone and not query.inner
    pieces = [_keyed(query, each, world, Order(query.order, alone, counted)) for each in known]
    if not pieces:
        return Listing(_NOTHING)
    found = union(pieces)
    sorted_by = order(query.order, "x.")
    if place is None:
        sql = f"{found.sql} ORDER BY {order(query.order, '')} LIMIT ?"
        return Listing(Statement(sql, (*found.arguments, wanted)), sorted_by, query.inner, counted)
    after = behind(query.order, place, query.after, "x")
    sql = f"SELECT x.* FROM ({found.sql}) x WHERE {after.sql} ORDER BY {sorted_by} LIMIT ?"
    return Listing(Statement(sql, (*found.arguments, *after.arguments, wanted)), sorted_by, query.inner)


def by_commit(query: Query) -> bool:
    """Return whether matches come in the order of their numbers, one way or the other."""
    first = query.order[0].kind if query.order else ""
    return not first or (first == "updated" and not query.inner)


def _by_commit(query: Query, world: World, wanted: int) -> Listing:
    backwards = bool(query.sort) and query.sort[0].descending
    after, before = (0, query.after or LAST) if backwards else (query.after, LAST)
    direction = " DESC" if backwards else ""
    pieces = []
    for target in _known(query.targets, world):
        found = _of_target(world, target, wanted=wanted, after=after, before=before)
        pieces.append(Statement(f"{found.sql} ORDER BY v{direction} LIMIT ?", (*found.arguments, wanted)))
    if len(pieces) == 1:
        return Listing(pieces[0], f"x.v{direction}", query.inner)
    found = union([Statement(f"SELECT v FROM ({each.sql})", each.arguments) for each in pieces] or [_NOTHING])
    return Listing(
        Statement(f"SELECT v FROM ({found.sql}) ORDER BY v{direction} LIMIT ?", (*found.arguments, wanted)),
        f"x.v{direction}",
        query.inner,
    )


def _of_target(world: World, target: Target, *, wanted: int, after: int, before: int) -> Statement:
    """Select the matches of one target; of what one container holds the first alone where that is the match."""
    if target.inner != "container":
        return select(world, target.kind, target.where, wanted=wanted, after=after, before=before)
    # Behind the last one shown there may be others in the same container.
    beyond = contained_row(container_of(after) + 1) - 1 if after else 0
    found = inner(world, target, beyond)
    sql = f"SELECT min(m.v) AS v FROM ({found.sql}) m GROUP BY {container('m.v')}"
    return Statement(sql, found.arguments)


_NOTHING = Statement("SELECT NULL AS v WHERE 0")


def _known(targets: Sequence[Target], world: World) -> list[Target]:
    return [target for target in targets if world.names.type_id(target.kind) is not None]


def _keyed(query: Query, target: Target, world: World, order_of: Order) -> Statement:
    if not target.inner:
        return select(world, target.type, target.where, order=order_of)
    found = inner(world, target)
    columns = keys(query.order, target.kind, "m.v", world.names)
    arguments = columns.arguments + found.arguments
    keyed = f"SELECT m.v AS v, {columns.sql} FROM ({found.sql}) m"
    if target.inner != "container":
        return Statement(keyed, arguments)
    shown = ", ".join(f"k{number}" for number in range(len(query.order)))
    rank = f"row_number() OVER (PARTITION BY {container('m.v')} ORDER BY {order(query.order, 'm.')})"
    ranked = f"SELECT m.*, {rank} AS nth FROM ({keyed}) m"
    return Statement(f"SELECT v, {shown} FROM ({ranked}) WHERE nth = 1", arguments)


def compile_place(query: Query, names: Names) -> Statement | None:
    """Return the statement for what the row `query.after` is sorted by; None when nothing needs to be known."""
    if not query.after or by_commit(query):
        return None
    pieces = []
    for target in query.targets:
        kind = names.type_id(target.kind)
        if kind is None:
            continue
        columns = keys(query.order, target.kind, "m.v", names)
        if target.inner:
            known = in_footprint("m.v", names.param_id(target.kind, "_id") or 0, "t", TRUE)
            sql = f"SELECT {columns.sql} FROM (SELECT ? AS v) m WHERE {known.sql}"
            pieces.append(Statement(sql, (*columns.arguments, query.after, *known.arguments)))
        else:
            sql = f"SELECT {columns.sql} FROM version m WHERE m.v = ? AND m.type = ?"
            pieces.append(Statement(sql, (*columns.arguments, query.after, kind)))
    return union(pieces) if pieces else None


def compile_matches(type: str, where: Node, limit: int, world: World) -> Listing:
    """Return the statement for up to `limit` versions that match."""
    found = select(world, type, where, wanted=limit)
    return Listing(Statement(f"{found.sql} ORDER BY v LIMIT ?", (*found.arguments, limit)))
