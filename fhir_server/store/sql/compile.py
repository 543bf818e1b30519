"""The one compiler from query trees to SQL; `fhir_server.search.match` says what its statements must find.

A statement starts from the rows of one index table (`compile_start`) and tests every other conjunct on each version
found there. Versions come in the order of their row numbers, which is the order of commits,
and a page is bounded below by the last row of the page before. The restriction is applied to every version that a
statement shows; `criteria` reads the search parameters inside one.

What exists as of position P: the versions up to P that were not dead by then. Index rows are there only for versions
that live or died recently, so liveness needs no look at the version itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fhir_server.search.query import (
    And,
    Date,
    Entry,
    Id,
    LastUpdated,
    Node,
    Not,
    Or,
    Query,
    Reference,
    String,
    Token,
    Uri,
)
from fhir_server.search.values import fold_code
from fhir_server.store.sql.compile_entry import accesses, holds
from fhir_server.store.sql.compile_start import start
from fhir_server.store.sql.dialect import FALSE, TRUE, Names, Statement, both, either, negated, placeholders
from profiles import restriction as limits
from profiles.restriction import Restriction

Criteria = Callable[[str, tuple[tuple[str, str], ...]], Node]

_ENTRIES = (Token, String, Reference, Uri, Date)
_ALIVE = Statement("NOT EXISTS (SELECT 1 FROM dead d WHERE d.v = x.v)")
_FIRST, _LAST = -(1 << 62), 1 << 62


@dataclass(frozen=True, slots=True)
class _Compiler:
    """One search: of what type, with what names, and how to read criteria in restrictions."""

    type: str
    names: Names
    criteria: Criteria


def compile_page(query: Query, restriction: Restriction, names: Names, *, criteria: Criteria) -> Statement:
    """Return the statement for one page: column `v`, one row more than `query.count` where there are more.

    A match updated since `query.position` counts as it was; one deleted since, or no longer permitted, is left out.
    """
    compiler = _Compiler(query.type, names, criteria)
    extra = _still_shown(query.position, restriction, names, criteria)
    found = _select(compiler, query.where, restriction, extra, query.after, query.position)
    return Statement(f"{found.sql} ORDER BY x.v LIMIT ?", (*found.arguments, query.count + 1))


def compile_count(
    type: str, where: Node, restriction: Restriction, position: int | None, names: Names, *, criteria: Criteria
) -> Statement:
    """Return the statement that counts what a walk as of `position` shows, None for now: one row, one column."""
    extra = _still_shown(position, restriction, names, criteria)
    found = _select(_Compiler(type, names, criteria), where, restriction, extra, 0, position, whole=True)
    return Statement(f"SELECT count(*) FROM ({found.sql})", found.arguments)


def compile_matches(
    type: str, where: Node, restriction: Restriction, limit: int, names: Names, *, criteria: Criteria
) -> Statement:
    """Return the statement for up to `limit` current versions that match: column `v`."""
    found = _select(_Compiler(type, names, criteria), where, restriction, _ALIVE, 0, None)
    return Statement(f"{found.sql} ORDER BY x.v LIMIT ?", (*found.arguments, limit))


def compile_restriction(restriction: Restriction, alias: str, names: Names, *, criteria: Criteria) -> Statement:
    """Return the test that `restriction` allows the version `<alias>.v`.

    Criteria are asked of index rows. Where a version has none (an old one, a tombstone) they are neither true nor
    false but NULL, and so is their negation: nothing is shown that might not be allowed.
    """
    match restriction:
        case limits.All():
            return TRUE
        case limits.Nothing():
            return FALSE
        case limits.AnyOf(items):
            return either(*(compile_restriction(each, alias, names, criteria=criteria) for each in items))
        case limits.AllOf(items):
            return both(*(compile_restriction(each, alias, names, criteria=criteria) for each in items))
        case limits.Not(item):
            return negated(compile_restriction(item, alias, names, criteria=criteria))
        case limits.InCompartment(type, id):
            return _in_compartment(type, id, f"{alias}.v", names)
        case limits.HasLabel(system, code):
            return _has_label(system, code, f"{alias}.v")
        case limits.WrittenBy(author):
            return _written_by(author, f"{alias}.v")
        case limits.Matches(type, parameters):
            return _meets(type, parameters, alias, names, criteria)


def _meets(
    type: str, parameters: tuple[tuple[str, str], ...], alias: str, names: Names, criteria: Criteria
) -> Statement:
    number = names.type_id(type)
    if number is None:
        return FALSE
    met = _test(_Compiler(type, names, criteria), criteria(type, parameters), alias)
    return Statement(
        f"(SELECT CASE WHEN o.type <> ? THEN 0 WHEN EXISTS (SELECT 1 FROM idx_type t WHERE t.type = ? AND t.v = o.v)"
        f" THEN {met.sql} END FROM version o WHERE o.v = {alias}.v)",
        (number, number, *met.arguments),
    )


def _select(
    compiler: _Compiler,
    where: Node,
    restriction: Restriction,
    extra: Statement,
    after: int,
    position: int | None,
    *,
    whole: bool = False,
) -> Statement:
    """Return the distinct versions `x.v` that match, without order."""
    conjuncts = _conjuncts(where)
    begin, rest = start(compiler.type, conjuncts, restriction, compiler.names, whole=whole)
    tests = [_test(compiler, node, "x") for node in rest]
    allowed = compile_restriction(restriction, "x", compiler.names, criteria=compiler.criteria)
    bounds = _bounds(compiler, conjuncts, after, position)
    condition = both(bounds, *tests, allowed, extra)
    return Statement(
        f"SELECT DISTINCT x.v AS v FROM {begin.sql} AND {condition.sql}", begin.arguments + condition.arguments
    )


def _bounds(compiler: _Compiler, conjuncts: Sequence[Node], after: int, position: int | None) -> Statement:
    """Return the one range of rows to read; engines use one lower and one upper bound of an index."""
    below = _LAST if position is None else position + 1
    for node in conjuncts:
        if isinstance(node, LastUpdated):
            first, beyond = _rows_of(compiler, node)
            after, below = max(after, first - 1), min(below, beyond)
    lower = Statement("x.v > ?", (after,))
    return lower if below == _LAST else both(lower, Statement("x.v < ?", (below,)))


def _rows_of(compiler: _Compiler, node: LastUpdated) -> tuple[int, int]:
    """Return the first row that may match and the one beyond the last."""
    match node.prefix:
        case "eq" | "ap":
            return _since(compiler, node.low), _since(compiler, node.high + 1)
        case "gt" | "sa":
            return _since(compiler, node.high + 1), _LAST
        case "ge":
            return _since(compiler, node.low), _LAST
        case "lt" | "eb":
            return 0, _since(compiler, node.low)
        case "le":
            return 0, _since(compiler, node.high + 1)
        case "ne":
            return 0, _LAST


def _conjuncts(node: Node) -> list[Node]:
    if isinstance(node, And):
        return [part for each in node.nodes for part in _conjuncts(each)]
    return [node]


# Tests of one version


def _test(compiler: _Compiler, node: Node, alias: str) -> Statement:
    """Return the test that the version `<alias>.v` of the searched type matches `node`."""
    v = f"{alias}.v"
    match node:
        case And(nodes):
            return both(*(_test(compiler, each, alias) for each in nodes))
        case Or(nodes):
            entries = [each for each in nodes if isinstance(each, _ENTRIES)]
            others = [each for each in nodes if not isinstance(each, _ENTRIES)]
            found = holds(accesses(compiler.type, entries, compiler.names), v)
            return either(found, *(_test(compiler, each, alias) for each in others))
        case Not(inner):
            return negated(_test(compiler, inner, alias))
        case Id(ids):
            return _is_one_of(compiler, ids, v)
        case LastUpdated():
            return _updated(compiler, node, v)
        case _:
            return _entry(compiler, node, v)


def _entry(compiler: _Compiler, entry: Entry, v: str) -> Statement:
    return holds(accesses(compiler.type, [entry], compiler.names), v)


def _is_one_of(compiler: _Compiler, ids: Sequence[str], v: str) -> Statement:
    found = [compiler.names.resource_id(compiler.type, id) for id in ids]
    rids = [rid for rid in found if rid is not None]
    if not rids:
        return FALSE
    return Statement(f"EXISTS (SELECT 1 FROM version u WHERE u.v = {v} AND u.rid {placeholders(rids)})", tuple(rids))


def _updated(compiler: _Compiler, node: LastUpdated, v: str) -> Statement:
    """Times never decrease along row numbers, so that a range of times is a range of rows."""
    if node.prefix == "ne":
        equal = _updated(compiler, LastUpdated("eq", node.low, node.high), v)
        return negated(equal)
    return Statement(f"({v} >= ? AND {v} < ?)", _rows_of(compiler, node))


def _since(compiler: _Compiler, time: int) -> int:
    return compiler.names.first_since(max(_FIRST, min(time, _LAST)))


def _in_compartment(type: str, id: str, v: str, names: Names) -> Statement:
    rid = names.resource_id(type, id)
    if rid is None:
        return FALSE
    return Statement(f"EXISTS (SELECT 1 FROM owner o WHERE o.v = {v} AND o.rid = ?)", (rid,))


def _has_label(system: str, code: str, v: str) -> Statement:
    number = "SELECT k.t FROM token k WHERE k.fold = ? AND k.system = ? AND k.code = ?"
    return Statement(
        f"EXISTS (SELECT 1 FROM label l WHERE l.v = {v} AND l.t IN ({number}))", (fold_code(code), system, code)
    )


def _written_by(author: str, v: str) -> Statement:
    number = "SELECT a.id FROM author a WHERE a.name = ?"
    return Statement(f"EXISTS (SELECT 1 FROM version w WHERE w.v = {v} AND w.author_id = ({number}))", (author,))


# What exists


def _still_shown(position: int | None, restriction: Restriction, names: Names, criteria: Criteria) -> Statement:
    """Return the test that x was alive at `position`, and its resource still is there and permitted."""
    if position is None:
        return _ALIVE
    allowed = compile_restriction(restriction, "c", names, criteria=criteria)
    now = (
        "SELECT 1 FROM version b CROSS JOIN resource r ON r.rid = b.rid CROSS JOIN version c ON c.v = r.current"
        f" WHERE b.v = x.v AND c.deleted = 0 AND {allowed.sql}"
    )
    return Statement(
        f"coalesce((SELECT d.died > ? AND EXISTS ({now}) FROM dead d WHERE d.v = x.v), 1)",
        (position, *allowed.arguments),
    )
