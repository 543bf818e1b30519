"""The one compiler from query trees to SQL; `fhir_server.search.match` says what its statements must find.

A statement starts from the rows of one index table, those of the conjunct that leaves the fewest, and tests every other
conjunct on each version found there. Versions come in the order of their row numbers, which is the order of commits,
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
    HasLabel,
    Id,
    InCompartment,
    LastUpdated,
    Node,
    Not,
    Or,
    Prefix,
    Query,
    Reference,
    String,
    Token,
    Uri,
    WrittenBy,
)
from fhir_server.search.values import fold_code
from fhir_server.store.sql.compile_entry import Access, accesses, holds
from fhir_server.store.sql.dialect import FALSE, TRUE, Names, Statement, both, either, negated, placeholders
from profiles import restriction as limits
from profiles.restriction import Restriction

Criteria = Callable[[str, tuple[tuple[str, str], ...]], Node]

_ENTRIES = (Token, String, Reference, Uri, Date)
_SAMPLE = 500
"""Index rows counted at most to compare where to start from."""
_UNION = 200
"""Engines bound the terms of one compound SELECT; longer unions are nested."""
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
    """Return the statement that counts the matches as of `position`, None for now: one row, one column."""
    found = _select(_Compiler(type, names, criteria), where, restriction, _alive(position), 0, position)
    return Statement(f"SELECT count(*) FROM ({found.sql})", found.arguments)


def compile_matches(
    type: str, where: Node, restriction: Restriction, limit: int, names: Names, *, criteria: Criteria
) -> Statement:
    """Return the statement for up to `limit` current versions that match: column `v`."""
    found = _select(_Compiler(type, names, criteria), where, restriction, _alive(None), 0, None)
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
    compiler: _Compiler, where: Node, restriction: Restriction, extra: Statement, after: int, position: int | None
) -> Statement:
    """Return the distinct versions `x.v` that match, without order."""
    conjuncts = _conjuncts(where)
    start, rest = _start(compiler, conjuncts, restriction)
    tests = [_test(compiler, node, "x") for node in rest]
    allowed = compile_restriction(restriction, "x", compiler.names, criteria=compiler.criteria)
    upper = TRUE if position is None else Statement("x.v <= ?", (position,))
    bounds = both(Statement("x.v > ?", (after,)), upper)
    condition = both(bounds, *tests, allowed, extra)
    return Statement(
        f"SELECT DISTINCT x.v AS v FROM {start.sql} AND {condition.sql}", start.arguments + condition.arguments
    )


def _conjuncts(node: Node) -> list[Node]:
    if isinstance(node, And):
        return [part for each in node.nodes for part in _conjuncts(each)]
    return [node]


# Where to start


def _start(compiler: _Compiler, conjuncts: Sequence[Node], restriction: Restriction) -> tuple[Statement, list[Node]]:
    """Return `<table> x WHERE <condition>` to start from, and the conjuncts that remain to be tested."""
    rids = _rids(compiler, conjuncts)
    if rids is not None:
        node, numbers = rids
        if not numbers:
            return Statement("idx_type x WHERE 0"), []
        listed = Statement(f"version x WHERE x.rid {placeholders(numbers)}", tuple(numbers))
        return _of_type(compiler, listed), [each for each in conjuncts if each is not node]
    possible = [(each, _entry_accesses(compiler, each)) for each in conjuncts]
    offered = [(each, found) for each, found in possible if found is not None]
    if any(not found for _, found in offered):
        return Statement("idx_type x WHERE 0"), []
    if offered:
        node, found = min(offered, key=lambda each: _cost(compiler, each[1], alone=len(offered) == 1))
        return _rows(found), [each for each in conjuncts if each is not node]
    compartment = _compartment_start(compiler, restriction)
    if compartment is not None:
        return _of_type(compiler, compartment), list(conjuncts)
    number = compiler.names.type_id(compiler.type)
    return Statement("idx_type x WHERE x.type = ?", (number,)) if number else Statement("idx_type x WHERE 0"), list(
        conjuncts
    )


def _rids(compiler: _Compiler, conjuncts: Sequence[Node]) -> tuple[Node, list[int]] | None:
    for node in conjuncts:
        if isinstance(node, Id):
            found = (compiler.names.resource_id(compiler.type, id) for id in node.ids)
            return node, [rid for rid in found if rid is not None]
    return None


def _of_type(compiler: _Compiler, start: Statement) -> Statement:
    """Keep the versions of the type that search can find: those with index rows."""
    number = compiler.names.type_id(compiler.type)
    indexed = "EXISTS (SELECT 1 FROM idx_type y WHERE y.type = ? AND y.v = x.v)"
    return Statement(f"{start.sql} AND {indexed}", (*start.arguments, number or 0))


def _entry_accesses(compiler: _Compiler, node: Node) -> list[Access] | None:
    """Return how to find the rows of an entry or of alternatives that all are entries, None for anything else."""
    entries: Sequence[Node] = node.nodes if isinstance(node, Or) else (node,)
    plain = [each for each in entries if isinstance(each, _ENTRIES)]
    return accesses(compiler.type, plain, compiler.names) if len(plain) == len(entries) else None


def _cost(compiler: _Compiler, found: Sequence[Access], *, alone: bool) -> tuple[int, int, int]:
    """Few rows first; among many, rather rows that come in order, for then a page need not read them all."""
    rank = max(access.rank for access in found)
    ordered = len(found) == 1 and found[0].ordered
    counted: int | None = _SAMPLE
    if not alone and all(access.countable for access in found):
        start = _rows(found)
        counted = compiler.names.estimate(Statement(f"SELECT 1 FROM {start.sql}", start.arguments), _SAMPLE)
    return counted or 0, 0 if ordered else 1, rank


def _rows(found: Sequence[Access]) -> Statement:
    if len(found) == 1:
        rows = found[0].rows("x")
        return Statement(f"{found[0].table} x WHERE {rows.sql}", rows.arguments)
    union = _union([_vs(access) for access in found])
    return Statement(f"({union.sql}) x WHERE 1", union.arguments)


def _vs(access: Access) -> Statement:
    rows = access.rows("i")
    return Statement(f"SELECT i.v FROM {access.table} i WHERE {rows.sql}", rows.arguments)


def _union(selects: Sequence[Statement]) -> Statement:
    if len(selects) > _UNION:
        pieces = [_union(selects[at : at + _UNION]) for at in range(0, len(selects), _UNION)]
        selects = [Statement(f"SELECT v FROM ({each.sql})", each.arguments) for each in pieces]
    arguments = tuple(argument for each in selects for argument in each.arguments)
    return Statement(" UNION ALL ".join(each.sql for each in selects), arguments)


def _compartment_start(compiler: _Compiler, restriction: Restriction) -> Statement | None:
    """Start from a compartment when the restriction keeps everything inside it."""
    items = restriction.items if isinstance(restriction, limits.AllOf) else (restriction,)
    for item in items:
        if isinstance(item, limits.InCompartment):
            rid = compiler.names.resource_id(item.type, item.id)
            return Statement("owner x WHERE x.rid = ?", (rid,)) if rid else Statement("owner x WHERE 0")
    return None


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
        case LastUpdated(prefix, low, high):
            return _updated(compiler, prefix, low, high, v)
        case InCompartment(type, id):
            return _in_compartment(type, id, v, compiler.names)
        case HasLabel(system, code):
            return _has_label(system, code, v)
        case WrittenBy(author):
            return _written_by(author, v)
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


def _updated(compiler: _Compiler, prefix: Prefix, low: int, high: int, v: str) -> Statement:
    """Times never decrease along row numbers, so that a range of times is a range of rows."""
    first, beyond = _since(compiler, low), _since(compiler, high + 1)
    match prefix:
        case "eq" | "ap":
            return Statement(f"({v} >= ? AND {v} < ?)", (first, beyond))
        case "ne":
            return Statement(f"({v} < ? OR {v} >= ?)", (first, beyond))
        case "gt" | "sa":
            return Statement(f"{v} >= ?", (beyond,))
        case "ge":
            return Statement(f"{v} >= ?", (first,))
        case "lt" | "eb":
            return Statement(f"{v} < ?", (first,))
        case "le":
            return Statement(f"{v} < ?", (beyond,))


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


def _alive(position: int | None) -> Statement:
    if position is None:
        return Statement("NOT EXISTS (SELECT 1 FROM dead d WHERE d.v = x.v)")
    return Statement("NOT EXISTS (SELECT 1 FROM dead d WHERE d.v = x.v AND d.died <= ?)", (position,))


def _still_shown(position: int | None, restriction: Restriction, names: Names, criteria: Criteria) -> Statement:
    """Return the test that x was alive at `position`, and its resource still is there and permitted."""
    if position is None:
        return _alive(None)
    allowed = compile_restriction(restriction, "c", names, criteria=criteria)
    now = (
        "SELECT 1 FROM version b CROSS JOIN resource r ON r.rid = b.rid CROSS JOIN version c ON c.v = r.current"
        f" WHERE b.v = x.v AND c.deleted = 0 AND {allowed.sql}"
    )
    return Statement(
        f"coalesce((SELECT d.died > ? AND EXISTS ({now}) FROM dead d WHERE d.v = x.v), 1)",
        (position, *allowed.arguments),
    )
