"""R4's own definitions as StructureDefinitions with snapshots, made from the compiled tables.

They say what computes and have no prose. Types are FHIR types throughout (`string` for `Patient.id`, where HL7's files
write a FHIRPath system type). See http://hl7.org/fhir/R4/structuredefinition.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from profiles import definitions
from profiles.snapshot.snapshot import snapshot

VERSION = "4.0.1"
PREFIX = "http://hl7.org/fhir/StructureDefinition/"
BY_URL = {"discriminator": [{"type": "value", "path": "url"}], "rules": "open"}
Json = dict[str, Any]


def core_resolve(canonical: str) -> Mapping[str, Any] | None:
    """Return R4's definition for `canonical` (`url` or `url|4.0.1`), None when R4 4.0.1 has none.

    Types have snapshots; profiles and extensions have differentials, for the one who resolves to build on.
    """
    url, _, version = canonical.partition("|")
    if not url.startswith(PREFIX) or version not in ("", VERSION, "4.0"):
        return None
    name = url.removeprefix(PREFIX)
    if name in definitions.type_names():
        return core_structure(name)
    return core_differential(url) if url in definitions.core_profiles() else None


@cache
def core_structure(name: str) -> Mapping[str, Any]:
    """Return the StructureDefinition `name`: a type (`Patient`, `string`) or a profile or extension of R4 (`bp`).

    It has a `snapshot`; profiles have a `differential` too. Shared, never to be changed. Raises KeyError.
    """
    if name in definitions.type_names():
        return _type(name)
    definition = core_differential(PREFIX + name)
    return snapshot(definition, core_resolve)


def core_differential(url: str) -> Mapping[str, Any]:
    """Return R4's profile or extension `url` as it is before a snapshot is generated. Raises KeyError."""
    content = dict(definitions.core_profiles()[url])
    elements = content.pop("elements")
    return {**_head(content.pop("url")), **content, "derivation": "constraint", "differential": {"element": elements}}


def _head(url: str) -> Json:
    return {"resourceType": "StructureDefinition", "url": url, "version": VERSION, "fhirVersion": VERSION}


def _type(name: str) -> Json:
    structure = definitions.structure(name)
    base = {"baseDefinition": PREFIX + structure.base, "derivation": "specialization"} if structure.base else {}
    facts = {"id": name, "name": name, "kind": structure.kind, "abstract": structure.abstract, "type": name}
    elements = [_element(name, each) for each in _walk(structure.root)]
    return {**_head(PREFIX + name), **facts, **base, "snapshot": {"element": elements}}


def _walk(element: definitions.Element) -> Iterator[definitions.Element]:
    yield element
    for child in element.children:
        yield from _walk(child)


def _element(name: str, element: definitions.Element) -> Json:
    path = f"{name}.{element.path}" if element.path else name
    limit = "*" if element.max == definitions.UNBOUNDED else str(element.max)
    made: Json = {"id": path, "path": path}
    if element.attribute:
        made["representation"] = ["xmlAttr"]
    if element.name == "extension" and (definitions.structure(name).kind == "complex-type" or name == "DomainResource"):
        made["slicing"] = BY_URL
    made |= {"min": element.min, "max": limit, "base": _base(name, element)}
    if element.content:
        made["contentReference"] = f"#{name}.{element.content}"
    if element.types:
        made["type"] = [_element_type(each) for each in element.types]
    if element.max_length is not None:
        made["maxLength"] = element.max_length
    if element.conditions:
        made["condition"] = list(element.conditions)
    if element.constraints:
        made["constraint"] = [_constraint(name, element, each) for each in element.constraints]
    made |= {"isModifier": element.modifier, "isSummary": element.summary}
    if element.strength:
        made["binding"] = {"strength": element.strength}
        if element.value_set:
            made["binding"]["valueSet"] = element.value_set
    return made


def _base(name: str, element: definitions.Element) -> Json:
    """Return where the element was first defined, and with which cardinality."""
    owner, found = name, element
    if element.path:
        last = element.path.rpartition(".")[2]
        nested = "." in element.path
        start = "BackboneElement" if nested and _has("BackboneElement", last) else name
        for ancestor in definitions.ancestors(start):
            path = last if nested and start != name else element.path
            if _has(ancestor, path):
                owner, found = ancestor, definitions.at(ancestor, path)
    limit = "*" if found.max == definitions.UNBOUNDED else str(found.max)
    return {"path": f"{owner}.{found.path}" if found.path else owner, "min": found.min, "max": limit}


@cache
def _paths(name: str) -> frozenset[str]:
    return frozenset(each.path for each in _walk(definitions.structure(name).root))


def _has(name: str, path: str) -> bool:
    return path in _paths(name)


def _absolute(canonical: str) -> str:
    return canonical if ":" in canonical else PREFIX + canonical


def _element_type(each: definitions.ElementType) -> Json:
    made: Json = {"code": each.code}
    if each.profiles:
        made["profile"] = [_absolute(profile) for profile in each.profiles]
    if each.targets:
        made["targetProfile"] = [_absolute(target) for target in each.targets]
    return made


def _constraint(name: str, element: definitions.Element, rule: str) -> Json:
    """Return the rule with the definition that first stated it: an ancestor of the type, or the element's type."""
    constraint = definitions.constraint(rule)
    source = name
    starts = (name,) if not element.path else tuple(each.code for each in element.types)
    for start in starts:
        for ancestor in definitions.ancestors(start):
            if rule in definitions.structure(ancestor).root.constraints:
                source = ancestor
    made: Json = {"key": constraint.key, "severity": constraint.severity}
    if constraint.expression:
        made["expression"] = constraint.expression
    return {**made, "source": PREFIX + source}
