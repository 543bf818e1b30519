"""Which values and modifiers are answered, by search type: the table of readers and what the server says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter, Registry, data_types
from fhir_server.search.parse_composite import PART_READERS, read_composite
from fhir_server.search.parse_missing import read_missing
from fhir_server.search.parse_near import read_near
from fhir_server.search.parse_reference import hierarchies, holds_references, read_id
from fhir_server.search.parse_value import Read
from fhir_server.search.query import Node
from fhir_server.search.refuse import no_modifier, refuse
from profiles import definitions

READERS: Mapping[str, Read] = {**PART_READERS, "composite": read_composite, "special": read_near}

MODIFIERS: Mapping[str, tuple[str, ...]] = {
    "token": ("missing", "not", "text", "in", "not-in", "above", "below", "of-type"),
    "string": ("missing", "exact", "contains"),
    "uri": ("missing", "above", "below"),
    "reference": ("missing", "identifier", "above", "below", "[type]"),
    "date": ("missing",),
    "number": ("missing",),
    "quantity": ("missing",),
    "composite": ("missing",),
    "special": ("missing",),
}
"""The modifiers answered per search type; `[type]` stands for the name of a resource type."""

BY_STORE = frozenset(("_id", "_lastUpdated"))
"""Answered by the version itself, without index entries."""
EXPRESSIONS = frozenset(("_text", "_content", "_filter"))
"""Parameters whose value is an expression of its own."""

_KNOWN_MODIFIERS = frozenset(
    ("missing", "exact", "contains", "text", "not", "above", "below", "in", "not-in", "of-type", "identifier", "type")
)
_SILENT = frozenset(("phonetic",))
_CODED = frozenset(("Coding", "CodeableConcept", "code"))
# What a modifier of a token looks at: data types that have it.
_NEEDS: Mapping[str, frozenset[str]] = {
    "text": frozenset(("Coding", "CodeableConcept", "Identifier")),
    "of-type": frozenset(("Identifier",)),
    **dict.fromkeys(("in", "not-in", "above", "below"), _CODED),
}


def is_answered(parameter: Parameter) -> bool:
    """Return whether searches by `parameter` are answered (with its `modifiers`)."""
    if parameter.code in BY_STORE or parameter.code in EXPRESSIONS:
        return True
    if parameter.type == "composite":
        return bool(parameter.components) and all(each.code for each in parameter.components)
    if parameter.type == "special" and parameter.code != "near":
        return False
    return parameter.type in READERS and bool(parameter.answers) and parameter.code not in _SILENT


def modifiers(parameter: Parameter, registry: Registry) -> tuple[str, ...]:
    """Return the modifiers that `parameter` is answered with; what they need of its data types is there."""
    if parameter.code in EXPRESSIONS:
        return ()
    if parameter.code == "_id":
        return ("missing", "not")
    kinds = data_types(parameter)
    known = MODIFIERS[parameter.type]
    if parameter.type == "token" and kinds is not None:
        return tuple(each for each in known if each not in _NEEDS or _NEEDS[each] & kinds)
    if parameter.type == "reference" and not holds_references(parameter):
        return tuple(each for each in known if each not in ("identifier", "above"))
    if parameter.type == "reference" and not hierarchies(parameter, registry):
        return tuple(each for each in known if each not in ("above", "below"))
    return known


def why_unanswered(parameter: Parameter) -> str:
    """Say what of `parameter` is not answered."""
    if parameter.code in _SILENT:
        return "matches by sound"
    return f"parameters of type {parameter.type}" if parameter.alternatives else "parameters without an expression"


def read_value(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Return the node of one value; `:not` and `:not-in` are left to the caller, who negates all values together."""
    if modifier == "missing":
        return read_missing(parameter, text, context)
    return (read_id if parameter.code == "_id" else READERS[parameter.type])(parameter, modifier, text, context)


def check_modifier(parameter: Parameter, modifier: str, registry: Registry) -> None:
    """Raise BadRequest for a modifier that `parameter` is not answered with, or a type it never points to."""
    if not modifier:
        return
    if parameter.type == "reference" and definitions.is_resource_type(modifier):
        if parameter.targets and modifier not in parameter.targets:
            raise refuse(parameter.code, f"it never points to a {modifier}.")
        return
    known = modifiers(parameter, registry)
    if modifier in known and modifier != "[type]":
        return
    ours = " and ".join(f":{each}" for each in known) or "none"
    state = "not answered by this release" if modifier in _KNOWN_MODIFIERS else "unknown"
    raise no_modifier(
        parameter.code,
        f"the modifier :{modifier[:40]} is {state} here; this parameter of type {parameter.type} has: {ours}.",
    )
