"""aggregate, sum, min, max, avg and sort (http://hl7.org/fhirpath/#aggregates)."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from profiles.datatypes.temporal import Temporal
from profiles.fhirpath import arithmetic, operators
from profiles.fhirpath.call import Call, Rule
from profiles.fhirpath.code import Code, of_items
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.syntax import Ordered
from profiles.fhirpath.values import as_quantity, is_number, single, system, type_name

Fold = Callable[[list[Any], Frame], Any]


def aggregate(call: Call) -> Code:
    """Compile aggregate(aggregator, init)."""
    source, aggregator = call.source.items, call.argument(0).items
    initial = call.argument(1).items if len(call.arguments) > 1 else None

    def items(frame: Frame, focus: Items) -> Items:
        found = source(frame, focus)
        saved = frame.this, frame.index, frame.total
        total = initial(frame, focus) if initial else []
        for at, item in enumerate(found):
            frame.this, frame.index, frame.total = item, at, total
            total = aggregator(frame, [item])
            frame.spend(len(total) + 1)
        frame.this, frame.index, frame.total = saved
        return total

    return of_items(items)


def _values(items: Items, name: str) -> list[Any]:
    """Return the items as FHIRPath's own values. Raises FhirPathTypeError for a mixture of types."""
    values = [value for item in items if (value := system(item)) is not None]
    numbers = all(is_number(value) for value in values)
    if not numbers and len({type_name(value) for value in values}) > 1:
        raise FhirPathTypeError(f"{name}() takes items of one type; choose them with ofType()")
    return values


def _folded(fold: Fold) -> Rule:
    def build(call: Call) -> Code:
        def items(frame: Frame, focus: Items) -> Items:
            values = _values(call.source.items(frame, focus), call.name)
            frame.spend(len(values))
            try:
                found = fold(values, frame) if values else None
            except decimal.DecimalException:
                found = None
            return [] if found is None else [found]

        return of_items(items)

    return Rule(0, 0, build)


def _sum(values: list[Any], frame: Frame) -> Any:
    if not (is_number(values[0]) or as_quantity(values[0])):
        raise FhirPathTypeError(f"sum() and avg() are for numbers and quantities, not {type_name(values[0])}")
    total = values[0]
    for value in values[1:]:
        total = arithmetic.bounded(arithmetic.add(total, value))
        if total is None:
            return None
    return total


def _average(values: list[Any], frame: Frame) -> Any:
    total = _sum(values, frame)
    return None if total is None else arithmetic.divide(total, len(values))


def _extreme(sign: int) -> Fold:
    def fold(values: list[Any], frame: Frame) -> Any:
        best = values[0]
        if isinstance(best, bool):
            raise FhirPathTypeError("min() and max() are for what has an order, not Boolean")
        for value in values[1:]:
            order = operators.compare(value, best, frame)
            if order is None:
                return None
            best = value if order * sign > 0 else best
        return best

    return fold


def sort(call: Call) -> Code:
    """Compile sort(key asc, key desc, ...): by the keys in turn, by the items themselves without any."""
    keys = [
        (call.compiler.compile(each.key), each.descending)
        if isinstance(each, Ordered)
        else (call.compiler.compile(each), False)
        for each in call.arguments
    ]

    def items(frame: Frame, focus: Items) -> Items:
        found = call.source.items(frame, focus)
        frame.spend(len(found) * len(found).bit_length() * max(1, len(keys)))
        rows = [([system(item)] if not keys else _keys(item, keys, frame), item) for item in found]
        directions = [descending for _, descending in keys] or [False]

        def order(left: tuple[list[Any], Any], right: tuple[list[Any], Any]) -> int:
            for a, b, descending in zip(left[0], right[0], directions, strict=True):
                found = _order(a, b, frame)
                if found:
                    return -found if descending else found
            return 0

        return [item for _, item in sorted(rows, key=cmp_to_key(order))]

    return of_items(items)


def _keys(item: Any, keys: list[tuple[Code, bool]], frame: Frame) -> list[Any]:
    this, frame.this = frame.this, item
    found = [single(code.items(frame, [item]), "a key of sort()") for code, _ in keys]
    frame.this = this
    return found


def _order(left: Any, right: Any, frame: Frame) -> int:
    """Return the order of two keys; what is not there comes first, what is open stays as it is."""
    if left is None or right is None:
        return int(left is not None) - int(right is not None)
    if isinstance(left, Temporal) and isinstance(right, Temporal) and (left.kind == "time") != (right.kind == "time"):
        raise FhirPathTypeError("sort() takes keys of one type")
    return operators.compare(left, right, frame) or 0


RULES = {
    "aggregate": Rule(1, 2, aggregate),
    "sum": _folded(_sum),
    "avg": _folded(_average),
    "min": _folded(_extreme(-1)),
    "max": _folded(_extreme(1)),
    "sort": Rule(0, 16, sort),
}
