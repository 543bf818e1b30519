"""Finding the place of a FHIRPath node again, so that it can be edited.

A node knows its value, not where it stands. So a *marked* copy of the resource is made, in which every primitive has
a `_name` sibling of its own: each element is then known by the identity of an object, its value or its sibling. An
empty sibling means nothing to FHIRPath. `unmarked` takes the empty ones away again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fhir_server.model.fhir_json import MAX_DEPTH
from fhir_server.model.given import Failed
from fhir_server.model.layout import RESOURCE, Property, key_of, layout

Json = dict[str, Any]


class Place(NamedTuple):
    """Where an element stands: under `property` of the object `holder`."""

    holder: Json
    property: Property

    def items(self) -> list[tuple[Any, Any]]:
        """Return what stands there now: (value, sibling) pairs, the sibling None for what is no primitive."""
        name, under = self.property.name, f"_{self.property.name}"
        if self.property.inside:
            return [(each, None) for each in _list(self.holder.get(name))]
        siblings = _list(self.holder.get(under))
        values = _list(self.holder.get(name)) or [None] * len(siblings)
        return list(zip(values, siblings, strict=True))

    def put(self, items: list[tuple[Any, Any]]) -> None:
        """Let `items` stand there; a property that does not repeat takes at most one."""
        name, under = self.property.name, f"_{self.property.name}"
        if not items:
            self.holder.pop(name, None)
            self.holder.pop(under, None)
            return
        values, siblings = [value for value, _ in items], [sibling for _, sibling in items]
        self.holder[name] = values if self.property.repeats else values[0]
        if not self.property.inside:
            self.holder[under] = siblings if self.property.repeats else siblings[0]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


class Marked:
    """A marked copy of a resource, kept marked while it is edited."""

    def __init__(self, resource: Mapping[str, Any]) -> None:
        self._places: dict[int, Place] = {}
        self._keys: dict[int, str] = {}
        self._depths: dict[int, int] = {}
        self._alive: list[Any] = []
        self.resource: Json = self._mark(resource, RESOURCE, 1)

    def _mark(self, node: Mapping[str, Any], key: str, depth: int) -> Json:
        """Return a marked copy of the object `node` whose layout is `key`, at that level of the JSON."""
        if node and depth > MAX_DEPTH:
            raise Failed(f"the resource would nest deeper than {MAX_DEPTH} levels.")
        key = key_of(key, node)
        known = layout(key)
        copy: Json = {}
        self._alive.append(copy)
        self._keys[id(copy)] = key
        self._depths[id(copy)] = depth
        for name, value in node.items():
            base = name.removeprefix("_")
            property = known.get(base)
            if property is None:
                copy[name] = value
            elif property.inside:
                Place(copy, property).put([(self.object(copy, property, each), None) for each in _list(value)])
            elif base not in copy and f"_{base}" not in copy:
                values, siblings = _list(node.get(base)), _list(node.get(f"_{base}"))
                size = max(len(values), len(siblings))
                pairs = zip(_padded(values, size), _padded(siblings, size), strict=True)
                Place(copy, property).put([(one, self.sibling(copy, property, other)) for one, other in pairs])
        return copy

    def object(self, holder: Json, property: Property, value: Mapping[str, Any]) -> Json:
        """Return a marked copy of `value`, known as standing under `property` of `holder`. Raises Failed."""
        copy = self._mark(value, property.inside, self._depth_under(holder, property))
        self._places[id(copy)] = Place(holder, property)
        return copy

    def sibling(self, holder: Json, property: Property, sibling: Mapping[str, Any] | None) -> Json:
        """Return a marked copy of a primitive's sibling, an empty one for None."""
        copy = self._mark(sibling or {}, "Element", self._depth_under(holder, property))
        self._places[id(copy)] = Place(holder, property)
        return copy

    def _depth_under(self, holder: Json, property: Property) -> int:
        return self._depths[id(holder)] + (2 if property.repeats else 1)

    def place(self, handle: Any) -> Place | None:
        """Return where the element known by `handle` stands; None for the resource itself."""
        return self._places.get(id(handle))

    def knows(self, handle: Any) -> bool:
        """Return whether `handle` is an object of this copy."""
        return id(handle) in self._keys

    def key(self, handle: Any) -> str:
        """Return the key of the layout of an object of this copy. Raises KeyError for any other object."""
        return self._keys[id(handle)]

    def unmarked(self) -> Json:
        """Return the resource without marks."""
        return _unmarked(self.resource)


def _padded(values: list[Any], size: int) -> list[Any]:
    return values + [None] * (size - len(values))


def _unmarked(node: Json) -> Json:
    """Return a copy without empty siblings, and without objects and arrays that nothing is left in."""
    plain: Json = {}
    for name, value in node.items():
        new = _plain(value, keep_places=name.startswith("_") or f"_{name}" in node)
        if new is not None:
            plain[name] = new
    return plain


def _plain(value: Any, keep_places: bool) -> Any:
    """Return a value without marks, None when nothing is left; arrays of primitives and siblings stay in step."""
    if isinstance(value, dict):
        return _unmarked(value) or None
    if not isinstance(value, list):
        return value
    items = [_plain(each, False) for each in value]
    if not keep_places:
        items = [each for each in items if each is not None]
    return items if any(each is not None for each in items) else None
