"""The selection of all versions of a type that match a node: where to start, and what remains to be tested."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.query import LastUpdated, Node
from fhir_server.search.values import is_inner
from fhir_server.store.contained_row import contained_row
from fhir_server.store.sql.compile_entry import conjuncts
from fhir_server.store.sql.compile_plan import Considered, consider
from fhir_server.store.sql.compile_start import starts
from fhir_server.store.sql.compile_test import LAST, rows_of, test
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import TRUE, Statement, both, union

_SAID_OFTEN = 8192
"""Characters up to which a condition may be said for each of several pieces."""


def select(
    world: World,
    type: str,
    where: Node,
    *,
    wanted: int | None = None,
    after: int = 0,
    before: int = LAST,
    also: Statement = TRUE,
) -> Statement:
    """Return `SELECT ... AS v ...`: the versions that match, each once, without order.

    `wanted` says that only so many are wanted, in order of `v`; they lie between the rows `after` and `before`, both
    excluded. The `type` may be a kind of contained resources: then `v` are their numbers. `also` is a further
    test of `x.v`.
    """
    best, parts = plan(world, type, where, wanted)
    rows = best[0].start.rows
    bounds = _bounds(world, type, parts, after, before)
    tests = (test(world, type, node, "x") for node in parts if node is not best[0].start.node)
    condition = both(bounds, *tests, also, world.allows_holder("x") if is_inner(type) else world.allows("x", type))
    if wanted is not None and best[0].start.pieces and len(condition.sql) < _SAID_OFTEN:
        return union([_rows(piece, condition) for piece in best[0].start.pieces], "UNION")
    return _rows(rows, condition, "" if best[0].start.unique else "DISTINCT ")


def _rows(rows: Statement, condition: Statement, once: str = "") -> Statement:
    sql = f"SELECT {once}x.v AS v FROM {rows.sql} AND {condition.sql}"
    return Statement(sql, rows.arguments + condition.arguments)


def plan(world: World, type: str, where: Node, wanted: int | None) -> tuple[list[Considered], list[Node]]:
    """Return the ways to start, the best first, and all that must hold."""
    parts = conjuncts(where)
    return consider(starts(world, type, parts), type, world.names, wanted), parts


def _bounds(world: World, type: str, parts: Sequence[Node], after: int, before: int) -> Statement:
    """Return the one range of rows to read; engines use one lower and one upper bound of an index."""
    for node in parts:
        if isinstance(node, LastUpdated):
            first, beyond = rows_of(world.names, node)
            if is_inner(type):
                first, beyond = contained_row(first), LAST if beyond == LAST else contained_row(beyond)
            after, before = max(after, first - 1), min(before, beyond)
    lower = Statement("x.v > ?", (after,))
    upper = TRUE if before == LAST else Statement("x.v < ?", (before,))
    return both(lower, upper, TRUE if is_inner(type) else world.until("x"))


def select_all(world: World, type: str, where: Node) -> Statement:
    """Return the selection of an inner search, all of whose matches are wanted.

    It is made once: each link of a chain asks for what is behind it several times.
    """
    key = (type, id(where))
    if key not in world.selected:
        # The node is kept as well: another one would get its id once it is gone.
        world.selected[key] = where, select(world, type, where)
    return world.selected[key][1]
