"""UCUM units: reading, reducing to base units, converting, all exact (https://ucum.org/ucum).

An unknown or malformed unit is None everywhere: not comparable, never guessed.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache, lru_cache

from profiles.datatypes.ucum_units import BASE, BINARY_PREFIXES, METRIC, OWN, OWN_METRIC, PLAIN, PREFIXES

Dimension = tuple[tuple[str, int], ...]
"""Base units with their exponents, sorted by name, none zero."""
Unit = tuple[Fraction, Dimension]
"""How many of the base units one of the unit is."""

MAX_LENGTH = 200
MAX_EXPONENT = 100
MAX_NESTING = 20
_PRECISE = Context(prec=34, Emax=6144, Emin=-6143)
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_SYMBOL = re.compile(r"(?P<symbol>10[*^]|(?:\[[^\]\s]*\]|[^\s0-9./(){}\[\]+-])+)(?P<exponent>[+-]?[0-9]+)?", re.ASCII)
_ANNOTATION = re.compile(r"\{[!-z|~]*\}")
_OFFSETS = {
    "Cel": (Fraction(1), Fraction("273.15")),
    "[degF]": (Fraction(5, 9), Fraction("459.67") * 5 / 9),
    "[degRe]": (Fraction(5, 4), Fraction("273.15")),
}
"""Temperature scales whose zero is not that of the kelvin: kelvins are value * factor + offset."""
ONE: Unit = (Fraction(1), ())


@cache
def _definitions() -> tuple[dict[str, tuple[Fraction, str]], frozenset[str], frozenset[str]]:
    """Return ({symbol: (number, unit)}, symbols that take prefixes, symbols that are base units)."""
    defined: dict[str, tuple[Fraction, str]] = {}
    for entry in (METRIC + PLAIN).split():
        symbol, _, definition = entry.partition("=")
        number, _, unit = definition.partition("*")
        defined[symbol] = Fraction(number), unit
    metric = {entry.partition("=")[0] for entry in METRIC.split()} | {*BASE, *OWN_METRIC.split()}
    return defined, frozenset(metric), frozenset((*BASE, *OWN_METRIC.split(), *OWN.split()))


@cache
def _atom(symbol: str) -> Unit | None:
    defined, _, base = _definitions()
    if symbol in base:
        return Fraction(1), ((symbol, 1),)
    if symbol not in defined:
        return None
    number, definition = defined[symbol]
    unit = parse(definition)
    return None if unit is None else (number * unit[0], unit[1])


def _simple(symbol: str) -> Unit | None:
    """Return a symbol with or without prefix; a symbol of its own goes before a prefixed one (`cd`, `Pa`)."""
    unit = _atom_or_none(symbol)
    if unit is not None:
        return unit
    metric = _definitions()[1]
    for length in (1, 2):
        prefix, rest = symbol[:length], symbol[length:]
        if rest in metric and (prefix in PREFIXES or prefix in BINARY_PREFIXES):
            unit = _atom(rest)
            scale = Fraction(10) ** PREFIXES[prefix] if prefix in PREFIXES else Fraction(2) ** BINARY_PREFIXES[prefix]
            return None if unit is None else (unit[0] * scale, unit[1])
    return None


def _atom_or_none(symbol: str) -> Unit | None:
    # Only what UCUM defines may enter the unbounded cache of _atom; anything else is a user's text.
    defined, _, base = _definitions()
    return _atom(symbol) if symbol in defined or symbol in base else None


def _product(left: Unit, right: Unit, sign: int) -> Unit:
    exponents = dict(left[1])
    for symbol, exponent in right[1]:
        exponents[symbol] = exponents.get(symbol, 0) + sign * exponent
    factor = left[0] * right[0] if sign > 0 else left[0] / right[0]
    return factor, tuple(sorted((s, e) for s, e in exponents.items() if e))


def _power(unit: Unit, exponent: int) -> Unit:
    return unit[0] ** exponent, tuple((s, e * exponent) for s, e in unit[1] if exponent)


class _Reader:
    """Recursive descent over UCUM's grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def term(self) -> Unit | None:
        """Read components joined by `.` and `/`, from left to right."""
        result: Unit | None = ONE
        sign = 1
        if self.text.startswith("/", self.at):
            self.at += 1
            sign = -1
        while True:
            component = self.component()
            if component is None or result is None:
                return None
            result = _product(result, component, sign)
            operator = self.text[self.at : self.at + 1]
            if operator not in (".", "/") or not operator:
                return result
            self.at += 1
            sign = 1 if operator == "." else -1

    def component(self) -> Unit | None:
        """Read a number, an annotation, a parenthesis or a symbol with exponent and annotation."""
        if self.text.startswith("(", self.at):
            self.at += 1
            unit = self.term()
            if unit is None or not self.text.startswith(")", self.at):
                return None
            self.at += 1
            return self.annotated(unit)
        if annotation := _ANNOTATION.match(self.text, self.at):
            self.at = annotation.end()
            return ONE
        return self.annotated(self.symbol())

    def annotated(self, unit: Unit | None) -> Unit | None:
        """Pass over the annotation of a unit, which means nothing; the standard's own examples annotate parentheses."""
        if annotation := _ANNOTATION.match(self.text, self.at):
            self.at = annotation.end()
        return unit

    def symbol(self) -> Unit | None:
        """Read a symbol with its exponent, or a whole number."""
        match = _SYMBOL.match(self.text, self.at)
        if match is None:
            number = _NUMBER.match(self.text, self.at)
            if number is None or int(number[0]) == 0:
                return None
            self.at = number.end()
            return Fraction(int(number[0])), ()
        self.at = match.end()
        unit = _simple(match["symbol"])
        exponent = int(match["exponent"] or 1)
        if unit is None or abs(exponent) > MAX_EXPONENT:
            return None
        return _power(unit, exponent) if exponent != 1 else unit


@lru_cache(maxsize=1024)
def parse(text: str) -> Unit | None:
    """Return a unit's factor and dimension (`mg/dL` is 10 g.m-3), None for what is not UCUM or has no ratio scale."""
    if not text or len(text) > MAX_LENGTH or text.count("(") > MAX_NESTING:
        return None
    reader = _Reader(text)
    unit = reader.term()
    return unit if reader.at == len(text) else None


def _factor(unit: str) -> tuple[Fraction, Fraction, Dimension] | None:
    """Return (factor, offset, dimension)."""
    bare = unit.partition("{")[0]
    if bare in _OFFSETS and (bare == unit or _ANNOTATION.fullmatch(unit, len(bare))):
        return (*_OFFSETS[bare], (("K", 1),))
    found = parse(unit)
    return None if found is None else (found[0], Fraction(0), found[1])


def is_unit(text: str) -> bool:
    """Return whether a text is a unit of UCUM, of a ratio scale or not."""
    return _factor(text) is not None


def measure(value: Decimal, unit: str) -> tuple[Fraction, Dimension] | None:
    """Return a quantity's value in base units, exactly, and the dimension; None for an unknown unit."""
    found = _factor(unit)
    return None if found is None else (Fraction(value) * found[0] + found[1], found[2])


def convert(value: Decimal, unit: str, target: str) -> Decimal | None:
    """Return the value in `target`, None when the units have different dimensions or one is unknown."""
    source, goal = _factor(unit), _factor(target)
    if source is None or goal is None or source[2] != goal[2]:
        return None
    number = (Fraction(value) * source[0] + source[1] - goal[1]) / goal[0]
    return _PRECISE.divide(Decimal(number.numerator), Decimal(number.denominator))


def combine(left: str, right: str, divide: bool) -> str:
    """Return the unit of a product or quotient."""
    if re.search(r"[./]", right):
        right = f"({right})"
    return f"{left}/{right}" if divide else f"{left}.{right}"


def dimension_text(dimension: Dimension) -> str:
    """Return a dimension as a UCUM unit: `g.m-3`, `1` for a plain number."""
    return ".".join(symbol if exponent == 1 else f"{symbol}{exponent}" for symbol, exponent in dimension) or "1"
