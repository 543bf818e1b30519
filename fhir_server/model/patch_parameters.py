"""The operations of a FHIRPath Patch as a Parameters resource gives them, strictly read.

http://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.model.layout import layout

_PARAMETER = "Parameters#parameter"
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "add": ("path", "name", "value"),
    "insert": ("path", "value", "index"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
_NUMBERS = ("index", "source", "destination")


@dataclass(frozen=True, slots=True)
class Given:
    """A value to write: of the type `code` with its sibling, a resource (`code` Resource), or made of `parts`."""

    name: str
    code: str = ""
    value: Any = None
    sibling: Any = None
    parts: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; what its type does not use is "", 0 or None."""

    type: str
    path: str
    name: str = ""
    value: Given | None = None
    index: int = 0
    source: int = 0
    destination: int = 0


def read_operations(parameters: Mapping[str, Any]) -> list[Operation]:
    """Return the operations. Raises BadRequest, naming the number of the first one that is not as it must be."""
    listed = parameters.get("parameter")
    if parameters.get("resourceType") != "Parameters" or not isinstance(listed, list) or not listed:
        raise BadRequest("A FHIRPath Patch is a Parameters resource with at least one parameter named operation.")
    return [_operation(number, each) for number, each in enumerate(listed)]


def _operation(number: int, parameter: Any) -> Operation:
    def wrong(what: str) -> BadRequest:
        return BadRequest(f"Operation {number} of the patch {what}.", expression=f"Parameters.parameter[{number}]")

    parts = parameter.get("part") if isinstance(parameter, dict) else None
    if (
        not isinstance(parts, list)
        or parameter.get("name") != "operation"
        or not all(isinstance(p, dict) for p in parts)
    ):
        raise wrong("must be a parameter named operation whose parts are type, path and what the type needs")
    named: dict[str, Any] = {}
    for part in parts:
        name = part.get("name")
        if not isinstance(name, str) or name in named:
            raise wrong("has a part without a name, or a part twice")
        named[name] = part
    type = _plain(named.pop("type", None), str)
    if type not in _ALLOWED:
        raise wrong("needs a part type with valueCode add, insert, delete, replace or move")
    needed = _ALLOWED[type]
    if set(named) != set(needed):
        raise wrong(f"({type}) must have the parts {', '.join(needed)} beside type, and no others")
    return Operation(type, **{name: _part(name, part, wrong) for name, part in named.items()})


def _part(name: str, part: Mapping[str, Any], wrong: Any) -> Any:
    if name == "value":
        given = _given(part)
        if given is None:
            raise wrong("has a value that is neither one value[x], nor a resource, nor parts that are so")
        return given
    kind = int if name in _NUMBERS else str
    value = _plain(part, kind)
    if value is None or value == "" or (kind is int and value < 0):
        raise wrong(f"needs {'a whole number from 0' if kind is int else 'a text'} as the value of its part {name}")
    return value


def _plain(part: Mapping[str, Any] | None, kind: type) -> Any:
    """Return the value of a part that must be of one Python type, else None."""
    given = _given(part) if part is not None else None
    return given.value if given and isinstance(given.value, kind) and not isinstance(given.value, bool) else None


def _given(part: Any) -> Given | None:
    """Return what a part gives, None unless it is exactly one thing."""
    if not isinstance(part, dict) or not isinstance(part.get("name"), str):
        return None
    name, inside = part["name"], part.get("part")
    kinds = {key.removeprefix("_") for key in part} - {"name", "id", "extension", "modifierExtension"}
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    if kind == "part" and isinstance(inside, list) and inside:
        read = [_given(each) for each in inside]
        return None if None in read else Given(name, parts=tuple(each for each in read if each))
    property = layout(_PARAMETER).get(kind)
    if property is None or property.element.name not in ("value", "resource"):
        return None
    value, sibling = part.get(kind), part.get(f"_{kind}")
    wanted = (dict,) if property.inside else (str, int, bool, Decimal, NoneType)
    if not isinstance(value, wanted) or not isinstance(sibling, dict | NoneType) or (value is None and not sibling):
        return None
    return Given(name, property.code, value, sibling)
