"""Canonical UCUM units, so that 5.4 g/dL finds 54 g/L (http://hl7.org/fhir/R4/search.html#quantity).

The index keeps quantities in them under `name:ucum`; searches are converted by the same function.
"""

from __future__ import annotations

from decimal import Context, Decimal

from profiles.datatypes import ucum

UCUM = "http://unitsofmeasure.org"

# Rounding keeps order, so a number and the bounds of a search meet in the same digit.
_ROUNDED = Context(prec=34, Emax=6144, Emin=-6143)


def canonical(value: Decimal | int, unit: str) -> tuple[Decimal, str] | None:
    """Return `value` in base units and their name (`g.m-3`), None for what is no UCUM unit or has no ratio scale."""
    found = ucum.measure(Decimal(value), unit)
    if found is None:
        return None
    number, dimension = found
    rounded = _ROUNDED.divide(Decimal(number.numerator), Decimal(number.denominator))
    return rounded, ucum.dimension_text(dimension)
