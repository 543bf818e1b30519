"""Where a check is in a resource: the value there, what it is, and how one got to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiles.fhirpath.node import Node, Scope
from profiles.fhirpath.shapes import Child, Shape, resource_shape

Json = dict[str, Any]


class At:
    """One value in a resource.

    `value` is its JSON (None for a primitive with extensions alone), `sibling` what stands beside a primitive, `shape`
    its type, `scope` the resource it is in; `before`, `label` and `index` (-1 for none) are the way to it. The root of
    a walk has its whole path as label.
    """

    __slots__ = ("_node", "before", "index", "label", "scope", "shape", "sibling", "value")

    def __init__(
        self,
        value: Any,
        sibling: Json | None,
        shape: Shape,
        scope: Scope,
        before: At | None,
        label: str,
        index: int = -1,
    ) -> None:
        self.value = value
        self.sibling = sibling
        self.shape = shape
        self.scope = scope
        self.before = before
        self.label = label
        self.index = index
        self._node: Node | None = None

    @property
    def node(self) -> Node:
        """The value for FHIRPath."""
        if self._node is None:
            self._node = Node(self.value, self.shape, self.sibling, self.scope)
        return self._node

    @property
    def path(self) -> str:
        """The FHIRPath of the value from the outermost resource."""
        parts: list[str] = []
        at: At | None = self
        while at is not None:
            parts.append(at.label if at.index < 0 else f"{at.label}[{at.index}]")
            at = at.before
        return ".".join(reversed(parts))

    def values(self, child: Child) -> list[At]:
        """Return what stands in a property, [] for nothing."""
        holder = self.value
        if holder.__class__ is not dict:
            return self._beside(child)
        value = holder.get(child.json)
        sibling = holder.get(child.sibling) if child.primitive else None
        if value.__class__ is list or sibling.__class__ is list:
            return self._many(child, value, sibling)
        if value is None and sibling is None:
            return []
        return [self._one(child, value, sibling, -1)]

    def chosen(self, choice: Mapping[str, Child]) -> list[At]:
        """Return the values of a choice, of which `choice` has the child of each JSON name: most of many are absent."""
        holder = self.value
        if holder.__class__ is not dict:
            return []
        there = [choice.get(name) or choice.get(name[1:] if name[:1] == "_" else name) for name in holder]
        return [at for child in dict.fromkeys(there) if child is not None for at in self.values(child)]

    def _beside(self, child: Child) -> list[At]:
        """Return the id or the extensions of a primitive, which stand beside it."""
        if self.sibling.__class__ is not dict or child.name not in ("id", "extension"):
            return []
        value = self.sibling.get(child.json) if self.sibling else None
        if value.__class__ is list:
            return self._many(child, value, None)
        return [] if value is None else [self._one(child, value, None, -1)]

    def _many(self, child: Child, value: Any, sibling: Any) -> list[At]:
        values = value if value.__class__ is list else []
        siblings = sibling if sibling.__class__ is list else []
        if not siblings:
            return [self._one(child, each, None, index) for index, each in enumerate(values) if each is not None]
        count = max(len(values), len(siblings))
        pairs = [
            (values[at] if at < len(values) else None, siblings[at] if at < len(siblings) else None)
            for at in range(count)
        ]
        return [self._one(child, *pair, index) for index, pair in enumerate(pairs) if pair != (None, None)]

    def _one(self, child: Child, value: Any, sibling: Json | None, index: int) -> At:
        if child.resource:
            shape = resource_shape(value)
            if shape is not None:
                scope = Scope(value, shape, self.scope, child.name == "contained")
                return At(value, None, shape, scope, self, child.name, index)
        return At(value, sibling, child.shape, self.scope, self, child.name, index)


def at_root(scope: Scope, path: str) -> At:
    """Return where a walk through the resource of `scope` begins; `path` is its FHIRPath."""
    return At(scope.resource, None, scope.shape, scope, None, path)
