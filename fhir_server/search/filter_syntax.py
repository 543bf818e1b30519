"""The grammar of `_filter` (http://hl7.org/fhir/R4/search_filter.html).

    filter  = test / filter ("and" / "or") filter / ["not"] "(" filter ")"
    test    = path SP operator SP value
    path    = name *(["[" filter "]"] "." name)
    value   = JSON string / any characters but white space, ")" and "]"

`and` and `or` have no precedence over each other: they are read from left to right.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

NESTING = 20
"""How deep parentheses and brackets may go."""
TESTS = 100
"""The most tests of one filter."""

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*", re.ASCII)
_OPERATOR = re.compile(r"[A-Za-z]{2}(?![^\s])", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN = re.compile(r"[^\s)\]]+")
_LOGIC = re.compile(r"(and|or)(?![A-Za-z0-9_\-])", re.ASCII)
_NOT = re.compile(r"not(?=\s*\()", re.ASCII)


class FilterSyntax(ValueError):
    """A filter that is not written by the grammar; the text says what is due and at which character."""


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path, perhaps with a filter on what it points to."""

    name: str
    filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison; `quoted` tells a JSON string from a bare token."""

    path: tuple[Step, ...]
    operator: str
    value: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Logic:
    """Both of two filters, or either of them."""

    every: bool
    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True)
class Negation:
    """What the inner filter does not match."""

    inner: Filter


Filter = Comparison | Logic | Negation


def parse_filter(text: str) -> Filter:
    """Return the tree of a filter. Raises FilterSyntax."""
    reader = _Reader(text)
    found = reader.filter(0)
    if reader.at < len(text):
        raise reader.error("and, or, or the end")
    return found


class _Reader:
    """Recursive descent; `at` always stands behind white space."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.tests = 0
        self.take(_SPACE)

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Pass over what matches here and the white space after it; None when nothing does."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        blank = _SPACE.match(self.text, found.end())
        self.at = blank.end() if blank else found.end()
        return found[0]

    def sign(self, sign: str) -> bool:
        """Pass over one character and the white space after it."""
        return self.take(re.compile(re.escape(sign))) is not None

    def error(self, due: str) -> FilterSyntax:
        """Return the error that `due` is missing here."""
        return FilterSyntax(f"{due} is due at character {self.at + 1}")

    def filter(self, depth: int) -> Filter:
        """Read tests and parentheses with and, or between them."""
        if depth > NESTING:
            raise FilterSyntax(f"parentheses and brackets are nested deeper than {NESTING} at character {self.at + 1}")
        found = self.operand(depth)
        while logic := self.take(_LOGIC):
            found = Logic(logic == "and", found, self.operand(depth))
        return found

    def operand(self, depth: int) -> Filter:
        """Read a test, or a filter in parentheses, perhaps after not."""
        negated = self.take(_NOT) is not None
        if self.sign("("):
            inner = self.filter(depth + 1)
            if not self.sign(")"):
                raise self.error("a closing parenthesis")
            return Negation(inner) if negated else inner
        return self.test(depth)

    def test(self, depth: int) -> Comparison:
        """Read path, operator and value."""
        self.tests += 1
        if self.tests > TESTS:
            raise FilterSyntax(f"it has more than {TESTS} tests, counted to character {self.at + 1}")
        path = [self.step(depth)]
        while self.text[self.at : self.at + 1] == ".":
            self.at += 1
            path.append(self.step(depth))
        if path[-1].filter is not None:
            raise self.error("a point and a name after a filter in brackets")
        operator = self.take(_OPERATOR)
        if operator is None:
            raise self.error("an operator of two letters such as eq")
        return Comparison(tuple(path), operator, *self.value())

    def step(self, depth: int) -> Step:
        """Read a name and the filter in brackets after it."""
        name = self.take(_NAME)
        if name is None:
            raise self.error("the name of a parameter")
        if not self.sign("["):
            return Step(name)
        inner = self.filter(depth + 1)
        if not self.sign("]"):
            raise self.error("a closing bracket")
        return Step(name, inner)

    def value(self) -> tuple[str, bool]:
        """Read a JSON string or a token."""
        start = self.at
        text = self.take(_STRING)
        if text is not None:
            try:
                return json.loads(text), True
            except ValueError:
                raise FilterSyntax(f"a JSON string is due at character {start + 1}") from None
        token = self.take(_TOKEN)
        if token is None or token.startswith('"'):
            self.at = start
            raise self.error("a value, in quotation marks if it has blanks,")
        return token, False
