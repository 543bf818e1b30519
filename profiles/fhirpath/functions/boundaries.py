"""lowBoundary, highBoundary, precision, comparable, and the parts of dates (http://hl7.org/fhirpath/#utility-functions)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Any

from profiles.datatypes import quantity, temporal
from profiles.datatypes.quantity import Quantity
from profiles.datatypes.temporal import Temporal
from profiles.fhirpath.call import Call, Rule, values_rule
from profiles.fhirpath.code import Code, of_items, of_truth
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.values import as_quantity, single

NUMBER = (int, Decimal)
MAX_DIGITS = 28
_WIDE = Context(prec=80)
_DEFAULTS = {"date": 8, "dateTime": 17, "time": 9}
_SEPARATORS = str.maketrans("", "", "-:.T")
_DATE_DIGITS = {4: 4, 6: 7, 8: 10}
"""Digits of a date -> characters of its text."""
_CLOCK_DIGITS = {2: 2, 4: 5, 6: 8, 9: 12}


def _exponent(value: Decimal) -> int:
    found = value.as_tuple().exponent
    return found if isinstance(found, int) else 0


def _number_boundary(value: Any, digits: int | None, high: bool) -> Any:
    """Return the end of the range that a number stands for, rounded away from it to `digits`."""
    number = Decimal(value)
    digits = 8 if digits is None else digits
    if not 0 <= digits <= MAX_DIGITS:
        return None
    half = Decimal(5).scaleb(_exponent(number) - 1) if _exponent(number) <= 0 else Decimal("0.5")
    edge = _WIDE.add(number, half if high else -half)
    return edge.quantize(Decimal(1).scaleb(-digits), ROUND_CEILING if high else ROUND_FLOOR, _WIDE)


def _split(value: Temporal) -> tuple[str, str, str]:
    """Return the texts of the date, the time and the zone, "" for what is not there."""
    if value.kind == "time":
        return "", value.text, ""
    day, _, clock = value.text.partition("T")
    zone = next((clock[at:] for at, each in enumerate(clock) if each in "Z+-"), "")
    return day, clock.removesuffix(zone) if zone else clock, zone


def _filled_day(day: str, high: bool) -> str:
    if len(day) == 4:
        day = f"{day}-{'12' if high else '01'}"
    if len(day) == 7:
        last = monthrange(int(day[:4]), int(day[5:]))[1]
        day = f"{day}-{last if high else 1:02}"
    return day


def _filled_clock(clock: str, high: bool) -> str:
    full = "23:59:59.999" if high else "00:00:00.000"
    if "." in clock:
        whole, _, fraction = clock.partition(".")
        return f"{whole}.{fraction[:3].ljust(3, '9' if high else '0')}"
    return clock + full[len(clock) :]


def _temporal_boundary(value: Temporal, digits: int | None, high: bool) -> Any:
    """Return the first or last moment that a partial date or time may mean, to so many digits."""
    digits = _DEFAULTS[value.kind] if digits is None else digits
    day, clock, zone = _split(value)
    if value.kind == "time":
        size = _CLOCK_DIGITS.get(digits)
        return temporal.parse_time(_filled_clock(clock, high)[:size]) if size else None
    filled = _filled_day(day, high)
    if digits in _DATE_DIGITS:
        text = filled[: _DATE_DIGITS[digits]]
        return temporal.parse_date_time(f"{text}T" if value.kind == "dateTime" else text)
    size = _CLOCK_DIGITS.get(digits - 8)
    if value.kind == "date" or size is None:
        return None
    return temporal.parse_date_time(f"{filled}T{_filled_clock(clock, high)[:size]}{zone}")


def _quantity_boundary(value: Quantity, digits: int | None, high: bool) -> Any:
    number = _number_boundary(value.value, digits, high)
    return None if number is None else Quantity(number, value.unit, value.calendar, value.system)


def _boundary(high: bool) -> Callable[..., Any]:
    def compute(value: Any, digits: int | None = None) -> Any:
        if isinstance(value, Temporal):
            return _temporal_boundary(value, digits, high)
        if isinstance(value, Quantity):
            return _quantity_boundary(value, digits, high)
        return _number_boundary(value, digits, high)

    return compute


def _precision(value: Any) -> int:
    """Return the digits after the point of a number, all digits of a date or time."""
    if isinstance(value, Temporal):
        day, clock, _ = _split(value)
        return len((day + clock).translate(_SEPARATORS))
    return max(0, -_exponent(Decimal(value)))


def _comparable(call: Call) -> Code:
    other = call.argument(0)

    def truth(frame: Frame, focus: Items) -> bool | None:
        left = single(call.source.items(frame, focus), "comparable()")
        right = single(other.items(frame, focus), "comparable()")
        a, b = as_quantity(left), as_quantity(right)
        if a is None or b is None:
            return None
        return quantity.compare(a, b) is not None

    return of_truth(truth)


def _component(kinds: tuple[str, ...], read: Callable[[str, str, str], Any]) -> Rule:
    """Return the rule of a part of a date or time: `read` gets its texts; a part that is not there is empty."""

    def build(call: Call) -> Code:
        def items(frame: Frame, focus: Items) -> Items:
            value = single(call.source.items(frame, focus), f"{call.name}()")
            if not isinstance(value, Temporal) or value.kind not in kinds:
                return []
            found = read(*_split(value))
            return [] if found is None else [found]

        return of_items(items)

    return Rule(0, 0, build)


def _part(at: slice) -> Callable[[str], int | None]:
    return lambda text: int(text[at]) if text[at] else None


def _milliseconds(clock: str) -> int | None:
    fraction = clock.partition(".")[2]
    return int(fraction[:3].ljust(3, "0")) if fraction else None


def _offset(day: str, clock: str, zone: str) -> Decimal | None:
    if not zone:
        return None
    if zone == "Z":
        return Decimal(0)
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return quantity.to_decimal(Fraction(minutes if zone[0] == "+" else -minutes, 60))


_DATES, _CLOCKS = ("date", "dateTime"), ("dateTime", "time")
_YEAR, _MONTH, _DAY = _part(slice(0, 4)), _part(slice(5, 7)), _part(slice(8, 10))
_HOUR, _MINUTE, _SECOND = _part(slice(0, 2)), _part(slice(3, 5)), _part(slice(6, 8))

RULES = {
    "lowBoundary": values_rule(_boundary(False), (*NUMBER, Temporal, Quantity), (int,), optional=1),
    "highBoundary": values_rule(_boundary(True), (*NUMBER, Temporal, Quantity), (int,), optional=1),
    "precision": values_rule(_precision, (*NUMBER, Temporal)),
    "comparable": Rule(1, 1, _comparable),
    "yearOf": _component(_DATES, lambda day, clock, zone: _YEAR(day)),
    "monthOf": _component(_DATES, lambda day, clock, zone: _MONTH(day)),
    "dayOf": _component(_DATES, lambda day, clock, zone: _DAY(day)),
    "hourOf": _component(_CLOCKS, lambda day, clock, zone: _HOUR(clock)),
    "minuteOf": _component(_CLOCKS, lambda day, clock, zone: _MINUTE(clock)),
    "secondOf": _component(_CLOCKS, lambda day, clock, zone: _SECOND(clock)),
    "millisecondOf": _component(_CLOCKS, lambda day, clock, zone: _milliseconds(clock)),
    "timezoneOffsetOf": _component(("dateTime",), _offset),
    "dateOf": _component(_DATES, lambda day, clock, zone: temporal.parse_date_time(day)),
    "timeOf": _component(("dateTime",), lambda day, clock, zone: temporal.parse_time(clock) if clock else None),
}
