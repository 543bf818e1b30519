"""The selection of all versions of a type that match a node: where to start, and what remains to be tested."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.query import LastUpdated, Node, Target
from fhir_server.search.values import is_inner
from fhir_server.store.contained_row import contained_row
from fhir_server.store.sql.compile_entry import conjuncts
from fhir_server.store.sql.compile_plan import Considered, consider
from fhir_server.store.sql.compile_sort import Order, keys, keys_in_row
from fhir_server.store.sql.compile_start import starts
from fhir_server.store.sql.compile_test import LAST, rows_of, test
from fhir_server.store.sql.compile_visible import HOLDER, World
from fhir_server.store.sql.dialect import TRUE, Statement, both, container, either, union

_NONE = Order()
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
    order: Order = _NONE,
) -> Statement:
    """Return `SELECT ... AS v ...`: the versions that match, each once, without order.

    `wanted` says that only so many are wanted, in order of `v`; they lie between the rows `after` and `before`, both
    excluded. The `type` may be a kind of contained resources: then `v` are their numbers. `also` is a further
    test of `x.v`. With an `order`, each has the columns that it is sorted by as well.
    """
    best, parts = plan(world, type, where, wanted)
    start = best[0].start
    alias = start.tested
    tests = (either(start.hint(node), test(world, type, node, alias)) for node in parts if node is not start.node)
    condition = both(_bounds(world, type, parts, after, before), *tests, also, _allows(world, type, alias))
    if wanted is not None and start.pieces and len(condition.sql) < _SAID_OFTEN:
        return union([_rows(piece, condition) for piece in start.pieces], "UNION")
    once, dates = "" if start.unique else "DISTINCT ", keys_in_row(order) if start.dated else None
    found = _rows((order.sorts and start.unmerged) or start.rows, condition, once, dates or "")
    if dates or not order.sorts:
        return found
    columns = keys(order.sorts, type, "m.v", world.names)
    keyed = f"SELECT m.v AS v, {columns.sql} FROM ({found.sql}) m"
    if order.counted:
        # Made once, to be counted and then sorted: a window would cost more, and FTS5 matches nowhere below one.
        keyed = f"WITH k AS MATERIALIZED ({keyed}) SELECT k.*, (SELECT count(*) FROM k) AS total FROM k"
    return Statement(keyed, columns.arguments + found.arguments)


def _allows(world: World, type: str, alias: str) -> Statement:
    return world.allows_holder(alias) if is_inner(type) else world.allows(alias, type)


def _rows(rows: Statement, condition: Statement, once: str = "", columns: str = "") -> Statement:
    sql = f"SELECT {once}x.v AS v{columns} FROM {rows.sql} AND {condition.sql}"
    return Statement(sql, rows.arguments + condition.arguments)


def plan(
    world: World, type: str, where: Node, wanted: int | None, *, told: bool = False
) -> tuple[list[Considered], list[Node]]:
    """Return the ways to start, the best first, and all that must hold; `told` as in `consider`."""
    parts = conjuncts(where)
    return consider(starts(world, type, parts), type, world.names, wanted, told=told), parts


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


def inner(world: World, target: Target, after: int = 0) -> Statement:
    """Select the contained resources that match, whose containers do not match themselves."""
    if target.beside is None:
        return select(world, target.kind, target.where, after=after)
    kind = world.names.type_id(target.type)
    itself = world.test(world, target.type, target.beside, HOLDER)
    also = Statement(
        f"NOT EXISTS (SELECT 1 FROM version {HOLDER} WHERE {HOLDER}.v = {container('x.v')} AND {HOLDER}.type = ?"
        f" AND {itself.sql})",
        (kind, *itself.arguments),
    )
    return select(world, target.kind, target.where, after=after, also=also)
