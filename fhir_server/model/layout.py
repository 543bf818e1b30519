"""What a JSON object of a FHIR type may hold, property by property, in the standard's order.

A *layout* is found by a key: the name of a type (`Patient`, `HumanName`), or type and path of an element that has
children of its own (`Patient#contact`). Readers of resources walk the data and look its properties up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from profiles.definitions import Element, at, is_resource_type, primitive_types, structure

RESOURCE = "Resource"

Kind = Literal["primitive", "xhtml", "complex", "resource"]


@dataclass(frozen=True, slots=True)
class Property:
    """One JSON property.

    `code` is its FHIR type, `inside` the key of the layout of its value, "" for primitives (whose `_name` sibling has
    the layout `Element`). `order` grows along the standard's order of elements; alternatives of a choice share it.
    """

    name: str
    kind: Kind
    code: str
    inside: str
    order: int
    element: Element

    @property
    def repeats(self) -> bool:
        """Whether the property is a JSON array."""
        return self.element.repeats


@cache
def layout(key: str) -> Mapping[str, Property]:
    """Return the properties a JSON object may have, by name, `_name` siblings left out. Raises KeyError."""
    owner, _, path = key.partition("#")
    root = at(owner, path) if path else structure(owner).root
    return {each.name: each for order, child in enumerate(root.children) for each in _properties(owner, child, order)}


def layout_of(key: str, node: Mapping[str, Any]) -> Mapping[str, Property]:
    """Return the layout of `node`; where any resource may stand (`key` is RESOURCE) its own type decides."""
    return layout(key_of(key, node))


def key_of(key: str, node: Mapping[str, Any]) -> str:
    """Return `key`, or for RESOURCE the type of the resource `node`; DomainResource when that is unknown."""
    if key != RESOURCE:
        return key
    type = node.get("resourceType")
    return type if isinstance(type, str) and is_resource_type(type) else "DomainResource"


def _properties(owner: str, element: Element, order: int) -> list[Property]:
    if element.content:
        return [Property(element.name, "complex", "", f"{owner}#{element.content}", order, element)]
    found = []
    for name, type in element.json_names().items():
        code = type.code if type else ""
        if code in primitive_types():
            found.append(Property(name, "xhtml" if code == "xhtml" else "primitive", code, "", order, element))
        elif code == RESOURCE:
            found.append(Property(name, "resource", code, RESOURCE, order, element))
        else:
            inside = f"{owner}#{element.path}" if element.children else code
            found.append(Property(name, "complex", code, inside, order, element))
    return found
