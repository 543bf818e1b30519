"""Values that a FHIRPath Patch gives, made into the content of an element.

A value comes typed (`valueHumanName`), as a resource, or, where Parameters cannot hold the type (`Patient.contact`),
in parts named after its elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.model.layout import RESOURCE, Property, layout
from fhir_server.model.patch_parameters import Given
from profiles.definitions import is_a, primitive_types

_NUMBERS = frozenset(("integer", "positiveInt", "unsignedInt"))
_NOT_TEXT = _NUMBERS | {"decimal", "boolean"}


class Failed(Exception):
    """An operation cannot be performed; the text says why."""


def fitting(properties: Sequence[Property], given: Given) -> Property:
    """Return the one of `properties`, alternatives of one element, that takes `given`. Raises Failed."""
    if given.parts:
        structured = [each for each in properties if each.kind == "complex"]
        if len(structured) == 1:
            return structured[0]
        raise Failed(
            f"{properties[0].element.name} cannot be given in parts."
            if not structured
            else f"{properties[0].element.name} has several types: give its value as value[x], or name the type as in "
            f"{structured[0].name}."
        )
    exact = [each for each in properties if each.code == given.code]
    if exact:
        return exact[0]
    if len(properties) == 1 and _accepts(properties[0].code, given.code):
        return properties[0]
    types = ", ".join(each.code or each.element.name for each in properties[:5])
    raise Failed(f"{properties[0].element.name} is of type {types} and the value is of type {given.code}.")


def _accepts(code: str, given: str) -> bool:
    """Return whether a value of the type `given` can stand for one of the type `code`; the validator sees the rest."""
    primitives = primitive_types()
    if given in _NUMBERS:
        return code in _NUMBERS or code == "decimal"
    if given in primitives:
        return code in primitives and given not in _NOT_TEXT and code not in _NOT_TEXT
    return code not in primitives and (is_a(given, code) or is_a(code, given))


def content(property: Property, given: Given) -> tuple[Any, Any]:
    """Return (value, sibling) that `given` is as a `property`. Raises Failed when its parts do not fit."""
    if not given.parts:
        return given.value, given.sibling
    if property.inside == RESOURCE:
        raise Failed(f"{property.name} takes a resource, not parts.")
    built: dict[str, Any] = {}
    known = layout(property.inside)
    for part in given.parts:
        named = [each for each in known.values() if part.name in (each.element.name, each.name)]
        if not named:
            raise Failed(f"{property.name} has no element {part.name[:64]}.")
        _put(built, fitting(named, part), part)
    return built, None


def _put(built: dict[str, Any], property: Property, part: Given) -> None:
    name, under = property.name, f"_{property.name}"
    value, sibling = content(property, part)
    if not property.repeats:
        if name in built or under in built:
            raise Failed(f"{name} is given twice and does not repeat.")
        built.update({key: each for key, each in ((name, value), (under, sibling)) if each is not None})
        return
    count = max(len(built.get(name, ())), len(built.get(under, ())))
    for key, each in ((name, value), (under, sibling)):
        if key in built:
            built[key].append(each)
        elif each is not None:
            built[key] = [None] * count + [each]
