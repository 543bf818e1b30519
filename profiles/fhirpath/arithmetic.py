"""`+ - * / div mod` on numbers, quantities, strings and dates (http://hl7.org/fhirpath/N1/#math).

What has no result is empty: division by zero, an Integer beyond 32 bits, a date beyond the year 9999, units that have
nothing in common.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from profiles.datatypes import quantity, temporal
from profiles.datatypes.quantity import ARITHMETIC, CALENDAR, MILLISECONDS, MONTHS, Quantity
from profiles.datatypes.temporal import DAY, HOUR, MINUTE, MONTH, SECOND, YEAR, Temporal
from profiles.fhirpath.code import Code, of_items
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.values import INTEGERS, as_quantity, is_number, single, type_name

DEFINITE = {code: unit for unit, code in CALENDAR.items() if unit not in MONTHS}
"""The UCUM codes of durations with a fixed length, which may move dates too."""
Operation = Callable[[Any, Any], Any]
"""Two values to one, None for empty. Raises FhirPathTypeError."""

SPANS = {
    YEAR: 365 * MILLISECONDS["day"],
    MONTH: 30 * MILLISECONDS["day"],
    DAY: MILLISECONDS["day"],
    HOUR: MILLISECONDS["hour"],
    MINUTE: MILLISECONDS["minute"],
    SECOND: 1,
}
"""Milliseconds of the smallest amount that a date of this precision can be moved by."""


def _unfit(symbol: str, left: Any, right: Any) -> FhirPathTypeError:
    return FhirPathTypeError(f"'{symbol}' is not defined for {type_name(left)} and {type_name(right)}")


def bounded(value: Any) -> Any:
    """Return a result if it is within the range of its type, else None."""
    if value.__class__ is int:
        return value if value in INTEGERS else None
    return value


def move(value: Temporal, amount: Quantity, sign: int) -> Temporal | None:
    """Return a date or time moved by a duration. Raises FhirPathTypeError for what is not a calendar duration.

    Fractions of units above the second count for nothing; so does what is finer than the date's precision.
    """
    unit = amount.unit
    if not amount.calendar:
        unit = DEFINITE.get(unit, "")
    if not unit or (value.kind == "time" and (unit in MONTHS or unit in ("week", "day"))):
        raise FhirPathTypeError(
            f"{value.kind} + {amount.text()} is not defined: dates are moved by calendar durations such as 4 days, "
            "times by hours, minutes and seconds; UCUM's mean year 'a' and month 'mo' move nothing"
        )
    number = Fraction(amount.value) if unit in ("second", "millisecond") else Fraction(int(amount.value))
    number *= sign
    if abs(number) > 10**15:
        return None
    if unit in MONTHS:
        months = int(number) * MONTHS[unit]
        if value.precision == YEAR:
            months = _toward_zero(Fraction(months), 12) * 12
        return temporal.moved(value, months=months)
    millis = number * MILLISECONDS[unit]
    if value.precision <= MONTH:
        return temporal.moved(value, months=_toward_zero(millis, SPANS[value.precision]) * (12, 1)[value.precision - 1])
    if value.precision < SECOND:
        millis = Fraction(_toward_zero(millis, SPANS[value.precision]) * SPANS[value.precision])
    return temporal.moved(value, micros=int(millis * 1000))


def _toward_zero(amount: Fraction, span: int) -> int:
    return int(amount / span)


def add(left: Any, right: Any) -> Any:
    """Return the sum."""
    if is_number(left) and is_number(right):
        return ARITHMETIC.add(Decimal(left), Decimal(right)) if Decimal in (type(left), type(right)) else left + right
    if left.__class__ is str and right.__class__ is str:
        return left + right
    if left.__class__ is Temporal and right.__class__ is Quantity:
        return move(left, right, 1)
    return _quantities("+", left, right, lambda a, b: quantity.add(a, b))


def subtract(left: Any, right: Any) -> Any:
    """Return the difference."""
    if is_number(left) and is_number(right):
        mixed = Decimal in (type(left), type(right))
        return ARITHMETIC.subtract(Decimal(left), Decimal(right)) if mixed else left - right
    if left.__class__ is Temporal and right.__class__ is Quantity:
        return move(left, right, -1)
    return _quantities("-", left, right, lambda a, b: quantity.add(a, b, -1))


def multiply(left: Any, right: Any) -> Any:
    """Return the product."""
    if is_number(left) and is_number(right):
        mixed = Decimal in (type(left), type(right))
        return ARITHMETIC.multiply(Decimal(left), Decimal(right)) if mixed else left * right
    return _quantities("*", left, right, lambda a, b: quantity.multiply(a, b))


def divide(left: Any, right: Any) -> Any:
    """Return the quotient, always a Decimal or a Quantity."""
    if is_number(left) and is_number(right):
        return ARITHMETIC.divide(Decimal(left), Decimal(right)) if right else None
    return _quantities("/", left, right, lambda a, b: quantity.multiply(a, b, divide=True))


def whole_quotient(left: Any, right: Any) -> Any:
    """Return `left div right`: the quotient without its fraction."""
    if not (is_number(left) and is_number(right)):
        raise _unfit("div", left, right)
    return int(Fraction(left) / Fraction(right)) if right else None


def remainder(left: Any, right: Any) -> Any:
    """Return `left mod right`, of the sign of `left`."""
    if not (is_number(left) and is_number(right)):
        raise _unfit("mod", left, right)
    if not right:
        return None
    rest = Fraction(left) - int(Fraction(left) / Fraction(right)) * Fraction(right)
    return quantity.to_decimal(rest) if Decimal in (type(left), type(right)) else int(rest)


def _quantities(symbol: str, left: Any, right: Any, operation: Operation) -> Any:
    a, b = as_quantity(left), as_quantity(right)
    if a is None or b is None or (is_number(left) and is_number(right)):
        raise _unfit(symbol, left, right)
    return operation(a, b)


OPERATIONS: dict[str, Operation] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "div": whole_quotient,
    "mod": remainder,
}


def arithmetic(left: Code, right: Code, symbol: str) -> Code:
    """Return code for one of the six operators."""
    operation = OPERATIONS[symbol]
    name = f"'{symbol}'"

    def items(frame: Frame, focus: Items) -> Items:
        a = single(left.items(frame, focus), name)
        b = single(right.items(frame, focus), name)
        if a is None or b is None:
            return []
        try:
            result = bounded(operation(a, b))
        except (decimal.DecimalException, OverflowError):
            return []
        if result.__class__ is str:
            frame.spend(len(result) // 64)
        return [] if result is None else [result]

    return of_items(items)


def polarity(operand: Code, sign: str) -> Code:
    """Return code for unary `+` and `-`."""

    def items(frame: Frame, focus: Items) -> Items:
        value = single(operand.items(frame, focus), f"'{sign}'")
        if value is None:
            return []
        if is_number(value):
            return [-value if sign == "-" else value]
        if value.__class__ is Quantity:
            number = -value.value if sign == "-" else value.value
            return [Quantity(number, value.unit, value.calendar, value.system)]
        raise FhirPathTypeError(f"{type_name(value)} has no sign")

    return of_items(items)
