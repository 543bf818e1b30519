"""Where a search starts: the rows of one index table, read in the hope that they are few.

What every match must have can be started from. The candidates are compared by counting their first rows, rules of
thumb break the tie. Rows that come in order of `v` have an advantage when there are many: a page is full long before
all of them are read, while others must all be gathered and sorted first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fhir_server.search.query import Date, Id, Node, Or, Reference, String, Token, Uri
from fhir_server.store.sql.compile_entry import Access, accesses
from fhir_server.store.sql.dialect import Names, Statement, placeholders
from profiles.restriction import AllOf, InCompartment, Restriction

SAMPLE = 5000
"""Rows counted at most. Sorting as many takes milliseconds."""

_ENTRIES = (Token, String, Reference, Uri, Date)
_EMPTY = Statement("idx_type x WHERE 0")
_UNION = 200
"""Engines bound the terms of one compound SELECT; longer unions are nested."""
_OWNED, _WHOLE_TYPE = 3, 9


@dataclass(frozen=True, slots=True)
class Start:
    """`<table> x WHERE <condition>`; `node` is the conjunct that every row of it satisfies.

    `rank` orders starts from likely few rows to likely many; `ordered` says they come in order of `v`; `countable`
    that the first of them are found without reading many others.
    """

    rows: Statement
    node: Node | None = None
    rank: int = 0
    ordered: bool = True
    countable: bool = True


def start(
    type: str, conjuncts: Sequence[Node], restriction: Restriction, names: Names, *, whole: bool
) -> tuple[Statement, list[Node]]:
    """Return `<table> x WHERE <condition>` to start from, and the conjuncts that remain to be tested.

    `whole` says that all matches are wanted (a count), not just the first.
    """
    chosen = _by_id(type, conjuncts, names)
    if chosen is None:
        found = [*_from_conjuncts(type, conjuncts, names), *_from_compartment(type, restriction, names)]
        chosen = _best([*found, _whole_type(type, names)], names, whole=whole)
    return chosen.rows, [node for node in conjuncts if node is not chosen.node]


def _best(found: Sequence[Start], names: Names, *, whole: bool) -> Start:
    """Return the start with the fewest rows; among those with many rather an ordered one."""
    ranked = sorted(found, key=lambda each: each.rank)
    first = ranked[0]
    if first.rank == 0 or not first.countable or (len(ranked) == 2 and (first.ordered or whole)):
        return first
    best, fewest = first, SAMPLE
    for each in ranked:
        counted = names.estimate(_first_rows(each), fewest) if each.countable else SAMPLE
        if counted is None:
            return first
        if counted < fewest:
            best, fewest = each, counted
    if fewest == SAMPLE and not whole:
        return next(each for each in ranked if each.ordered)
    return best


def _first_rows(found: Start) -> Statement:
    return Statement(f"SELECT 1 FROM {found.rows.sql}", found.rows.arguments)


def _by_id(type: str, conjuncts: Sequence[Node], names: Names) -> Start | None:
    for node in conjuncts:
        if isinstance(node, Id):
            numbers = [rid for rid in (names.resource_id(type, id) for id in node.ids) if rid is not None]
            if not numbers:
                return Start(_EMPTY, node)
            listed = Statement(f"version x WHERE x.rid {placeholders(numbers)}", tuple(numbers))
            return Start(_of_type(type, listed, names), node)
    return None


def _from_conjuncts(type: str, conjuncts: Sequence[Node], names: Names) -> Iterator[Start]:
    for node in conjuncts:
        entries = node.nodes if isinstance(node, Or) else (node,)
        plain = [each for each in entries if isinstance(each, _ENTRIES)]
        if len(plain) == len(entries):
            found = accesses(type, plain, names)
            yield _of_accesses(node, found) if found else Start(_EMPTY, node)


def _of_accesses(node: Node, found: Sequence[Access]) -> Start:
    rank = max(access.rank for access in found)
    countable = all(access.countable for access in found)
    if len(found) == 1:
        rows = found[0].rows("x")
        return Start(
            Statement(f"{found[0].table} x WHERE {rows.sql}", rows.arguments), node, rank, found[0].ordered, countable
        )
    union = _union([_versions(access) for access in found])
    return Start(Statement(f"({union.sql}) x WHERE 1", union.arguments), node, rank, False, countable)


def _versions(access: Access) -> Statement:
    rows = access.rows("i")
    return Statement(f"SELECT i.v FROM {access.table} i WHERE {rows.sql}", rows.arguments)


def _union(selects: Sequence[Statement]) -> Statement:
    if len(selects) > _UNION:
        pieces = [_union(selects[at : at + _UNION]) for at in range(0, len(selects), _UNION)]
        selects = [Statement(f"SELECT v FROM ({each.sql})", each.arguments) for each in pieces]
    arguments = tuple(argument for each in selects for argument in each.arguments)
    return Statement(" UNION ALL ".join(each.sql for each in selects), arguments)


def _from_compartment(type: str, restriction: Restriction, names: Names) -> Iterator[Start]:
    """Start from a compartment when the restriction keeps everything inside it."""
    items = restriction.items if isinstance(restriction, AllOf) else (restriction,)
    for item in items:
        if isinstance(item, InCompartment):
            rid = names.resource_id(item.type, item.id)
            owned = _EMPTY if rid is None else Statement("owner x WHERE x.rid = ?", (rid,))
            yield Start(_of_type(type, owned, names), rank=0 if rid is None else _OWNED)


def _of_type(type: str, rows: Statement, names: Names) -> Statement:
    """Keep the versions of the type that search can find: those with index rows."""
    indexed = "EXISTS (SELECT 1 FROM idx_type y WHERE y.type = ? AND y.v = x.v)"
    return Statement(f"{rows.sql} AND {indexed}", (*rows.arguments, names.type_id(type) or 0))


def _whole_type(type: str, names: Names) -> Start:
    number = names.type_id(type)
    if number is None:
        return Start(_EMPTY)
    return Start(Statement("idx_type x WHERE x.type = ?", (number,)), rank=_WHOLE_TYPE, countable=False)
