"""FHIRPath's own values: how FHIR primitives and Quantities become them, and when two of them are the same.

http://hl7.org/fhirpath/N1/#equality-operators, http://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from profiles.datatypes import quantity, temporal
from profiles.datatypes.quantity import Quantity
from profiles.datatypes.temporal import Temporal
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.node import Node

PARSERS: dict[str, Callable[[str], Temporal]] = {
    "date": temporal.parse_date_time,
    "dateTime": lambda text: temporal.as_date_time(temporal.parse_date_time(text)),
    "instant": temporal.parse_date_time,
    "time": temporal.parse_time,
}
FEW = 8
"""Up to how many complex elements are compared pair by pair."""
INTEGERS = range(-(2**31), 2**31)
"""The Integers of FHIRPath; what leaves them is an overflow, which is empty."""


def system(item: Any) -> Any:
    """Return an item as FHIRPath's own value; a complex Node stays, a primitive without a value is None.

    A date that is no date stays a string: it equals nothing but itself and compares with nothing.
    """
    if item.__class__ is not Node:
        return item
    value, shape = item.value, item.shape
    if not shape.primitive:
        return (quantity.of_json(value) or item) if "Quantity" in shape.ancestors else item
    if value.__class__ is str:
        parser = PARSERS.get(shape.type)
        if parser is None:
            return value
        try:
            return parser(value)
        except ValueError:
            return value
    if value.__class__ is int and shape.type == "decimal":
        return Decimal(value)
    return value


def single(items: Items, what: str) -> Any:
    """Return the one item as FHIRPath's own value, None for none. Raises FhirPathTypeError for several."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathTypeError(f"{what} takes a single item, there are {len(items)}")
    return system(items[0])


def type_name(item: Any) -> str:
    """Return what an item is called in messages and by type()."""
    if item.__class__ is Node:
        return str(item.type)
    match item:
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case Decimal():
            return "Decimal"
        case str():
            return "String"
        case Quantity():
            return "Quantity"
        case Temporal():
            return {"date": "Date", "dateTime": "DateTime", "time": "Time"}[item.kind]
    return type(item).__name__


def is_number(value: Any) -> bool:
    """Whether a value is an Integer or Decimal."""
    return value.__class__ is int or value.__class__ is Decimal


def local_zone(frame: Frame) -> int:
    """Return the zone of dateTimes without one, in minutes."""
    offset = frame.now().utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def as_quantity(value: Any) -> Quantity | None:
    """Return a number as the quantity without unit that it converts to, a quantity as it is."""
    if value.__class__ is Quantity:
        return value
    return Quantity(Decimal(value), "1") if is_number(value) else None


def equal(left: Any, right: Any, frame: Frame) -> bool | None:
    """Return whether two values (of `system`) are equal, None where precision or units leave it open."""
    kind, other_kind = left.__class__, right.__class__
    if kind is other_kind:
        if kind is str or kind is int or kind is bool or kind is Decimal:
            return bool(left == right)
        if kind is Temporal:
            if (left.kind == "time") != (right.kind == "time"):
                return False
            order = temporal.compare(left, right, local_zone(frame))
            return None if order is None else order == 0
        if kind is Quantity:
            order = quantity.compare(left, right)
            return None if order is None else order == 0
        if kind is Node:
            return left.value is right.value or _same_content(left, right)
        return False
    if kind is bool or other_kind is bool:
        return False
    if is_number(left) and is_number(right):
        return bool(left == right)
    if kind is Quantity or other_kind is Quantity:
        a, b = as_quantity(left), as_quantity(right)
        return equal(a, b, frame) if a and b else False
    return False


def _same_content(left: Node, right: Node) -> bool:
    return left.shape.type == right.shape.type and bool(key(left) == key(right))


def equal_items(left: Items, right: Items, frame: Frame) -> bool | None:
    """Return whether two collections are equal item by item, in order; None when either is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    frame.spend(len(left))
    result: bool | None = True
    for a, b in zip(left, right, strict=True):
        x, y = system(a), system(b)
        same = equal(x, y, frame) if x is not None and y is not None else _equal_without_value(a, b, len(left))
        if same is False:
            return False
        if same is None:
            result = None
    return result


def _equal_without_value(left: Any, right: Any, count: int) -> bool | None:
    """Compare primitives of which one has only extensions: alone it is no value at all, so the answer is open."""
    return None if count == 1 else key(left) == key(right)


def equivalent(left: Any, right: Any, frame: Frame) -> bool:
    """Return whether two values are equivalent: case, space, order, zones' spelling and excess precision aside."""
    if left is None or right is None:
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return " ".join(left.split()).casefold() == " ".join(right.split()).casefold()
    if left.__class__ is bool or right.__class__ is bool:
        return left.__class__ is right.__class__ and bool(left == right)
    if is_number(left) and is_number(right):
        digits = min(quantity.decimals(Decimal(left)), quantity.decimals(Decimal(right)))
        return round(Fraction(left), digits) == round(Fraction(right), digits)
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        comparable = (left.kind == "time") == (right.kind == "time")
        return comparable and left.precision == right.precision and temporal.compare(left, right) == 0
    if isinstance(left, Node) and isinstance(right, Node):
        return _equivalent_nodes(left, right, frame)
    a, b = as_quantity(left), as_quantity(right)
    return quantity.equivalent(a, b) if a and b else False


def equivalent_items(left: Items, right: Items, frame: Frame) -> bool:
    """Return whether two collections have equivalent items in any order; two empty ones are."""
    if len(left) != len(right):
        return False
    rest = [system(item) for item in right]
    for item in left:
        value = system(item)
        frame.spend(len(rest))
        found = next((i for i, other in enumerate(rest) if equivalent(value, other, frame)), None)
        if found is None:
            return False
        del rest[found]
    return True


def _equivalent_nodes(left: Node, right: Node, frame: Frame) -> bool:
    if left.value.__class__ is not dict or right.value.__class__ is not dict:
        return bool(left.value == right.value)
    if left.value.keys() != right.value.keys():
        return False
    return all(_equivalent_property(name, left, right, frame) for name in left.value)


def _equivalent_property(name: str, left: Node, right: Node, frame: Frame) -> bool:
    child, other = left.shape.by_json.get(name), right.shape.by_json.get(name)
    if child is None or other is None:
        return bool(left.value[name] == right.value[name])
    ours, theirs = (value if isinstance(value, list) else [value] for value in (left.value[name], right.value[name]))
    return equivalent_items(
        [Node(raw, child.shape, None, left.scope) for raw in ours],
        [Node(raw, other.shape, None, right.scope) for raw in theirs],
        frame,
    )


def key(item: Any) -> Any:
    """Return something hashable that is the same for equal items, for distinct(), `|` and their like.

    Dates that might be equal but for their precision have different keys.
    """
    value = system(item)
    kind = value.__class__
    if kind is str or kind is int:
        return value
    if kind is bool:
        return (bool, value)
    if kind is Temporal:
        return ("time" if value.kind == "time" else "date", value.precision, value.low, value.zone is None)
    if item.__class__ is Node and kind is Quantity:
        # As written: an index must not lose `1 g` because there is `1000 mg`, nor `1.0` because there is `1.00`.
        return (Quantity, frozenset((name, str(each)) for name, each in item.value.items()))
    if kind is Quantity:
        return quantity.key(value)
    if kind is Node:
        return (Node, _frozen(value))
    if value is None:
        return (None, _json_key(item.sibling))
    return _json_key(value)


def _frozen(node: Node) -> Any:
    """Return a complex node's content as something hashable: dates, numbers and quantities by what they mean."""
    if node.value.__class__ is not dict:
        return _json_key(node.value)
    by_json = node.shape.by_json
    found = []
    for name, raw in node.value.items():
        child = by_json.get(name)
        if child is None or child.resource or (not child.primitive and "Quantity" not in child.shape.ancestors):
            found.append((name, _json_key(raw)))
        elif raw.__class__ is list:
            found.append((name, tuple(key(Node(each, child.shape, None, node.scope)) for each in raw)))
        else:
            found.append((name, key(Node(raw, child.shape, None, node.scope))))
    return frozenset(found)


def _json_key(raw: Any) -> Any:
    if raw.__class__ is dict:
        return frozenset((name, _json_key(value)) for name, value in raw.items())
    if raw.__class__ is list:
        return tuple(map(_json_key, raw))
    return (bool, raw) if raw.__class__ is bool else raw


def distinct(items: Items, frame: Frame) -> Items:
    """Return the items without repetitions, in order."""
    if len(items) < 2:
        return items
    frame.spend(len(items))
    if len(items) <= FEW and all(item.__class__ is Node and item.value.__class__ is dict for item in items):
        return _distinct_objects(items)
    found: dict[Any, Any] = {}
    for item in items:
        found.setdefault(key(item), item)
    return items if len(found) == len(items) else list(found.values())


def _distinct_objects(items: Items) -> Items:
    """Compare a few complex elements pair by pair: the interpreter's own comparison is faster than making keys.

    Quantities stay apart however alike in value: see `key`. So do elements that differ in the spelling of a date.
    """
    out: Items = []
    for item in items:
        if not any(_same_object(item, other) for other in out):
            out.append(item)
    return out


def _same_object(left: Node, right: Node) -> bool:
    if left.shape.type != right.shape.type or (left.value is not right.value and left.value != right.value):
        return False
    return "Quantity" not in left.shape.ancestors or key(left) == key(right)
