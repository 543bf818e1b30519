"""History as one SQL statement: https://hl7.org/fhir/R4/http.html#history

Row numbers grow with time, so that bounds of time become bounds of row numbers and a page never walks
over versions outside them.
"""

from __future__ import annotations

from typing import Any

from fhir_server.store.base import Scope
from fhir_server.store.sqlite.dictionary import Names

_SELECT = (
    "SELECT v.v, v.type, b.id, v.number, v.time, v.method, v.author_id, v.position, b.patients, b.data "
    "FROM version v CROSS JOIN body b ON b.v = v.v "
    "WHERE "
)
_CURRENT_AFTER = (
    " AND NOT EXISTS (SELECT 1 FROM version n WHERE n.rid = v.rid AND n.number = v.number + 1"
    " AND n.time <= ? AND n.v <= ?)"
)


def history_statement(scope: Scope, position: int, names: Names) -> tuple[str, list[Any]] | None:
    """Return the statement for `scope` as of `position`, without order and limit; None when nothing can match."""
    first, last = 1, position
    if scope.after is not None:
        last = min(last, scope.after - 1)
    if scope.since is not None:
        first = names.first_since(scope.since)
    if scope.before is not None:
        last = min(last, names.first_since(scope.before) - 1)
    if scope.at is not None:
        last = min(last, names.first_since(scope.at[1] + 1) - 1)
    # The unary plus keeps the planner from walking all row numbers when there is a narrower index.
    sql, arguments = _SELECT + "v.v >= ? AND v.v <= ?", [first, last]
    if scope.type is not None:
        kind = names.type_id(scope.type)
        if kind is None:
            return None
        sql += " AND v.type = ?"
        arguments.append(kind)
    if scope.type is not None and scope.id is not None:
        rid = names.resource_id(scope.type, scope.id)
        if rid is None:
            return None
        sql, arguments = _SELECT + "v.rid = ? AND +v.v >= ? AND +v.v <= ?", [rid, first, last]
    if scope.at is not None:
        sql += _CURRENT_AFTER
        arguments += [scope.at[0], position]
    return sql, arguments
