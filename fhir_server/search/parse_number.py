"""Values of number and quantity parameters (http://hl7.org/fhir/R4/search.html#number and #quantity).

Without prefix, and with `eq` and `ne`, a number stands for the range its digits imply: 100 for [99.5, 100.5), 100.00
for [99.995, 100.005). An exponent with a whole mantissa stands for one digit more than it has, so that 1e2 is
[95, 105) as the specification's table has it. `ap` is ten percent around; all other prefixes mean the number itself.
"""

from __future__ import annotations

import re
from decimal import Context as Arithmetic
from decimal import Decimal
from typing import cast

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_date import PREFIXES
from fhir_server.search.parse_value import by_answers, either, plain
from fhir_server.search.query import Node, Number, Prefix, Quantity
from fhir_server.search.refuse import refuse
from fhir_server.search.text import split
from fhir_server.search.units import UCUM, canonical
from fhir_server.search.values import decimal_key

_NUMBER = re.compile(r"[+-]?[0-9]+(?P<point>\.[0-9]+)?(?:[eE](?P<exponent>[+-]?[0-9]{1,4}))?", re.ASCII)
_LENGTH = 40
_EXPONENT = 400
# Twice the digits a number may have: sums and products below are exact.
_EXACT = Arithmetic(prec=2 * _LENGTH, Emax=9999, Emin=-9999)
_TENTH = Decimal("0.1")


def read_number(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a number with one of the nine prefixes, `eq` without one."""
    prefix, low, high = number_range(parameter.code, plain(parameter.code, text))
    return by_answers(parameter, lambda name: Number(name, prefix, decimal_key(low), decimal_key(high)))


def read_quantity(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read `number`, `number|system|code` or `number||code`; UCUM units find their equals in other units."""
    code = parameter.code
    parts = split(text, "|")
    if len(parts) not in (1, 3):
        raise refuse(code, "a quantity is written number, number|system|code or number||code.")
    prefix, low, high = number_range(code, plain(code, parts[0]))
    system, unit = ((plain(code, part) if part else None) for part in (parts[1:] or ("", "")))
    nodes: list[Node] = []
    for answer in parameter.answers:
        nodes.append(Quantity(answer.name, prefix, decimal_key(low), decimal_key(high), system, unit))
        if system == UCUM and unit:
            nodes += _in_base_units(answer.name, prefix, low, high, unit)
    return either(nodes)


def _in_base_units(name: str, prefix: Prefix, low: Decimal, high: Decimal, unit: str) -> list[Node]:
    lowest, highest = canonical(low, unit), canonical(high, unit)
    if lowest is None or highest is None:
        return []
    return [Quantity(f"{name}:ucum", prefix, decimal_key(lowest[0]), decimal_key(highest[0]), UCUM, lowest[1])]


def number_range(code: str, value: str) -> tuple[Prefix, Decimal, Decimal]:
    """Return the prefix of a number and the bounds to compare with (as in `query.Number`). Raises BadRequest."""
    prefix, digits = ("eq", value) if not value[:1].isalpha() else (value[:2], value[2:])
    if prefix not in PREFIXES:
        raise refuse(code, f"it starts with no known prefix; they are {', '.join(sorted(PREFIXES))}.")
    number, half = read_decimal(code, digits)
    if prefix in ("eq", "ne"):
        return cast(Prefix, prefix), _EXACT.subtract(number, half), _EXACT.add(number, half)
    if prefix == "ap":
        gap = _EXACT.multiply(number.copy_abs(), _TENTH)
        return "ap", _EXACT.subtract(number, gap), _EXACT.add(number, gap)
    return cast(Prefix, prefix), number, number


def read_decimal(code: str, digits: str) -> tuple[Decimal, Decimal]:
    """Return a number and half of what its last digit stands for. Raises BadRequest for what is no number."""
    found = _NUMBER.fullmatch(digits) if len(digits) <= _LENGTH else None
    if found is None or abs(int(found["exponent"] or 0)) > _EXPONENT:
        raise refuse(code, "a number is written as in 100, -5.40 or 1.5e3, after its prefix if it has one.")
    number = Decimal(digits)
    place = int(number.as_tuple().exponent)
    if place > 0 and not found["point"]:
        place -= 1
    return number, Decimal(5).scaleb(place - 1, _EXACT)
