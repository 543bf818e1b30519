"""Tree navigation, types, conditions and utilities: children, is, as, iif, trace, now and their like."""

from __future__ import annotations

from functools import cache
from typing import Any

from profiles.datatypes import temporal
from profiles.fhirpath.call import Call, Rule
from profiles.fhirpath.code import Code, of_items
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathSyntaxError, FhirPathTypeError
from profiles.fhirpath.node import Node
from profiles.fhirpath.paths import children, descendants
from profiles.fhirpath.shapes import Child, Shape, shape
from profiles.fhirpath.syntax import Literal
from profiles.fhirpath.types import as_type, is_type
from profiles.fhirpath.values import type_name


def children_function(call: Call) -> Code:
    """Compile children()."""
    before = call.source.items

    def items(frame: Frame, focus: Items) -> Items:
        found = children(before(frame, focus))
        frame.spend(len(found))
        return found

    return of_items(items)


def descendants_function(call: Call) -> Code:
    """Compile descendants()."""
    before = call.source.items
    return of_items(lambda frame, focus: descendants(frame, before(frame, focus)))


def is_function(call: Call) -> Code:
    """Compile is(Type)."""
    return is_type(call.source, call.type_argument())


def as_function(call: Call) -> Code:
    """Compile as(Type)."""
    return as_type(call.source, call.type_argument(), call.compiler.lenient)


def iif(call: Call) -> Code:
    """Compile iif(criterion, result, otherwise); only the branch that is chosen is evaluated.

    After a dot its arguments have the items before it as their focus, so that `x.iif(empty(), ...)` asks about x.
    """
    criterion, result = call.argument(0), call.argument(1)
    otherwise = call.argument(2) if len(call.arguments) > 2 else None

    def items(frame: Frame, focus: Items) -> Items:
        if call.is_method:
            focus = call.source.items(frame, focus)
            if len(focus) > 1:
                raise FhirPathTypeError(f"iif() takes a single item, there are {len(focus)}; use select(iif(...))")
        this = frame.this
        if call.is_method and len(focus) == 1:
            frame.this = focus[0]
        chosen = result if criterion.truth(frame, focus) else otherwise
        found = chosen.items(frame, focus) if chosen else []
        frame.this = this
        return found

    return of_items(items)


def trace(call: Call) -> Code:
    """Compile trace(name, projection): the input, shown to the environment's `trace` if it has one."""
    name = call.argument(0)
    projection = call.argument(1) if len(call.arguments) > 1 else None
    source = call.source

    def items(frame: Frame, focus: Items) -> Items:
        found = source.items(frame, focus)
        hook = frame.environment.trace
        if hook is not None:
            labels = name.items(frame, focus)
            if len(labels) != 1 or not isinstance(labels[0], str):
                raise FhirPathTypeError("trace() takes a String as its name")
            shown = found if projection is None else [x for item in found for x in projection.items(frame, [item])]
            hook(labels[0], shown)
        return found

    return of_items(items, source.present)


def define_variable(call: Call) -> Code:
    """Compile defineVariable(name, projection): the input, which %name stands for in what follows.

    The projection, where there is one, is evaluated on the input as a whole and is what %name stands for.
    """
    name = call.arguments[0]
    if not isinstance(name, Literal) or not isinstance(name.value, str):
        raise FhirPathSyntaxError("defineVariable() takes a String literal as the name", name.position)
    source, known = call.source, name.value
    projection = call.argument(1) if len(call.arguments) > 1 else None
    call.compiler.define(known, name.position)

    def items(frame: Frame, focus: Items) -> Items:
        found = source.items(frame, focus)
        frame.defined[known] = found if projection is None else projection.items(frame, found)
        return found

    return of_items(items)


def _moment(part: str) -> Any:
    def build(call: Call) -> Code:
        def items(frame: Frame, focus: Items) -> Items:
            now = temporal.of_datetime(frame.now())
            if part == "now":
                return [now]
            day, _, clock = now.text.partition("T")
            return [temporal.parse_date_time(day) if part == "today" else temporal.parse_time(clock[:12])]

        return of_items(items)

    return build


@cache
def _type_shape() -> Shape:
    """Return the shape of what type() gives, which no definition of FHIR describes."""
    found = Shape("Element", "Element", "")
    for name in ("namespace", "name"):
        child = Child(name, name, "_" + name, shape("string"), True, False)
        found.children = {**found.children, name: child}
    return found


def type_function(call: Call) -> Code:
    """Compile type(): an object with the namespace and the name of each item's type."""
    before = call.source.items

    def items(frame: Frame, focus: Items) -> Items:
        return [_type_info(item, frame) for item in before(frame, focus)]

    return of_items(items)


def _type_info(item: Any, frame: Frame) -> Any:
    namespace = "FHIR" if item.__class__ is Node else "System"
    scope = item.scope if item.__class__ is Node else frame.scope
    return Node({"namespace": namespace, "name": type_name(item)}, _type_shape(), None, scope)


RULES = {
    "children": Rule(0, 0, children_function),
    "descendants": Rule(0, 0, descendants_function),
    "is": Rule(1, 1, is_function),
    "as": Rule(1, 1, as_function),
    "type": Rule(0, 0, type_function),
    "iif": Rule(2, 3, iif),
    "defineVariable": Rule(1, 2, define_variable),
    "trace": Rule(1, 2, trace),
    "now": Rule(0, 0, _moment("now")),
    "today": Rule(0, 0, _moment("today")),
    "timeOfDay": Rule(0, 0, _moment("timeOfDay")),
}
