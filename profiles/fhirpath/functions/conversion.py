"""toX() and convertsToX() (http://hl7.org/fhirpath/N1/#conversion)."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from profiles.datatypes import quantity, temporal, ucum
from profiles.datatypes.quantity import Quantity
from profiles.datatypes.temporal import Temporal
from profiles.fhirpath.call import Call, Rule, of_kind
from profiles.fhirpath.code import Code, of_items, of_truth
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.node import Node
from profiles.fhirpath.parser import CALENDAR_UNITS
from profiles.fhirpath.values import INTEGERS, single

TRUE_TEXTS = ("true", "t", "yes", "y", "1", "1.0")
FALSE_TEXTS = ("false", "f", "no", "n", "0", "0.0")
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,400}(?:\.[0-9]{1,400})?")
_QUANTITY = re.compile(r"(?P<value>[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?)\s*(?:'(?P<unit>[^']+)'|(?P<calendar>[a-z]+))?")
Conversion = Callable[[Any], Any]
"""One value (of `system`) to another, None where it does not convert."""


def to_boolean(value: Any) -> bool | None:
    """Convert to Boolean."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.lower()
        return True if text in TRUE_TEXTS else False if text in FALSE_TEXTS else None
    if isinstance(value, int | Decimal):
        return True if value == 1 else False if value == 0 else None
    return None


def to_integer(value: Any) -> int | None:
    """Convert to Integer."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    return int(value) if isinstance(value, int) and value in INTEGERS else None


def to_decimal(value: Any) -> Decimal | None:
    """Convert to Decimal."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) or (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        return Decimal(value)
    return None


def to_string(value: Any) -> str | None:
    """Convert to String."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case Temporal():
            return value.text
        case Quantity():
            return value.text()
    return None


def to_date(value: Any) -> Temporal | None:
    """Convert to Date: a dateTime loses its time."""
    if isinstance(value, Temporal) and value.kind != "time":
        return temporal.parse_date_time(value.text.partition("T")[0])
    return _parsed(temporal.parse_date_time, value, "date")


def to_date_time(value: Any) -> Temporal | None:
    """Convert to DateTime."""
    if isinstance(value, Temporal) and value.kind != "time":
        return temporal.as_date_time(value)
    found = _parsed(temporal.parse_date_time, value, "date", "dateTime")
    return temporal.as_date_time(found) if found else None


def to_time(value: Any) -> Temporal | None:
    """Convert to Time."""
    if isinstance(value, Temporal):
        return value if value.kind == "time" else None
    text = value.removeprefix("T") if isinstance(value, str) else value
    return _parsed(temporal.parse_time, text, "time")


def _parsed(parse: Callable[[str], Temporal], value: Any, *kinds: str) -> Temporal | None:
    if not isinstance(value, str):
        return None
    try:
        found = parse(value)
    except ValueError:
        return None
    return found if found.kind in kinds else None


def to_quantity(value: Any) -> Quantity | None:
    """Convert to Quantity: `4 days`, `10 'mg'`, a number."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool):
        return Quantity(Decimal(int(value)), "1")
    if isinstance(value, int | Decimal):
        return Quantity(Decimal(value), "1")
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    number = Decimal(match["value"])
    if match["calendar"]:
        unit = CALENDAR_UNITS.get(match["calendar"])
        return Quantity(number, unit, True) if unit else None
    unit = match["unit"] or "1"
    return Quantity(number, unit) if ucum.parse(unit) or unit in ("Cel", "[degF]") else None


def _converted(value: Any, unit: str | None) -> Any:
    found = to_quantity(value)
    if found is None or unit is None:
        return found
    calendar = CALENDAR_UNITS.get(unit)
    return quantity.convert(found, calendar or unit.strip("'"), calendar is not None)


def _value(call: Call, frame: Frame, focus: Items) -> Any:
    value = single(call.source.items(frame, focus), f"{call.name}()")
    return None if value.__class__ is Node else value


def _to(convert: Conversion) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        def items(frame: Frame, focus: Items) -> Items:
            value = _value(call, frame, focus)
            found = None if value is None else convert(value)
            return [] if found is None else [found]

        return of_items(items)

    return build


def _converts(convert: Conversion) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        def truth(frame: Frame, focus: Items) -> bool | None:
            if not call.source.items(frame, focus):
                return None
            value = _value(call, frame, focus)
            return value is not None and convert(value) is not None

        return of_truth(truth)

    return build


def _quantity_function(test: bool) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        unit = call.argument(0) if call.arguments else None

        def items(frame: Frame, focus: Items) -> Items:
            value = _value(call, frame, focus)
            text = of_kind(unit.items(frame, focus), (str,), f"{call.name}()") if unit else None
            found = None if value is None else _converted(value, text)
            if test:
                return [found is not None] if call.source.items(frame, focus) else []
            return [] if found is None else [found]

        return of_items(items)

    return build


_CONVERSIONS: dict[str, Conversion] = {
    "Boolean": to_boolean,
    "Integer": to_integer,
    "Decimal": to_decimal,
    "String": to_string,
    "Date": to_date,
    "DateTime": to_date_time,
    "Time": to_time,
}
RULES = {
    **{f"to{name}": Rule(0, 0, _to(convert)) for name, convert in _CONVERSIONS.items()},
    **{f"convertsTo{name}": Rule(0, 0, _converts(convert)) for name, convert in _CONVERSIONS.items()},
    "toQuantity": Rule(0, 1, _quantity_function(False)),
    "convertsToQuantity": Rule(0, 1, _quantity_function(True)),
}
