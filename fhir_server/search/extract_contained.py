"""Index entries of contained resources, for the chains that lead into them (see `parse_contained`).

A contained resource is indexed with the resource that holds it, under the reference parameter that points to it, its
type and the name of its own parameter: `subject.Patient.name`. The entry `subject.Patient` says that there is one. What
a Bundle holds where a parameter looks, its Composition or MessageHeader, is indexed with it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.search.converters import Collector
from fhir_server.search.values import stated

_APART_FROM_OTHERS = 1 << 20


def add_contained(to: Collector, contained: Sequence[Mapping[str, Any]], inner: Sequence[Collector]) -> None:
    """Add the entries of those `contained` resources that references of `to` point to; `inner` has those of each.

    All references to them, those from one to another too, get an entry that says they are there.
    """
    held = {each.get("id"): (each["resourceType"], found) for each, found in zip(contained, inner, strict=True)}
    types = {id: type for id, (type, _) in held.items()}
    for each in inner:
        _state(each, types)
    for number, (name, id) in enumerate(_state(to, types)):
        type, found = held[id]
        to.tokens.append((f"{name}.{type}", "", id, 0))
        _copy(to, found, f"{name}.{type}", number * _APART_FROM_OTHERS)


def add_nested(to: Collector, inner: Sequence[Collector]) -> None:
    """Add the entries of the resources that are values of `to` themselves; `inner` has those of each."""
    for number, ((name, resource), found) in enumerate(zip(to.nested, inner, strict=True), len(to.pointers)):
        type = resource["resourceType"]
        to.tokens.append((f"{name}.{type}", "", resource.get("id", "nested"), 0))
        _copy(to, found, f"{name}.{type}", number * _APART_FROM_OTHERS)


def _state(to: Collector, types: Mapping[str | None, str]) -> list[tuple[str, str]]:
    """Say of each reference to a contained resource that it is there; return the names and ids that lead to one."""
    found: dict[tuple[str, str], None] = {}
    for name, id, target, group in to.pointers:
        type = types.get(id, "")
        if target in ("", type):
            to.tokens.append(stated(name, type, group))
            if type:
                found[name, id] = None
    return list(found)


def _copy(to: Collector, found: Collector, holder: str, beyond: int) -> None:
    """Copy entries under names that begin with `holder`; groups go `beyond` those of other contained resources."""

    def group(own: int) -> int:
        return own if own < 0 else own + beyond

    to.tokens += [(f"{holder}.{name}", system, code, group(g)) for name, system, code, g in found.tokens]
    to.strings += [(f"{holder}.{name}", norm, exact, group(g)) for name, norm, exact, g in found.strings]
    to.references += [(f"{holder}.{name}", kind, id, v, group(g)) for name, kind, id, v, g in found.references]
    to.uris += [(f"{holder}.{name}", uri, version, group(g)) for name, uri, version, g in found.uris]
    to.dates += [(f"{holder}.{name}", low, high, group(g)) for name, low, high, g in found.dates]
    to.numbers += [(f"{holder}.{name}", low, high, group(g)) for name, low, high, g in found.numbers]
    to.quantities += [
        (f"{holder}.{name}", system, code, low, high, group(g)) for name, system, code, low, high, g in found.quantities
    ]
    to.positions += [(f"{holder}.{name}", lat, lon, group(g)) for name, lat, lon, g in found.positions]
