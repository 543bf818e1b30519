"""How a page is found, for people: which index drives each part of a search, instead of what, and what is checked."""

from __future__ import annotations

from typing import Any

from fhir_server.search.query import Query
from fhir_server.store.sql.compile_select import plan
from fhir_server.store.sql.compile_visible import World
from profiles.restriction import ALL


def explain(query: Query, world: World) -> list[dict[str, Any]]:
    """Return a row for each type: `drives` with about how many `rows`, `instead_of`, `checks`; no values."""
    wanted = None if query.sort and query.sort[0].kind != "updated" else query.count + 1
    return [
        _target(target.kind, *plan(world, target.kind, target.where, wanted, told=True), world)
        for target in query.targets
    ]


def _target(type: str, ways: Any, parts: Any, world: World) -> dict[str, Any]:
    best, *others = ways
    checks = [part.__class__.__name__ for part in parts if part is not best.start.node]
    return {
        "type": type,
        "drives": best.start.label,
        "rows": best.rows,
        "instead_of": [f"{each.start.label} ({each.rows})" for each in others],
        "checks": checks + ([] if world.restriction is ALL else ["restriction"]),
    }
