"""The functions FHIR adds to FHIRPath (http://hl7.org/fhir/R4/fhirpath.html#functions)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from profiles.datatypes.narrative import narrative_findings
from profiles.definitions import type_names
from profiles.fhirpath.call import Call, Rule, of_kind
from profiles.fhirpath.code import FOCUS, NOTHING, Code, Evaluator, of_items, of_truth
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathError, FhirPathSyntaxError, FhirPathTypeError
from profiles.fhirpath.node import Node
from profiles.fhirpath.paths import member
from profiles.fhirpath.references import resolve
from profiles.fhirpath.shapes import Child
from profiles.fhirpath.values import system

STRUCTURES = "http://hl7.org/fhir/StructureDefinition/"


def extension(call: Call) -> Code:
    """Compile extension(url): the extensions with that url, of complex and primitive elements."""
    wanted = call.argument(0)
    extensions = member(call.source, "extension")
    if call.source.nothing:
        return NOTHING
    if wanted.constant.__class__ is str:
        return of_items(_of_url(call.source, wanted.constant))

    def items(frame: Frame, focus: Items) -> Items:
        found = extensions.items(frame, focus)
        if not found:
            return found
        url = of_kind(wanted.items(frame, focus), (str,), "extension()")
        return [node for node in found if node.value.get("url") == url]

    return of_items(items)


def _of_url(source: Code, url: str) -> Evaluator:
    """Return what finds the extensions with a url that is known: no others become nodes on the way."""
    before = source.items
    leading = source is FOCUS
    every = member(FOCUS, "extension").items

    def items(frame: Frame, focus: Items) -> Items:
        out: Items = []
        for node in focus if leading else before(frame, focus):
            if node.__class__ is not Node:
                continue
            if node.value.__class__ is not dict:
                # Those of a primitive stand beside it.
                out += [each for each in every(frame, [node]) if each.value.get("url") == url]
                continue
            child, raw = node.shape.children.get("extension"), node.value.get("extension")
            if isinstance(child, Child) and isinstance(raw, list):
                for each in raw:
                    if each.__class__ is dict and each.get("url") == url:
                        out.append(Node(each, child.shape, None, node.scope))
            elif isinstance(child, Child) and isinstance(raw, dict) and raw.get("url") == url:
                out.append(Node(raw, child.shape, None, node.scope))
        return out

    return items


def _value(items: Items) -> Any:
    """Return the value of a single primitive, None for anything else."""
    if len(items) != 1:
        return None
    item = items[0]
    if item.__class__ is not Node:
        return item
    return item.value if item.shape.primitive else None


def has_value(call: Call) -> Code:
    """Compile hasValue()."""
    before = call.source.items
    return of_truth(lambda frame, focus: _value(before(frame, focus)) is not None)


def get_value(call: Call) -> Code:
    """Compile getValue(): the primitive as a value of FHIRPath's own."""
    before = call.source.items

    def items(frame: Frame, focus: Items) -> Items:
        found = before(frame, focus)
        return [] if _value(found) is None else [system(found[0])]

    return of_items(items)


def resolve_function(call: Call) -> Code:
    """Compile resolve()."""
    source = call.source
    if source.nothing:
        return NOTHING

    def items(frame: Frame, focus: Items) -> Items:
        found = source.items(frame, focus)
        frame.spend(len(found))
        return [node for item in found if (node := resolve(item, frame)) is not None]

    return of_items(items)


def plain(item: Any) -> Any:
    """Return an item as plain JSON for a hook."""
    return item.value if item.__class__ is Node else item


def member_of(call: Call) -> Code:
    """Compile memberOf(value set), answered by the environment."""
    value_set = call.argument(0)

    def truth(frame: Frame, focus: Items) -> bool | None:
        found = call.source.items(frame, focus)
        if not found:
            return None
        if len(found) > 1:
            raise FhirPathTypeError(f"memberOf() takes a single code, there are {len(found)}")
        url = of_kind(value_set.items(frame, focus), (str,), "memberOf()")
        hook = frame.environment.member_of
        if hook is None:
            raise FhirPathError("memberOf() needs terminology, which this evaluation was not given")
        return None if url is None else hook(plain(found[0]), url)

    return of_truth(truth)


def _subsumption(swap: bool) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        other = call.argument(0)

        def truth(frame: Frame, focus: Items) -> bool | None:
            mine, others = call.source.items(frame, focus), other.items(frame, focus)
            if not mine or not others:
                return None
            if len(mine) > 1 or len(others) > 1:
                raise FhirPathTypeError(f"{call.name}() takes single codes")
            hook = frame.environment.subsumes
            if hook is None:
                raise FhirPathError(f"{call.name}() needs terminology, which this evaluation was not given")
            a, b = plain(mine[0]), plain(others[0])
            return hook(b, a) if swap else hook(a, b)

        return of_truth(truth)

    return build


def html_checks(call: Call) -> Code:
    """Compile htmlChecks(): whether a narrative keeps FHIR's rules for XHTML."""

    def truth(frame: Frame, focus: Items) -> bool | None:
        found = call.source.items(frame, focus)
        if not found:
            return None
        value = of_kind(found, (str,), "htmlChecks()")
        frame.spend(len(value or "") // 64)
        return None if value is None else not narrative_findings(value)

    return of_truth(truth)


def conforms_to(call: Call) -> Code:
    """Compile conformsTo(structure), answered by the environment."""
    structure = call.argument(0)

    def truth(frame: Frame, focus: Items) -> bool | None:
        found = call.source.items(frame, focus)
        if not found:
            return None
        if len(found) > 1:
            raise FhirPathTypeError(f"conformsTo() takes a single item, there are {len(found)}")
        url = of_kind(structure.items(frame, focus), (str,), "conformsTo()")
        if url is None:
            return None
        name = url.removeprefix(STRUCTURES)
        if name != url and name in type_names():
            return found[0].__class__ is Node and name in found[0].shape.ancestors
        hook = frame.environment.conforms_to
        if hook is None:
            raise FhirPathError(f"conformsTo() was not given the profile {url[:200]}")
        return hook(plain(found[0]), url)

    return of_truth(truth)


def check_modifiers(call: Call) -> Code:
    """Compile checkModifiers(url, ...): the items as they are; an error where one has another modifier extension."""
    named = [call.argument(at) for at in range(len(call.arguments))]

    def items(frame: Frame, focus: Items) -> Items:
        found = call.source.items(frame, focus)
        known = {of_kind(each.items(frame, focus), (str,), "checkModifiers()") for each in named}
        for item in found:
            value = plain(item)
            extensions = value.get("modifierExtension", ()) if isinstance(value, dict) else ()
            frame.spend(len(extensions))
            if any(each.get("url") not in known for each in extensions):
                raise FhirPathTypeError("checkModifiers() found a modifier extension that it does not name")
        return found

    return of_items(items)


def needs_profiles(call: Call) -> Code:
    """Refuse a function that asks about profiles, which FHIRPath does not know here."""
    raise FhirPathSyntaxError(
        f"{call.name}() needs the definitions of elements and profiles, which expressions here do not see; state the "
        "rule with paths and where() instead",
        call.position,
    )


RULES = {
    "extension": Rule(1, 1, extension),
    "hasValue": Rule(0, 0, has_value),
    "getValue": Rule(0, 0, get_value),
    "resolve": Rule(0, 0, resolve_function),
    "memberOf": Rule(1, 1, member_of),
    "subsumes": Rule(1, 1, _subsumption(False)),
    "subsumedBy": Rule(1, 1, _subsumption(True)),
    "htmlChecks": Rule(0, 0, html_checks),
    "elementDefinition": Rule(0, 0, needs_profiles),
    "slice": Rule(2, 2, needs_profiles),
    "checkModifiers": Rule(0, 64, check_modifiers),
    "conformsTo": Rule(1, 1, conforms_to),
}
