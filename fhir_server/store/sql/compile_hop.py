"""Nodes that look at other resources: chains, `_has`, hierarchies, as tests of one version and as rows to start from.

Each resource on the way is looked at as of the position of the search and under its restriction, like the matches.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.query import Chain, Has, Hierarchy, Node, Or, Reference, Token
from fhir_server.store.sql.compile_canonical import is_led_to, leading_to, leads_to_match, led_to_by
from fhir_server.store.sql.compile_entry import SPLIT, Access, conjuncts, to_resources
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import FALSE, Statement, both, deeper, from_footprint

PATIENT = "Patient"


def points_at(world: World, type: str, node: Chain, alias: str) -> Statement:
    """Return the test that the version of `alias` refers to a resource that matches."""
    if node.by is not None:
        return leads_to_match(world, type, node, node.by, alias)
    param, kind = world.names.param_id(type, node.name), world.names.type_id(node.type)
    if param is None or kind is None:
        return FALSE
    x = deeper(alias)
    newest = world.newest("e.value ->> 1")
    seen = both(world.shows(x, node.type), world.test(world, node.type, node.node, x))
    return Statement(
        f"EXISTS (SELECT 1 FROM footprint f CROSS JOIN json_each(f.rows, ?) e CROSS JOIN version {x}"
        f" WHERE f.v = {alias}.v AND e.value ->> 0 = 'r'"
        f" AND {x}.v = {newest.sql} AND {x}.type = ? AND {x}.deleted = 0 AND {seen.sql})",
        (f'$."{param}"', *newest.arguments, kind, *seen.arguments),
    )


def pointing_at(world: World, type: str, node: Chain) -> Access | None:
    """Return the rows of references to a resource that matches; None where there can be none.

    A few of those are looked up at once: then their references are like any others.
    """
    param = world.names.param_id(type, node.name)
    if param is None or world.names.type_id(node.type) is None:
        return None
    found = world.select(world, node.type, node.node)
    if node.by is not None:
        return leading_to(world, type, node, node.by, found)
    targets = _resources(found)
    known = world.names.first(targets, SPLIT + 1)
    if known is None or len(known) > SPLIT:
        return _among(param, targets, 3)
    return to_resources(param, tuple(known)) if known else None


def few_pointing_at(world: World, type: str, node: Chain, limit: int) -> Access | None:
    """Return the same for the first `limit` resources that match: to estimate by."""
    param = world.names.param_id(type, node.name)
    if param is None:
        return None
    found = world.select(world, node.type, node.node)
    few = Statement(f"{found.sql} LIMIT {limit}", found.arguments)
    if node.by is not None:
        return leading_to(world, type, node, node.by, few)
    return _among(param, _resources(few), 3)


def _among(param: int, rids: Statement, rank: int) -> Access:
    test = Statement(f"e.value ->> 1 IN ({rids.sql})", rids.arguments)
    condition = f"{{}}.p = ? AND {{}}.rid IN ({rids.sql})"
    return Access("idx_reference", condition, (param, *rids.arguments), rank, param, "r", test)


def _resources(versions: Statement) -> Statement:
    return Statement(f"SELECT w.rid FROM version w WHERE w.v IN ({versions.sql})", versions.arguments)


def is_pointed_at(world: World, type: str, node: Has, alias: str) -> Statement:
    """Return the test that a resource which matches refers to that of the version of `alias`.

    Where a patient is pointed at and a code is asked for, the patient's own rows of that code are the ones to look at.
    """
    if node.by is not None:
        return is_led_to(world, node, node.by, alias)
    param = world.names.param_id(node.type, node.name)
    if param is None:
        return FALSE
    x = deeper(alias)
    here = f"(SELECT o.rid FROM version o WHERE o.v = {alias}.v)"
    parts = conjuncts(node.node)
    owned = _owned(world, node, parts) if type == PATIENT and world.names.is_by_patient(param) else None
    if owned is None:
        rows = Statement(f"idx_reference {x} WHERE {x}.p = ? AND {x}.rid = {here}", (param,))
    else:
        code, access = owned
        parts = [each for each in parts if each is not code]
        other = f"EXISTS (SELECT 1 FROM idx_reference i WHERE i.p = ? AND i.rid = {x}.rid AND i.v = {x}.v)"
        found = access.rows(x)
        rows = Statement(
            f"idx_owned {x} WHERE {x}.rid = {here} AND {found.sql} AND ({x}.via = ? OR {other})",
            (*found.arguments, param, param),
        )
    seen = both(world.shows(x, node.type), *(world.test(world, node.type, each, x) for each in parts))
    return Statement(f"EXISTS (SELECT 1 FROM {rows.sql} AND {seen.sql})", rows.arguments + seen.arguments)


def _owned(world: World, node: Has, parts: Sequence[Node]) -> tuple[Node, Access] | None:
    """Return a part that asks for codes which are kept by patient, with its rows."""
    for part in parts:
        access = coded(world, node.type, part)
        if access is not None:
            return part, access
    return None


def coded(world: World, type: str, node: Node) -> Access | None:
    """Return the one access of a node that asks for codes which are kept by patient, None for any other node."""
    nodes = node.nodes if isinstance(node, Or) else (node,)
    leaves = [each for each in nodes if isinstance(each, Token)]
    if not leaves or len(leaves) < len(nodes):
        return None
    found = world.accesses(type, node, leaves)
    if len(found) == 1 and found[0].pinned and world.names.is_by_patient(found[0].param):
        return found[0]
    return None


def patient_of(world: World, type: str, node: Node) -> int | None:
    """Return the row of the one patient to whose compartment all that matches `node` belongs, None without one."""
    if not isinstance(node, Reference) or node.type != PATIENT:
        return None
    param = world.names.param_id(type, node.name)
    if param is None or not world.names.is_by_patient(param):
        return None
    return world.names.resource_id(PATIENT, node.id)


def pointed_at(world: World, node: Has) -> Statement | None:
    """Select the rows (`rid`) of the resources that a match of `node` refers to; None where there can be none."""
    return _pointed_at(world, node, world.select(world, node.type, node.node))


def few_pointed_at(world: World, node: Has, limit: int) -> Statement | None:
    """Return the same for the first `limit` that match: to estimate by."""
    found = world.select(world, node.type, node.node)
    return _pointed_at(world, node, Statement(f"{found.sql} LIMIT {limit}", found.arguments))


def _pointed_at(world: World, node: Has, found: Statement) -> Statement | None:
    if node.by is not None:
        return led_to_by(world, node, node.by, found)
    param = world.names.param_id(node.type, node.name)
    if param is None:
        return None
    return Statement(
        f"SELECT e.value ->> 1 FROM ({found.sql}) i CROSS JOIN footprint f ON f.v = i.v"
        " CROSS JOIN json_each(f.rows, ?) e WHERE e.value ->> 0 = 'r'",
        (*found.arguments, f'$."{param}"'),
    )


def along(world: World, type: str, node: Hierarchy) -> Access | None:
    """Return the rows of references into the part of a hierarchy that is asked for; None where there can be none."""
    param, kind = world.names.param_id(type, node.name), world.names.type_id(node.type)
    root = world.names.resource_id(node.type, node.id)
    if param is None or root is None or kind is None:
        return None
    upwards = world.names.param_id(node.type, node.along)
    step = (
        None
        if upwards is None
        else (_above(world, node.type, kind, upwards) if node.above else _below(world, node.type, upwards))
    )
    union = "" if step is None else f" UNION {step.sql}"
    closure = Statement(
        f"WITH RECURSIVE h(rid) AS (SELECT ?{union}) SELECT h.rid FROM h", (root, *(step.arguments if step else ()))
    )
    return _among(param, closure, 3)


def _below(world: World, type: str, upwards: int) -> Statement:
    shown = world.shows("y", type)
    return Statement(
        "SELECT c.rid FROM h CROSS JOIN idx_reference y ON y.p = ? AND y.rid = h.rid CROSS JOIN version c ON c.v = y.v"
        f" WHERE {shown.sql}",
        (upwards, *shown.arguments),
    )


def _above(world: World, type: str, kind: int, upwards: int) -> Statement:
    newest, shown = world.newest("h.rid"), world.shows("y", type)
    higher = from_footprint("e.value ->> 1", "y.v", upwards, "r")
    return Statement(
        f"SELECT r.rid FROM h CROSS JOIN version y ON y.v = {newest.sql} AND y.deleted = 0 CROSS JOIN resource r"
        f" ON r.rid IN ({higher.sql}) AND r.type = ? WHERE {shown.sql}",
        (*newest.arguments, *higher.arguments, kind, *shown.arguments),
    )
