"""Math functions (http://hl7.org/fhirpath/N1/#math). Results that do not exist or have no end are empty or rounded."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from profiles.datatypes.quantity import ARITHMETIC, Quantity
from profiles.fhirpath.call import values_rule
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.values import INTEGERS

NUMBER = (int, Decimal)
MAX_DIGITS = 30


def _safely(compute: Callable[..., Any]) -> Callable[..., Any]:
    def run(*values: Any) -> Any:
        try:
            result = compute(*values)
        except (decimal.DecimalException, OverflowError):
            return None
        if isinstance(result, Decimal) and not result.is_finite():
            return None
        return None if result.__class__ is int and result not in INTEGERS else result

    return run


def _absolute(value: Any) -> Any:
    if isinstance(value, Quantity):
        return Quantity(abs(value.value), value.unit, value.calendar, value.system)
    return abs(value)


def _whole(rounding: str) -> Callable[[Any], Any]:
    return _safely(lambda value: int(Decimal(value).to_integral_value(rounding)))


def _logarithm(value: Any, base: Any) -> Any:
    if value <= 0 or base <= 0 or base == 1:
        return None
    return ARITHMETIC.divide(ARITHMETIC.ln(Decimal(value)), ARITHMETIC.ln(Decimal(base))).normalize(decimal.Context(28))


def _power(value: Any, exponent: Any) -> Any:
    if value < 0 and exponent != int(exponent):
        return None
    result = ARITHMETIC.power(Decimal(value), Decimal(exponent))
    return int(result) if value.__class__ is int and exponent.__class__ is int and exponent >= 0 else result


def _round(value: Any, digits: int = 0) -> Any:
    if not 0 <= digits <= MAX_DIGITS:
        raise FhirPathTypeError(f"round() takes a precision from 0 to {MAX_DIGITS}")
    return Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, decimal.Context(60))


RULES = {
    "abs": values_rule(_safely(_absolute), (*NUMBER, Quantity)),
    "ceiling": values_rule(_whole(ROUND_CEILING), NUMBER),
    "floor": values_rule(_whole(ROUND_FLOOR), NUMBER),
    "truncate": values_rule(_whole(ROUND_DOWN), NUMBER),
    "exp": values_rule(_safely(lambda value: ARITHMETIC.exp(Decimal(value))), NUMBER),
    "ln": values_rule(_safely(lambda value: ARITHMETIC.ln(Decimal(value)) if value > 0 else None), NUMBER),
    "log": values_rule(_safely(_logarithm), NUMBER, NUMBER),
    "power": values_rule(_safely(_power), NUMBER, NUMBER),
    "round": values_rule(_safely(_round), NUMBER, (int,), optional=1),
    "sqrt": values_rule(_safely(lambda value: ARITHMETIC.sqrt(Decimal(value)) if value >= 0 else None), NUMBER),
}
