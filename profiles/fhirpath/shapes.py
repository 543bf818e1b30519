"""What the elements of a type are called in JSON and what is inside: the definitions, arranged for walking data.

A shape is made when first asked for and never changes: it is R4 itself, shared by everyone.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from profiles import definitions
from profiles.definitions import Element

ABSTRACT_RESOURCES = ("Resource", "DomainResource")


class Child(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One JSON property of a shape.

    `json` and `sibling` are `birthDate` and `_birthDate`; `name` is the element's FHIRPath name. `resource` says that
    any resource may be inside, so that the shape is known only from the data.
    """

    name: str
    json: str
    sibling: str
    shape: Shape
    primitive: bool
    resource: bool


class Shape:
    """The shape of a type, or of an element with children of its own (`structure` and `path` as in `definitions.at`).

    `type` is the FHIR type name (`BackboneElement`, `Quantity`), `ancestors` it and all it derives from. `children`
    maps FHIRPath names to one Child, or for a choice to {JSON name: Child}; `by_json` maps JSON names to children.
    """

    __slots__ = ("ancestors", "by_json", "children", "path", "primitive", "resource", "structure", "type")

    type: str
    structure: str
    path: str
    primitive: bool
    resource: bool
    ancestors: frozenset[str]
    children: dict[str, Child | dict[str, Child]]
    by_json: dict[str, Child]

    def __init__(self, type_name: str, structure: str, path: str) -> None:
        self.type = type_name
        self.structure = structure
        self.path = path
        self.ancestors = frozenset(definitions.ancestors(type_name))
        kind = definitions.structure(type_name).kind
        self.primitive = kind == "primitive-type"
        self.resource = kind == "resource"

    def __getattr__(self, name: str) -> dict[str, Child | dict[str, Child]] | dict[str, Child]:
        # Types contain each other in circles, so the children are found when they are first walked into.
        if name not in ("children", "by_json"):
            raise AttributeError(name)
        self.children = {}
        self.by_json = {}
        for element in definitions.at(self.structure, self.path).children:
            if self.primitive and element.name == "value":
                continue
            found = {child.json: child for child in _children(self, element)}
            self.by_json.update(found)
            self.children[element.name] = found if element.choice else next(iter(found.values()))
        return self.children if name == "children" else self.by_json

    def __repr__(self) -> str:
        return f"Shape({self.structure}.{self.path})" if self.path else f"Shape({self.type})"


def _children(parent: Shape, element: Element) -> list[Child]:
    if element.content:
        target = shape(parent.structure, element.content)
        return [Child(element.name, element.name, "_" + element.name, target, False, False)]
    found = []
    for json_name, kind in element.json_names().items():
        code = kind.code.removeprefix("System.").replace("String", "string") if kind else "Element"
        if element.name == "id" and parent.resource:
            code = "id"
        target = shape(parent.structure, element.path) if element.children else shape(code)
        found.append(
            Child(element.name, json_name, "_" + json_name, target, target.primitive, code in ABSTRACT_RESOURCES)
        )
    return found


@cache
def shape(structure: str, path: str = "") -> Shape:
    """Return the shape of a type, or of the element at `path` inside it. Raises KeyError when R4 has none."""
    element = definitions.at(structure, path)
    if not path:
        return Shape(structure, structure, "")
    return Shape(element.types[0].code, structure, path)


@cache
def shape_of(structure: str, path: str, type_name: str) -> Shape:
    """Return the shape of the element at `path`: its own if it has children of its own, else that of its type.

    `type_name` says which, where the element is a choice. Raises KeyError when R4 has none.
    """
    if not path:
        return shape(structure)
    element = definitions.at(structure, path)
    if element.content:
        return shape(structure, element.content)
    return shape(structure, path) if element.children else shape(type_name)


@cache
def _resource_shape(name: str) -> Shape:
    # What is refused by an exception is not cached: names that are no types cannot fill the memory.
    if not definitions.is_resource_type(name):
        raise KeyError(name)
    return shape(name)


def resource_shape(resource: Any) -> Shape | None:
    """Return the shape of a resource by its `resourceType`, None when that names no resource type of R4."""
    try:
        return _resource_shape(resource["resourceType"])
    except (KeyError, TypeError):
        return None
