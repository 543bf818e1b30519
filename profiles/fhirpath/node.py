"""The items of a FHIRPath collection that come from a resource: a JSON value with its FHIR type and its place.

Other items are values of FHIRPath's own types: bool, int, Decimal, str, Temporal, Quantity.
"""

from __future__ import annotations

from typing import Any

import msgspec

from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.shapes import Shape, resource_shape, shape_of

Json = dict[str, Any]


class Scope(msgspec.Struct, frozen=True, gc=False, eq=False):
    """The resource some nodes are in: `%resource`, and by `parent` what that resource is itself inside of.

    `contained` says that it is in the `contained` of its parent, not in a Bundle entry or a parameter.
    """

    resource: Json
    shape: Shape
    parent: Scope | None = None
    contained: bool = False

    @property
    def container(self) -> Scope:
        """The scope of `%rootResource`: the container of a contained resource, else the resource itself."""
        return self.parent if self.contained and self.parent is not None else self

    @property
    def outermost(self) -> Scope:
        """The scope of the whole document: the Bundle of an entry, say."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def node(self) -> Node:
        """Return the resource as a node."""
        return Node(self.resource, self.shape, None, self)

    @staticmethod
    def of(resource: Json) -> Scope:
        """Return the scope of a resource that stands alone. Raises FhirPathTypeError for an unknown resourceType."""
        found = resource_shape(resource)
        if found is None:
            raise FhirPathTypeError("FHIRPath works on resources; resourceType does not name a resource type of R4")
        return Scope(resource, found)


class Node(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One element: plain JSON `value` (None for a primitive that has only extensions) and its `shape`.

    `sibling` is the `_field` object of a primitive. `scope` is the resource around it.
    """

    value: Any
    shape: Shape
    sibling: Json | None
    scope: Scope

    @property
    def type(self) -> str:
        """The FHIR type: `Patient`, `Quantity`, `code`, `BackboneElement`."""
        return self.shape.type

    @property
    def place(self) -> tuple[str, str]:
        """(structure, path) of the definition of what is inside; the path is "" unless the element has its own."""
        return self.shape.structure, self.shape.path

    @staticmethod
    def of(
        value: Any, type_name: str, *, root: Json | Scope, path: str | None = None, sibling: Json | None = None
    ) -> Node:
        """Return a node for one element of `root`, the resource it is directly in.

        `path` is needed only for elements with children of their own: `Observation.component`, which then says more
        than `type_name`. Give a `Scope.of(resource)` as `root` when making several nodes of one resource. Raises
        KeyError for an unknown type or path.
        """
        scope = root if isinstance(root, Scope) else Scope.of(root)
        structure, _, rest = path.partition(".") if path else (type_name, "", "")
        return Node(value, shape_of(structure, rest, type_name), sibling, scope)
