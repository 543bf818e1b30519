"""One step along an include: from the versions on a page to what they refer to, or to what refers to them.

The rows to start from are one argument, a JSON array, so that one statement serves every page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.search.query import Include
from fhir_server.store.sql.compile import Listing
from fhir_server.store.sql.compile_canonical import included
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import LISTED, Statement, placeholders, union


def compile_include(include: Include, rows: Any, limit: Any, world: World) -> Listing | None:
    """Return the statement for up to `limit` versions that one step along `include` leads to from version `rows`.

    `rows` is a JSON array; it, `limit` and the position of `world` are arguments alone, so anything may stand for them
    that is replaced later. None when nothing can be led to.
    """
    params = [param for name in include.names if (param := world.names.param_id(include.source, name)) is not None]
    if not params:
        return None
    found = _referring(include, params, rows, world) if include.reverse else _referred(include, params, rows, world)
    every = union([found, *included(world, include, params, rows)])
    sql = f"SELECT DISTINCT x.v FROM ({every.sql}) x WHERE x.v IS NOT NULL ORDER BY x.v LIMIT ?"
    return Listing(Statement(sql, (*every.arguments, limit)))


def _target(include: Include, alias: str, world: World) -> Statement:
    if not include.target:
        return Statement("")
    return Statement(f" AND {alias}.type = ?", (world.names.type_id(include.target) or 0,))


def _referring(include: Include, params: Sequence[int], rows: Any, world: World) -> Statement:
    kind, shown = _target(include, "o", world), world.shows("x", include.source)
    targets = f"SELECT o.rid FROM version o WHERE o.v {LISTED}{kind.sql}"
    sql = f"SELECT x.v AS v FROM idx_reference x WHERE x.p {placeholders(params)} AND x.rid IN ({targets})"
    return Statement(f"{sql} AND {shown.sql}", (*params, rows, *kind.arguments, *shown.arguments))


def _referred(include: Include, params: Sequence[int], rows: Any, world: World) -> Statement:
    """References from the footprints of the versions; one with a number leads to that version.

    The number of a parameter tells its type: the footprints of other types have no rows of it. What several refer to is
    looked at once.
    """
    kind, newest, shown = _target(include, "x", world), world.newest("e.value ->> 1"), world.shows_old("x")
    one = "(SELECT w.v FROM version w WHERE w.rid = e.value ->> 1 AND w.number = e.value ->> 2)"
    led = (
        f"SELECT DISTINCT CASE WHEN e.value ->> 2 = 0 THEN {newest.sql} ELSE {one} END AS v"
        f" FROM footprint f CROSS JOIN json_each(f.rows, ?) e WHERE f.v {LISTED} AND e.value ->> 0 = 'r'"
    )
    living = f"({led}) l CROSS JOIN version x ON x.v = l.v WHERE x.deleted = 0{kind.sql}"
    sql = f"SELECT x.v AS v FROM {living} AND {shown.sql}"
    return union(
        [
            Statement(sql, (*newest.arguments, f'$."{param}"', rows, *kind.arguments, *shown.arguments))
            for param in params
        ]
    )
