"""Quantities as FHIRPath sees them: a number with a UCUM unit or a calendar duration (http://hl7.org/fhirpath/N1/#quantity).

A FHIR Quantity becomes one when it has a UCUM code, or no coded unit at all; others compare only with their like.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import msgspec

from profiles.datatypes import ucum

UCUM = "http://unitsofmeasure.org"
CALENDAR = {
    "year": "a",
    "month": "mo",
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
"""Calendar durations and the UCUM codes FHIR uses for them."""
MONTHS = {"year": 12, "month": 1}
"""The durations without a fixed length: they equal neither the mean year `a` and month `mo` of UCUM nor any days."""
MILLISECONDS = {
    "week": 604_800_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1000,
    "millisecond": 1,
}
ARITHMETIC = Context(prec=34, Emax=6144, Emin=-6143)
"""Decimal128's precision: more than FHIRPath asks for, and bounded."""


class Quantity(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A number with a unit.

    `calendar` says that `unit` is a calendar duration (`day`); else it is a UCUM code ("1" for none), unless `system`
    names another code system ("" for a unit without one). `coded` marks a FHIR quantity in a UCUM time unit: FHIR reads
    it as a calendar duration, yet it also compares with that very UCUM unit.
    """

    value: Decimal
    unit: str
    calendar: bool = False
    system: str = UCUM
    coded: bool = False

    def json(self) -> dict[str, Any]:
        """Return the FHIR Quantity."""
        if self.calendar:
            unit = self.unit if abs(self.value) == 1 else self.unit + "s"
            return {"value": self.value, "unit": unit, "system": UCUM, "code": CALENDAR[self.unit]}
        found: dict[str, Any] = {"value": self.value, "unit": self.unit}
        return found | ({"system": self.system, "code": self.unit} if self.system else {})

    def text(self) -> str:
        """Return FHIRPath's literal: `4 days`, `10 'mg'`."""
        if self.calendar:
            return f"{self.value:f} {self.unit}{'' if abs(self.value) == 1 else 's'}"
        return f"{self.value:f} '{self.unit}'"


def of_json(value: Mapping[str, Any]) -> Quantity | None:
    """Return a FHIR Quantity's value and unit, None when it has no value or is only a bound (`comparator`)."""
    number = value.get("value")
    if isinstance(number, bool) or not isinstance(number, int | Decimal) or value.get("comparator"):
        return None
    code, system = value.get("code"), value.get("system")
    if isinstance(code, str) and isinstance(system, str):
        if system == UCUM and code in _CALENDAR_OF:
            return Quantity(Decimal(number), _CALENDAR_OF[code], True, UCUM, True)
        return Quantity(Decimal(number), code, False, system)
    unit = value.get("unit")
    if unit is None:
        return Quantity(Decimal(number), "1")
    return Quantity(Decimal(number), str(unit), False, "")


_CALENDAR_OF = {code: unit for unit, code in CALENDAR.items()}


def _calendar_number(value: Quantity) -> tuple[str, Fraction]:
    if value.unit in MONTHS:
        return "month", Fraction(value.value) * MONTHS[value.unit]
    return "millisecond", Fraction(value.value) * MILLISECONDS[value.unit]


def _measures(left: Quantity, right: Quantity, loosely: bool) -> tuple[Fraction, Fraction] | None:
    """Return both values in one unit, None where they have none in common.

    Years and months have no fixed length; `loosely` takes them for the UCUM units of about their length.
    """
    if left.calendar and right.calendar:
        unit, number = _calendar_number(left)
        other_unit, other = _calendar_number(right)
        if unit == other_unit:
            return number, other
        return (_in_days(left), _in_days(right)) if loosely else None
    if left.calendar != right.calendar:
        duration = left if left.calendar else right
        if not (loosely or duration.coded or duration.unit not in MONTHS):
            return None
        left = Quantity(left.value, CALENDAR[left.unit]) if left.calendar else left
        right = Quantity(right.value, CALENDAR[right.unit]) if right.calendar else right
    if left.system == right.system and left.unit == right.unit:
        return Fraction(left.value), Fraction(right.value)
    if left.system != UCUM or right.system != UCUM:
        return None
    measure, other_measure = ucum.measure(left.value, left.unit), ucum.measure(right.value, right.unit)
    if measure is None or other_measure is None or measure[1] != other_measure[1]:
        return None
    return measure[0], other_measure[0]


def _in_days(value: Quantity) -> Fraction:
    unit, number = _calendar_number(value)
    if unit == "month":
        years, months = divmod(number, 12)
        return years * 365 + months * 30
    return number / MILLISECONDS["day"]


def compare(left: Quantity, right: Quantity) -> int | None:
    """Return -1, 0 or 1; None when the units have nothing in common or one of them is unknown."""
    pair = _measures(left, right, loosely=False)
    if pair is None:
        return None
    return (pair[0] > pair[1]) - (pair[0] < pair[1])


def equivalent(left: Quantity, right: Quantity) -> bool:
    """Return whether both are about the same: to the lesser precision, calendar like definite durations.

    In whichever of the two units: `4 'g'`, precise to the gram, is about `4040 'mg'`.
    """
    pair = _measures(left, right, loosely=True)
    if pair is None:
        return False
    if pair[0] == pair[1]:
        return True
    return _about(left, pair) or _about(right, pair[::-1])


def _about(value: Quantity, pair: tuple[Fraction, Fraction]) -> bool:
    """Whether the second of `pair`, in the unit of `value` and to its precision, is `value`; `pair[0]` is `value`'s."""
    if value.value == 0:
        return False
    other = pair[1] / (pair[0] / Fraction(value.value))
    return round(other, decimals(value.value)) == Fraction(value.value)


def decimals(value: Decimal) -> int:
    """Return how many digits after the point matter, without trailing zeros."""
    exponent = value.normalize(ARITHMETIC).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def key(value: Quantity) -> tuple[object, ...]:
    """Return something hashable that is the same for equal quantities."""
    if value.calendar and value.unit in MONTHS:
        return ("calendar", *_calendar_number(value))
    unit = CALENDAR[value.unit] if value.calendar else value.unit
    measure = ucum.measure(value.value, unit) if value.system == UCUM else None
    return ("ucum", *measure) if measure else (value.system, unit, Fraction(value.value))


def convert(value: Quantity, unit: str, calendar: bool = False) -> Quantity | None:
    """Return the quantity in another unit, None when that cannot be."""
    if value.calendar and calendar:
        pair = _calendar_number(value), _calendar_number(Quantity(Decimal(1), unit, True))
        if pair[0][0] != pair[1][0]:
            return None
        return Quantity(to_decimal(pair[0][1] / pair[1][1]), unit, True)
    if value.calendar or calendar:
        definite = Quantity(value.value, CALENDAR[value.unit]) if value.calendar else value
        converted = convert(definite, CALENDAR[unit] if calendar else unit)
        return Quantity(converted.value, unit, True) if converted and calendar else converted
    if value.system != UCUM:
        return value if value.unit == unit else None
    number = ucum.convert(value.value, value.unit, unit)
    return None if number is None else Quantity(number, unit)


def to_decimal(value: Fraction) -> Decimal:
    """Return a fraction as a decimal, to 34 digits where it has no end."""
    return ARITHMETIC.divide(Decimal(value.numerator), Decimal(value.denominator))


def add(left: Quantity, right: Quantity, sign: int = 1) -> Quantity | None:
    """Return `left` + `sign` * `right` in the unit of `left`, None when the units have nothing in common."""
    if left.calendar != right.calendar and (left if left.calendar else right).unit in MONTHS:
        return None
    other = right if right.unit == left.unit else convert(right, left.unit, left.calendar)
    if other is None:
        return None
    return Quantity(
        ARITHMETIC.add(left.value, ARITHMETIC.multiply(other.value, Decimal(sign))),
        left.unit,
        left.calendar,
        left.system,
    )


def multiply(left: Quantity, right: Quantity, divide: bool = False) -> Quantity | None:
    """Return the product, or with `divide` the quotient, None where it is not defined (calendar units, zero)."""
    if divide and right.value == 0:
        return None
    number = (ARITHMETIC.divide if divide else ARITHMETIC.multiply)(left.value, right.value)
    if right.unit == "1" and not right.calendar:
        return Quantity(number, left.unit, left.calendar, left.system)
    if divide and left.unit == right.unit and left.calendar == right.calendar and left.system == right.system:
        return Quantity(number, "1")
    if left.calendar or right.calendar or left.system != UCUM or right.system != UCUM:
        return None
    if left.unit == "1" and not divide:
        return Quantity(number, right.unit)
    return Quantity(number, ucum.combine(left.unit, right.unit, divide))


def canonical(value: Decimal, unit: str) -> tuple[Decimal, str] | None:
    """Return a UCUM quantity in base units (`(1 mg)` is `(0.001, "g")`), None for an unknown or malformed unit.

    Equal quantities have equal results. Logarithmic units are their own base.
    """
    measure = ucum.measure(value, unit)
    return None if measure is None else (to_decimal(measure[0]), ucum.dimension_text(measure[1]))
