"""The types that a search looks at, hop by hop: each must be in the caller's scope, or the search is refused by name.

What is found on the way is within the caller's restriction anyhow, so nothing is shown or counted that may not be. But
a search that goes through a type which is not there for the caller would answer as if nothing matched; saying so is
honest, and tells nothing that the scope does not.

A chain without a type (`subject.name`) goes through those of its types that are in scope; it is refused when none is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fhir_server.errors import Forbidden
from fhir_server.interactions.access import demand
from fhir_server.interactions.call import Call
from fhir_server.search.parse import Search
from fhir_server.search.query import And, Chain, Has, Hierarchy, Include, Node, Not, Or


def reaching(call: Call, search: Search, types: Sequence[str]) -> Search:
    """Return `search` over what is in scope; `types` are those that were asked for, none for a search over all.

    Raises Forbidden for a type asked for, or looked at on the way, that is not.
    """
    rights = call.principal.rights
    if not rights.limited:
        return search
    for type in types:
        demand(call, "search", type)
    targets = search.targets if types else tuple(each for each in search.targets if rights.may("search", each.type))
    if not targets:
        raise Forbidden("Your access does not let you search any type: none is in its scope.")
    for target in targets:
        demand_hops(call, target.where)
        if target.beside is not None:
            demand_hops(call, target.beside)
    includes = tuple(each for each in search.includes if not each.any or rights.may("search", each.source))
    for include in includes:
        _demand_include(call, include)
    return replace(search, includes=includes) if types else replace(search, targets=targets, includes=includes)


def types_of(search: Search) -> frozenset[str] | None:
    """Return the types that a search looks at; None where it may be any: by includes, and in what contains others."""
    if any(include.canonicals or not (include.reverse or include.target) for include in search.includes):
        return None
    if any(target.inner for target in search.targets):
        return None
    found = {include.source if include.reverse else include.target for include in search.includes}
    for target in search.targets:
        found.add(target.type)
        found.update(_hops(target.where))
    return frozenset(found)


def _hops(node: Node) -> Iterator[str]:
    match node:
        case And(nodes) | Or(nodes):
            for each in nodes:
                yield from _hops(each)
        case Not(inner):
            yield from _hops(inner)
        case Chain() | Has():
            yield node.type
            if node.by is not None:
                yield node.by.type
            yield from _hops(node.node)
        case Hierarchy():
            yield node.type


def demand_hops(call: Call, node: Node) -> None:
    """Raise Forbidden for a type on the way of chains, `_has` and hierarchies that is not in scope."""
    match node:
        case And(nodes):
            for each in nodes:
                demand_hops(call, each)
        case Or(nodes):
            _demand_one_of(call, nodes)
        case Not(inner):
            demand_hops(call, inner)
        case Chain() | Has():
            demand(call, "search", node.type)
            demand_hops(call, node.node)
        case Hierarchy():
            demand(call, "search", node.type)


def _demand_one_of(call: Call, nodes: Iterable[Node]) -> None:
    """Alternatives that are chains are one chain to several types: those that are not in scope are passed over."""
    chains: dict[str, list[Chain]] = {}
    for each in nodes:
        if isinstance(each, Chain):
            chains.setdefault(each.name, []).append(each)
        else:
            demand_hops(call, each)
    for alternatives in chains.values():
        usable = [each for each in alternatives if call.principal.rights.may("search", each.type)]
        if not usable:
            demand(call, "search", alternatives[0].type)
        for each in usable:
            demand_hops(call, each.node)


def _demand_include(call: Call, include: Include) -> None:
    demand(call, "search", include.source)
    if include.target:
        demand(call, "search", include.target)
