"""Canonical UCUM units, so that 5.4 g/dL finds 54 g/L (http://hl7.org/fhir/R4/search.html#quantity).

The index keeps quantities in them under `name:ucum`; searches are converted by the same function.
"""

from __future__ import annotations

from decimal import Context, Decimal, Overflow
from fractions import Fraction
from functools import lru_cache

from profiles.datatypes import ucum

UCUM = "http://unitsofmeasure.org"

_Scale = tuple[Fraction, Fraction, str, Decimal | None]

# Rounding keeps order, so a number and the bounds of a search meet in the same digit.
_ROUNDED = Context(prec=34, Emax=6144, Emin=-6143)


def canonical(value: Decimal | int, unit: str) -> tuple[Decimal, str] | None:
    """Return `value` in base units and their name (`g.m-3`).

    None for what is no UCUM unit, has no ratio scale, or is beyond every magnitude (6,000 digits before the point).
    """
    try:
        scale = _scale(unit)
        return None if scale is None else (_in_base_units(value, scale), scale[2])
    except Overflow:
        return None


def _in_base_units(value: Decimal | int, scale: _Scale) -> Decimal:
    factor, offset, _, exact = scale
    if exact is not None:
        return _ROUNDED.multiply(Decimal(value), exact)
    number = Fraction(value) * factor + offset
    return _ROUNDED.divide(Decimal(number.numerator), Decimal(number.denominator))


@lru_cache(maxsize=1024)
def _scale(unit: str) -> _Scale | None:
    """Return factor, offset and base units; and the factor as a decimal where that alone gives the same, and faster."""
    zero, one = ucum.measure(Decimal(0), unit), ucum.measure(Decimal(1), unit)
    if zero is None or one is None:
        return None
    factor, offset = one[0] - zero[0], zero[0]
    exact = _ROUNDED.divide(Decimal(factor.numerator), Decimal(factor.denominator))
    plain = offset == 0 and Fraction(exact) == factor
    return factor, offset, ucum.dimension_text(one[1]), exact if plain else None
