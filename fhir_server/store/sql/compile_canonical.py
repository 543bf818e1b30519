"""Canonical URLs that lead to resources: in chains, `_has` and includes (`search.query.Canonical` says where to).

http://hl7.org/fhir/R4/references.html#canonical. The resource is found by its rows in `idx_uri`, its business version
in its footprint, as of the position of the search and under its restriction like every other resource on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.search.query import Canonical, Chain, Has, Include
from fhir_server.store.sql.compile_entry import Access
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import FALSE, LISTED, Statement, both, deeper, from_footprint, placeholders, union

_RANK = 3


def led_to(world: World, by: Canonical, uri: str, version: str) -> Statement | None:
    """Return the row of the version that a canonical leads to as an expression, None where there can be none.

    `uri` and `version` are expressions for the parts of the canonical.
    """
    url = world.names.param_id(by.type, by.url)
    if url is None:
        return None
    param = world.names.param_id(by.type, by.version)
    shown = world.shows("n", by.type)
    named = Statement("0")
    if param is not None:
        named = Statement(
            "EXISTS (SELECT 1 FROM footprint nf CROSS JOIN json_each(nf.rows, ?) ne CROSS JOIN token nk"
            f" ON nk.t = ne.value ->> 1 WHERE nf.v = n.v AND ne.value ->> 0 = 't' AND nk.code = {version})",
            (f'$."{param}"',),
        )
    return Statement(
        f"(SELECT max(n.v) FROM idx_uri n WHERE n.p = ? AND n.uri = {uri} AND ({version} = '' OR {named.sql})"
        f" AND {shown.sql})",
        (url, *named.arguments, *shown.arguments),
    )


def leads_to_match(world: World, type: str, node: Chain, by: Canonical, alias: str) -> Statement:
    """Return the test that a canonical of the version of `alias` leads to a resource that matches."""
    param = world.names.param_id(type, node.name)
    led = led_to(world, by, "e.value ->> 1", "e.value ->> 2")
    if param is None or led is None:
        return FALSE
    x = deeper(alias)
    matches = world.test(world, node.type, node.node, x)
    return Statement(
        f"EXISTS (SELECT 1 FROM footprint f CROSS JOIN json_each(f.rows, ?) e CROSS JOIN version {x}"
        f" WHERE f.v = {alias}.v AND e.value ->> 0 = 'u' AND {x}.v = {led.sql} AND {matches.sql})",
        (f'$."{param}"', *led.arguments, *matches.arguments),
    )


def leading_to(world: World, type: str, node: Chain, by: Canonical, found: Statement) -> Access | None:
    """Return the rows of canonicals that lead to one of the versions `found`; None where there can be none."""
    param, url = world.names.param_id(type, node.name), world.names.param_id(by.type, by.url)
    led = led_to(world, by, "{}.uri", "{}.version")
    tested = led_to(world, by, "e.value ->> 1", "e.value ->> 2")
    if param is None or url is None or led is None or tested is None:
        return None
    uris = _uris_of(found, url)
    return Access(
        "idx_uri",
        f"{{}}.p = ? AND {{}}.uri IN ({uris.sql}) AND {led.sql} IN ({found.sql})",
        (param, *uris.arguments, *led.arguments, *found.arguments),
        _RANK,
        param,
        "u",
        Statement(f"{tested.sql} IN ({found.sql})", tested.arguments + found.arguments),
    )


def is_led_to(world: World, node: Has, by: Canonical, alias: str) -> Statement:
    """Return the test that a canonical of a resource that matches leads to the version of `alias`."""
    param, url = world.names.param_id(node.type, node.name), world.names.param_id(by.type, by.url)
    x = deeper(alias)
    led = led_to(world, by, f"{x}.uri", f"{x}.version")
    if param is None or url is None or led is None:
        return FALSE
    own = from_footprint("e.value ->> 1", f"{alias}.v", url, "u")
    seen = both(world.shows(x, node.type), world.test(world, node.type, node.node, x))
    return Statement(
        f"EXISTS (SELECT 1 FROM idx_uri {x} WHERE {x}.p = ? AND {x}.uri IN ({own.sql}) AND {led.sql} = {alias}.v"
        f" AND {seen.sql})",
        (param, *own.arguments, *led.arguments, *seen.arguments),
    )


def led_to_by(world: World, node: Has, by: Canonical, found: Statement) -> Statement | None:
    """Select the rows (`rid`) of the resources that canonicals of the versions `found` lead to."""
    param = world.names.param_id(node.type, node.name)
    led = led_to(world, by, "e.value ->> 1", "e.value ->> 2")
    if param is None or led is None:
        return None
    return Statement(
        f"SELECT (SELECT w.rid FROM version w WHERE w.v = {led.sql}) FROM ({found.sql}) i CROSS JOIN footprint f"
        " ON f.v = i.v CROSS JOIN json_each(f.rows, ?) e WHERE e.value ->> 0 = 'u'",
        (*led.arguments, *found.arguments, f'$."{param}"'),
    )


def included(world: World, include: Include, params: Sequence[int], rows: Any) -> list[Statement]:
    """Select the versions that one step along the canonicals of `include` leads to from the version `rows`."""
    step = _referring if include.reverse else _referred
    found = (step(world, include, by, params, rows) for by in include.canonicals)
    return [each for each in found if each is not None]


def _referred(world: World, include: Include, by: Canonical, params: Sequence[int], rows: Any) -> Statement | None:
    led = led_to(world, by, "e.value ->> 1", "e.value ->> 2")
    if led is None:
        return None
    pieces = [
        Statement(
            f"SELECT {led.sql} AS v FROM version s CROSS JOIN footprint f ON f.v = s.v"
            f" CROSS JOIN json_each(f.rows, ?) e WHERE s.v {LISTED} AND s.type = ? AND e.value ->> 0 = 'u'",
            (*led.arguments, f'$."{param}"', rows, world.names.type_id(include.source) or 0),
        )
        for param in params
    ]
    return union(pieces)


def _referring(world: World, include: Include, by: Canonical, params: Sequence[int], rows: Any) -> Statement | None:
    url = world.names.param_id(by.type, by.url)
    led = led_to(world, by, "y.uri", "y.version")
    if url is None or led is None:
        return None
    uris = _uris_of(Statement(f"SELECT w.v FROM version w WHERE w.v {LISTED}", (rows,)), url)
    shown = world.shows("y", include.source)
    return Statement(
        f"SELECT y.v AS v FROM idx_uri y WHERE y.p {placeholders(params)} AND y.uri IN ({uris.sql})"
        f" AND {led.sql} {LISTED} AND {shown.sql}",
        (*params, *uris.arguments, *led.arguments, rows, *shown.arguments),
    )


def _uris_of(versions: Statement, param: int) -> Statement:
    """Select the URLs that `versions` have themselves."""
    return Statement(
        f"SELECT ue.value ->> 1 FROM ({versions.sql}) ui CROSS JOIN footprint uf ON uf.v = ui.v"
        " CROSS JOIN json_each(uf.rows, ?) ue WHERE ue.value ->> 0 = 'u'",
        (*versions.arguments, f'$."{param}"'),
    )
