"""Tests of one version: whether the row number of an alias is that of a version that matches a node."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.query import (
    And,
    Chain,
    Entry,
    Has,
    Hierarchy,
    Id,
    LastUpdated,
    Node,
    Not,
    Or,
    Owned,
    Together,
    Words,
)
from fhir_server.search.values import is_inner
from fhir_server.store.sql.compile_entry import accesses, holds, leaves
from fhir_server.store.sql.compile_hop import along, is_pointed_at, points_at
from fhir_server.store.sql.compile_visible import World, in_compartment
from fhir_server.store.sql.dialect import (
    FALSE,
    Names,
    Statement,
    both,
    container,
    either,
    negated,
    placeholders,
    union,
)

LAST = 1 << 62
_FIRST = -LAST


def test(world: World, type: str, node: Node, alias: str) -> Statement:
    """Return the test that the version `<alias>.v` of the searched type matches `node`."""
    v = f"{alias}.v"
    match node:
        case And(nodes):
            return both(*(test(world, type, each, alias) for each in nodes))
        case Or(nodes):
            entries = leaves(nodes)
            others = [each for each in nodes if not isinstance(each, Entry)]
            found = holds(world.accesses(type, node, entries), v)
            return either(found, *(test(world, type, each, alias) for each in others))
        case Not(inner):
            return negated(test(world, type, inner, alias))
        case Id(ids):
            return _is_one_of(world.names, type, ids, v)
        case LastUpdated():
            return _updated(world.names, node, container(v) if is_inner(type) else v)
        case Owned(owner, id):
            return in_compartment(owner, id, container(v) if is_inner(type) else v, world.names)
        case Chain():
            return points_at(world, type, node, alias)
        case Has():
            return is_pointed_at(world, type, node, alias)
        case Hierarchy():
            access = along(world, type, node)
            return FALSE if access is None else access.holds(v)
        case Together(parts):
            return _together(world.names, type, parts, v)
        case Words():
            found = matching_words(node)
            return Statement(f"{v} IN ({found.sql})", found.arguments)
        case _:
            return holds(world.accesses(type, node, [node]), v)


def _together(names: Names, type: str, parts: Sequence[tuple[Entry, ...]], v: str) -> Statement:
    """Return the test that rows of every part share a group."""
    selects = []
    for part in parts:
        groups = [access.groups(v) for access in accesses(type, part, names)]
        if not groups:
            return FALSE
        found = union(groups)
        selects.append(Statement(f"SELECT v FROM ({found.sql}) WHERE v >= 0", found.arguments))
    common = union(selects, "INTERSECT")
    return Statement(f"EXISTS ({common.sql})", common.arguments)


def matching_words(node: Words) -> Statement:
    """Select `v` of the versions whose text has all phrases (https://sqlite.org/fts5.html#full_text_query_syntax)."""
    column = "narrative : " if node.narrative else ""
    # Words have neither quotes nor blanks in them.
    phrases = (f'{column}"{" ".join(words)}"{" *" if is_open else ""}' for words, is_open in node.phrases)
    return Statement("SELECT i.rowid AS v FROM idx_text i WHERE i.idx_text MATCH ?", (" AND ".join(phrases),))


def _is_one_of(names: Names, type: str, ids: Sequence[str], v: str) -> Statement:
    found = [names.resource_id(type, id) for id in ids]
    rids = [rid for rid in found if rid is not None]
    if not rids:
        return FALSE
    return Statement(f"EXISTS (SELECT 1 FROM version u WHERE u.v = {v} AND u.rid {placeholders(rids)})", tuple(rids))


def _updated(names: Names, node: LastUpdated, v: str) -> Statement:
    """Times never decrease along row numbers, so that a range of times is a range of rows."""
    if node.prefix == "ne":
        return negated(_updated(names, LastUpdated("eq", node.low, node.high), v))
    return Statement(f"({v} >= ? AND {v} < ?)", rows_of(names, node))


def rows_of(names: Names, node: LastUpdated) -> tuple[int, int]:
    """Return the first row that may match and the one beyond the last."""
    match node.prefix:
        case "eq" | "ap":
            return _since(names, node.low), _since(names, node.high + 1)
        case "gt" | "sa":
            return _since(names, node.high + 1), LAST
        case "ge":
            return _since(names, node.low), LAST
        case "lt" | "eb":
            return 0, _since(names, node.low)
        case "le":
            return 0, _since(names, node.high + 1)
        case "ne":
            return 0, LAST


def _since(names: Names, time: int) -> int:
    return names.first_since(max(_FIRST, min(time, LAST)))
