"""Whether a resource has the JSON kinds that its type says, so that code which reads it finds what it expects.

Less than validity: unknown properties, wrong codes and dates do not matter. Definitions from packages that nobody has
validated are asked this before anything is made of them.
"""

from __future__ import annotations

from typing import Any

from profiles.datatypes.primitives import has_kind
from profiles.definitions import is_resource_type
from profiles.validation.tables import RESOURCE, Property, Shape, shape

MAX_NESTING = 200


def well_formed(resource: Any) -> bool:
    """Return whether a resource, and all inside it but other resources, has the kinds of JSON that R4 gives it.

    What is required must be there, and no array holds a null.
    """
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    return isinstance(name, str) and is_resource_type(name) and _object(resource, shape(name), 0)


def _object(value: Any, of: Shape, depth: int) -> bool:
    if not isinstance(value, dict) or depth > MAX_NESTING:
        return False
    for names in of.required:
        if not any(name in value for name in names):
            return False
    for name, content in value.items():
        found = of.properties.get(name)
        if found is not None and not _property(content, found, depth):
            return False
    return True


def _property(content: Any, of: Property, depth: int) -> bool:
    if not of.repeats:
        return _value(content, of, depth)
    if not isinstance(content, list):
        return False
    return all(_value(each, of, depth) for each in content)


def _value(content: Any, of: Property, depth: int) -> bool:
    if of.type == RESOURCE:
        return isinstance(content, dict)
    if not of.shape:
        return has_kind(of.type, content)
    return _object(content, shape(of.shape), depth + 1)
