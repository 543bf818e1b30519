"""FHIRPath as a path that can be written, held to the definitions of R4 (http://hl7.org/fhirpath/N1/#path-selection)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from mappings.paths.path import Condition, Path, Step
from profiles import definitions
from profiles.definitions import Element
from profiles.fhirpath.parser import parse
from profiles.fhirpath.syntax import Binary, Function, Index, Literal, Member, Syntax, qualified_name

Place = tuple[str, str]
"""Where in the definitions a step has led: a type, and the path of an element inside it."""
Walked = tuple[tuple[Step, ...], tuple[Place, ...], Element | None]
"""Steps so far, where they may have led (several for a choice), and the choice that waits for its `ofType`."""


@cache
def parse_path(text: str) -> Path:
    """Return the path that a FHIRPath expression describes, such as `Patient.name.where(use = 'usual').text`.

    Raises ValueError, naming the step, for what R4 does not have and for what cannot be written back.
    """
    syntax = parse(text)
    first = _first(syntax)
    if not definitions.is_resource_type(first):
        raise ValueError(f"{text!r} must begin with a resource type, such as Patient.birthDate")
    steps, _, choice = _walk(syntax, ((first, ""),), text, first)
    if choice is not None:
        raise ValueError(f"{text!r} ends at a choice; say which type with .ofType(...)")
    if not steps:
        raise ValueError(f"{text!r} names a resource, not an element of it")
    return Path(text, first, steps)


def leads_to(text: str) -> str:
    """Return the type of the element that a path leads to (`string`, `Coding`), "" for one with parts of its own.

    Raises ValueError as `parse_path`.
    """
    _, ((type, inside), *_), _ = _walk(parse(text), ((parse_path(text).type, ""),), text, parse_path(text).type)
    return "" if inside else type


def _first(syntax: Syntax) -> str:
    while isinstance(syntax, Member | Function | Index) and syntax.source is not None:
        syntax = syntax.source
    return syntax.name if isinstance(syntax, Member) else ""


def _walk(syntax: Syntax | None, start: tuple[Place, ...], text: str, root: str | None = None) -> Walked:
    """Return what a path of members and functions leads to; `root` is the name of the type it may begin with."""
    if syntax is None:
        return (), start, None
    if isinstance(syntax, Member):
        if syntax.source is None and syntax.name == root:
            return (), start, None
        return _member(_walk(syntax.source, start, text, root), syntax.name, text)
    if not isinstance(syntax, Function):
        raise ValueError(f"{text!r} must consist of members, extension(), where() and ofType()")
    before = _walk(syntax.source, start, text, root)
    match syntax.name, syntax.arguments:
        case "extension", (Literal(value=str(url)),):
            steps, places, _ = _member(before, "extension", text)
            condition = Condition((Step("url", False),), url)
            return (*steps[:-1], Step("extension", True, (condition,))), places, None
        case "where", (criteria,):
            return _where(before, criteria, text)
        case "ofType", (type,):
            return _of_type(before, qualified_name(type), text)
    raise ValueError(f"{text!r}: {syntax.name}() cannot be written back; use members, extension(), where(), ofType()")


def _member(before: Walked, name: str, text: str) -> Walked:
    steps, places, choice = before
    if choice is not None:
        raise ValueError(f"{text!r}: {choice.name} is a choice; say which type with .ofType(...)")
    element = _child(places[0], name)
    if element is None:
        raise ValueError(f"{text!r}: R4 has no {name} there")
    structure = places[0][0]
    if element.choice:
        return (*steps, Step(name, element.repeats)), ((structure, element.path),), element
    return (*steps, Step(name, element.repeats)), (_inside(structure, element, None),), None


def _child(place: Place, name: str) -> Element | None:
    found = definitions.at(*place)
    children = definitions.at(place[0], found.content).children if found.content else found.children
    return next((each for each in children if each.name == name), None)


def _inside(structure: str, element: Element, type: str | None) -> Place:
    if element.content:
        return structure, element.content
    if element.children:
        return structure, element.path
    return type or element.types[0].code.removeprefix("System.").replace("String", "string"), ""


def _where(before: Walked, criteria: Syntax, text: str) -> Walked:
    steps, places, choice = before
    if not steps or choice is not None:
        raise ValueError(f"{text!r}: where() must follow an element")
    last = steps[-1]
    conditions = tuple(_conditions(criteria, places, text))
    return (*steps[:-1], replace(last, conditions=(*last.conditions, *conditions))), places, None


def _conditions(criteria: Syntax, places: tuple[Place, ...], text: str) -> list[Condition]:
    match criteria:
        case Binary(operator="and", left=left, right=right):
            return _conditions(left, places, text) + _conditions(right, places, text)
        case Binary(operator="=", left=left, right=Literal(value=str() | bool() as value)):
            return [Condition(_walk(left, places, text)[0], value)]
        case Function(name="exists", source=source, arguments=()) if source is not None:
            return [Condition(_walk(source, places, text)[0], None)]
        case Function(name="startsWith", source=source, arguments=(Literal(value=str(value)),)) if source is not None:
            return [Condition(_walk(source, places, text)[0], value, begins=True)]
    raise ValueError(
        f"{text!r}: where() may hold path = 'text', path.startsWith('text') and path.exists(), joined by and"
    )


def _of_type(before: Walked, type: str | None, text: str) -> Walked:
    steps, places, choice = before
    if choice is None or type is None:
        raise ValueError(f"{text!r}: ofType() must follow a choice, such as value")
    names = choice.json_names()
    for key, kind in names.items():
        if kind is not None and kind.code == type:
            step = Step(key, steps[-1].repeats, instead=tuple(each for each in names if each != key))
            return (*steps[:-1], step), (_inside(places[0][0], choice, type),), None
    raise ValueError(f"{text!r}: {choice.name} cannot be a {type}")
