"""Orders other than that of commits: what a version is sorted by, read from its footprint.

`search.ordering` says what they mean. Keys compare byte by byte, as text in UTF-8 or hexadecimal or as whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fhir_server.search.query import Sort, SortKind
from fhir_server.search.values import DATED, NEVER, is_inner
from fhir_server.store.sql.dialect import TRUE, Names, Statement, both, container, either, from_footprint, union

_LETTERS: dict[SortKind, str] = {
    "token": "t",
    "string": "s",
    "reference": "r",
    "uri": "u",
    "date": "d",
    "number": "n",
    "quantity": "q",
}
_NAMED: dict[SortKind, str] = {
    "token": "(SELECT k.fold FROM token k WHERE k.t = e.value ->> 1)",
    "reference": (
        "(SELECT y.name || '/' || r.id FROM resource r CROSS JOIN type y ON y.id = r.type WHERE r.rid = e.value ->> 1)"
    ),
}
_RANGES = ("date", "number", "quantity")


def keys(sorts: Sequence[Sort], type: str, v: str, names: Names) -> Statement:
    """Return the columns `k0`, `k1`, ... that the version `v` is sorted by."""
    each = [_key(sort, type, v, names) for sort in sorts]
    sql = ", ".join(f"{key.sql} AS k{number}" for number, key in enumerate(each))
    return Statement(sql, tuple(argument for key in each for argument in key.arguments))


class Order(NamedTuple):
    """What the matches of one target are sorted by; `alone` says that they are compared with each other only.

    With `counted` there is a column `total` too, the number of all of them, NULL where it would take longer.
    """

    sorts: Sequence[Sort] = ()
    alone: bool = False
    counted: bool = False


def keys_in_row(order: Order) -> str | None:
    """Return the same columns, after a comma, where the row `x` that is started from has them: see `Start.dated`.

    Where those are alone NEVER, below all others, may stand for no key, and the rows are in that order already.
    """
    match order.sorts:
        case [Sort(kind="date", names=(name,), descending=descending)] if name == DATED:
            newest = "x.high" if order.alone else f"nullif(x.high, {NEVER})"
            total = ", NULL AS total" if order.counted else ""
            return f", {newest if descending else 'x.low'} AS k0{total}"
    return None


def _key(sort: Sort, type: str, v: str, names: Names) -> Statement:
    stored = container(v) if is_inner(type) else v
    if sort.kind == "updated":
        return Statement(stored)
    if sort.kind == "id":
        return Statement(f"(SELECT r.id FROM version o CROSS JOIN resource r ON r.rid = o.rid WHERE o.v = {stored})")
    column = _NAMED.get(sort.kind) or f"e.value ->> {2 if sort.descending and sort.kind in _RANGES else 1}"
    params = [param for name in sort.names if (param := names.param_id(type, name)) is not None]
    if not params:
        return Statement("NULL")
    counted = _counted(sort, names)
    found = union([from_footprint(f"{column} AS v", v, param, _LETTERS[sort.kind], counted) for param in params])
    best = Statement(f"(SELECT {'max' if sort.descending else 'min'}(s.v) FROM ({found.sql}) s)", found.arguments)
    return best if sort.kind in _NAMED or len(params) > 1 else _alone(params[0], column[-1], v, best)


def _counted(sort: Sort, names: Names) -> Statement:
    """Return the test of the rows that count: not the rests of names, and only references to the type asked for."""
    if sort.kind == "string":
        return Statement("e.value ->> 2 <> ''")
    if not sort.target:
        return TRUE
    kind = names.type_id(sort.target) or 0
    return Statement("EXISTS (SELECT 1 FROM resource t WHERE t.rid = e.value ->> 1 AND t.type = ?)", (kind,))


def _alone(param: int, column: str, v: str, best: Statement) -> Statement:
    """Return the same, read straight from its place where the parameter has one row, as nearly all have."""
    path = f'$."{param}"'
    return Statement(
        f"(SELECT CASE json_array_length(g.rows, ?) WHEN 1 THEN g.rows ->> ? ELSE {best.sql} END"
        f" FROM footprint g WHERE g.v = {v})",
        (path, f"{path}[0][{column}]", *best.arguments),
    )


def order(sorts: Sequence[Sort], prefix: str) -> str:
    """Return the ORDER BY clause for rows with the columns of `keys` and `v`; what has no key comes last."""
    parts = [f"{prefix}k{number}{' DESC' if sort.descending else ''} NULLS LAST" for number, sort in enumerate(sorts)]
    return ", ".join([*parts, f"{prefix}v"])


def behind(sorts: Sequence[Sort], place: Sequence[Any], after: int, alias: str) -> Statement:
    """Return the test that a row comes after the one with the keys `place` and the number `after`."""
    options = []
    same: list[Statement] = []
    for number, (sort, key) in enumerate(zip(sorts, place, strict=True)):
        column = f"{alias}.k{number}"
        if key is not None:
            beyond = f"({column} {'<' if sort.descending else '>'} ? OR {column} IS NULL)"
            options.append(both(*same, Statement(beyond, (key,))))
        same.append(Statement(f"{column} IS ?", (key,)))
    options.append(both(*same, Statement(f"{alias}.v > ?", (after,))))
    return either(*options)
