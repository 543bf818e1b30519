"""The operators between two expressions (http://hl7.org/fhirpath/N1/#operations)."""

from __future__ import annotations

from typing import Any

from profiles.datatypes import quantity, temporal
from profiles.datatypes.quantity import Quantity
from profiles.datatypes.temporal import Temporal
from profiles.fhirpath.code import Code, of_items, of_truth
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.node import Node
from profiles.fhirpath.shapes import Child
from profiles.fhirpath.values import (
    PARSERS,
    as_quantity,
    distinct,
    equal,
    equal_items,
    equivalent_items,
    is_number,
    local_zone,
    single,
    system,
    type_name,
)


def equality(left: Code, right: Code, negate: bool) -> Code:
    """Return code for `=` and, with `negate`, `!=`."""
    if right.constant.__class__ is str:
        return _equals_text(left, right.constant, negate)
    if left.boolean and right.boolean:
        return _equals_truth(left, right, negate)

    def truth(frame: Frame, focus: Items) -> bool | None:
        same = equal_items(left.items(frame, focus), right.items(frame, focus), frame)
        return same if not negate or same is None else not same

    return of_truth(truth)


def _equals_truth(left: Code, right: Code, negate: bool) -> Code:
    """Return code for a comparison of two conditions."""
    one, other = left.truth, right.truth

    def truth(frame: Frame, focus: Items) -> bool | None:
        a, b = one(frame, focus), other(frame, focus)
        return None if a is None or b is None else (a is b) is not negate

    return of_truth(truth)


def _equals_text(left: Code, text: str, negate: bool) -> Code:
    """Return code for a comparison with a string literal, by far the most frequent one."""
    name = left.name

    def truth(frame: Frame, focus: Items) -> bool | None:
        if name is not None and len(focus) == 1:
            raw = _plain_text(focus[0], name)
            if raw is not None:
                return (raw == text) is not negate
        items = left.items(frame, focus)
        if len(items) != 1:
            return negate if items else None
        item = items[0]
        if item.__class__ is Node:
            if item.value is None:
                return None
            same = item.value == text and item.shape.type not in PARSERS
        else:
            same = item.__class__ is str and item == text
        return same is not negate

    return of_truth(truth)


def _plain_text(item: Any, name: str) -> str | None:
    """Return the text of an element that is a single string, code or uri, None for all else."""
    if item.__class__ is not Node or item.value.__class__ is not dict:
        return None
    child = item.shape.children.get(name)
    if child.__class__ is not Child or not child.primitive or child.shape.type in PARSERS:
        return None
    raw = item.value.get(child.json)
    return raw if raw.__class__ is str else None


def equivalence(left: Code, right: Code, negate: bool) -> Code:
    """Return code for `~` and, with `negate`, `!~`; never empty."""

    def truth(frame: Frame, focus: Items) -> bool | None:
        same = equivalent_items(left.items(frame, focus), right.items(frame, focus), frame)
        return same is not negate

    return of_truth(truth)


def compare(left: Any, right: Any, frame: Frame) -> int | None:
    """Return the order of two values: -1, 0, 1, None where it is open. Raises FhirPathTypeError for unlike types."""
    kind, other = left.__class__, right.__class__
    if (kind is str and other is str) or (is_number(left) and is_number(right)):
        return int(left > right) - int(left < right)
    if kind is Temporal and other is Temporal and (left.kind == "time") == (right.kind == "time"):
        return temporal.compare(left, right, local_zone(frame))
    if kind is Quantity or other is Quantity:
        a, b = as_quantity(left), as_quantity(right)
        if a and b:
            return quantity.compare(a, b)
    raise FhirPathTypeError(f"{type_name(left)} and {type_name(right)} have no order; compare values of one type")


def inequality(left: Code, right: Code, symbol: str) -> Code:
    """Return code for `<`, `>`, `<=`, `>=`."""
    accepted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}[symbol]
    name = f"'{symbol}'"

    def truth(frame: Frame, focus: Items) -> bool | None:
        a = single(left.items(frame, focus), name)
        b = single(right.items(frame, focus), name)
        if a is None or b is None:
            return None
        if _is_bound(a) or _is_bound(b):
            return None
        order = compare(a, b, frame)
        return None if order is None else order in accepted

    return of_truth(truth)


def _is_bound(value: Any) -> bool:
    """Whether a value is a FHIR Quantity without a definite number: none at all, or with a comparator."""
    return value.__class__ is Node and "Quantity" in value.shape.ancestors


def conjunction(parts: list[Code]) -> Code:
    """Return code for `and` between any number of conditions."""
    truths = [part.truth for part in parts]

    def truth(frame: Frame, focus: Items) -> bool | None:
        result: bool | None = True
        for part in truths:
            value = part(frame, focus)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    return of_truth(truth)


def disjunction(parts: list[Code]) -> Code:
    """Return code for `or` between any number of conditions."""
    truths = [part.truth for part in parts]

    def truth(frame: Frame, focus: Items) -> bool | None:
        result: bool | None = False
        for part in truths:
            value = part(frame, focus)
            if value:
                return True
            if value is None:
                result = None
        return result

    return of_truth(truth)


def exclusion(left: Code, right: Code) -> Code:
    """Return code for `xor`."""

    def truth(frame: Frame, focus: Items) -> bool | None:
        a, b = left.truth(frame, focus), right.truth(frame, focus)
        return None if a is None or b is None else a is not b

    return of_truth(truth)


def implication(left: Code, right: Code) -> Code:
    """Return code for `implies`."""

    def truth(frame: Frame, focus: Items) -> bool | None:
        a = left.truth(frame, focus)
        if a is False:
            return True
        b = right.truth(frame, focus)
        if b:
            return True
        return None if a is None or b is None else False

    return of_truth(truth)


def membership(element: Code, collection: Code, name: str) -> Code:
    """Return code for `element in collection`, and for `contains` with the operands exchanged."""

    def truth(frame: Frame, focus: Items) -> bool | None:
        value = single(element.items(frame, focus), name)
        if value is None:
            return None
        items = collection.items(frame, focus)
        frame.spend(len(items))
        return any(equal(value, system(item), frame) for item in items)

    return of_truth(truth)


def union(parts: list[Code]) -> Code:
    """Return code for `|` between any number of expressions."""

    def items(frame: Frame, focus: Items) -> Items:
        found: Items = []
        for part in parts:
            more = part.items(frame, focus)
            found = [*found, *more] if found else more
        return distinct(found, frame)

    def present(frame: Frame, focus: Items) -> bool:
        return any(part.present(frame, focus) for part in parts)

    return of_items(items, present)


def concatenation(left: Code, right: Code) -> Code:
    """Return code for `&`, where empty is the empty string."""

    def text(items: Items) -> str:
        value = single(items, "'&'")
        if value is None:
            return ""
        if value.__class__ is not str:
            raise FhirPathTypeError(f"'&' joins strings, not {type_name(value)}; use toString()")
        return str(value)

    def items(frame: Frame, focus: Items) -> Items:
        joined = text(left.items(frame, focus)) + text(right.items(frame, focus))
        frame.spend(len(joined) // 64)
        return [joined]

    return of_items(items)
