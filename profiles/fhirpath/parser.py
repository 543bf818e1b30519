"""Parse FHIRPath by precedence climbing (http://hl7.org/fhirpath/N1/#operator-precedence)."""

from __future__ import annotations

from decimal import Decimal

from profiles.fhirpath.errors import FhirPathSyntaxError
from profiles.fhirpath.lexer import Token, tokens
from profiles.fhirpath.syntax import (
    Binary,
    Function,
    Index,
    Literal,
    Member,
    Ordered,
    Polarity,
    QuantityLiteral,
    Syntax,
    TemporalLiteral,
    TypeTest,
    Variable,
)

MAX_DEPTH = 100
"""How deeply parentheses, arguments and indexers may nest; Python's own stack sets the order of magnitude."""

BINDING = {
    "implies": 1,
    "or": 2,
    "xor": 2,
    "and": 3,
    "in": 4,
    "contains": 4,
    "=": 5,
    "~": 5,
    "!=": 5,
    "!~": 5,
    "<": 6,
    ">": 6,
    "<=": 6,
    ">=": 6,
    "|": 7,
    "is": 8,
    "as": 8,
    "+": 9,
    "-": 9,
    "&": 9,
    "*": 10,
    "/": 10,
    "div": 10,
    "mod": 10,
}
UNARY = 11
NAMES_TOO = frozenset({"as", "contains", "in", "is"})
"""Keywords that are also element or function names."""
DIRECTIONS = ("asc", "desc")
CALENDAR_UNITS = {
    plural: unit
    for unit in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for plural in (unit, unit + "s")
}


class Parser:
    """One pass over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.at]

    def take(self) -> Token:
        """Return the next token and go on."""
        token = self.tokens[self.at]
        self.at += 1
        return token

    def is_symbol(self, text: str) -> bool:
        """Whether the next token is this symbol."""
        token = self.token
        return token.kind == "symbol" and token.text == text

    def expect(self, text: str) -> None:
        """Pass over a symbol that must be here."""
        if not self.is_symbol(text):
            raise FhirPathSyntaxError(f"{text!r} is expected, found {self._found()}", self.token.position)
        self.at += 1

    def _found(self) -> str:
        return "the end of the expression" if self.token.kind == "end" else repr(self.token.text)

    def whole(self) -> Syntax:
        """Parse the expression to its end."""
        syntax = self.expression(0)
        if self.token.kind != "end":
            raise FhirPathSyntaxError(
                f"an operator or the end is expected, found {self._found()}; an element that is named like an operator "
                "is written in backticks, such as text.`div`",
                self.token.position,
            )
        return syntax

    def expression(self, least: int) -> Syntax:
        """Parse an expression whose operators bind more tightly than `least`."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FhirPathSyntaxError(f"the expression nests more than {MAX_DEPTH} levels", self.token.position)
        left = self.operand()
        while True:
            token = self.token
            binding = BINDING.get(token.text, 0) if token.kind in ("symbol", "name") else 0
            if binding <= least:
                break
            self.at += 1
            if token.text in ("is", "as"):
                left = TypeTest(token.text, left, self.type_name(), token.position)
            else:
                left = Binary(token.text, left, self.expression(binding), token.position)
        self.depth -= 1
        return left

    def operand(self) -> Syntax:
        """Parse a term with its path steps and indexers, or a signed one."""
        if self.token.kind == "symbol" and self.token.text in "+-":
            sign = self.take()
            return Polarity(sign.text, self.expression(UNARY - 1), sign.position)
        syntax = self.term()
        while True:
            token = self.token
            if self.is_symbol("."):
                self.at += 1
                syntax = self.invocation(syntax)
            elif self.is_symbol("["):
                self.at += 1
                syntax = Index(syntax, self.expression(0), token.position)
                self.expect("]")
            else:
                return syntax

    def term(self) -> Syntax:
        """Parse a literal, variable, parenthesis or the first step of a path."""
        token = self.token
        match token.kind:
            case "string":
                self.at += 1
                return Literal(token.text, token.position)
            case "number":
                return self.number()
            case "date" | "time":
                self.at += 1
                return TemporalLiteral(token.text, token.position)
            case "variable" | "special":
                self.at += 1
                return Variable(token.text, token.kind == "special", token.position)
            case "name" if token.text in ("true", "false"):
                self.at += 1
                return Literal(token.text == "true", token.position)
        if self.is_symbol("("):
            self.at += 1
            syntax = self.expression(0)
            self.expect(")")
            return syntax
        if self.is_symbol("{"):
            self.at += 1
            self.expect("}")
            return Literal(None, token.position)
        return self.invocation(None)

    def number(self) -> Syntax:
        """Parse a number, with the unit that makes it a quantity."""
        token = self.take()
        unit = self.token
        if unit.kind == "string":
            self.at += 1
            return QuantityLiteral(Decimal(token.text), unit.text, False, token.position)
        if unit.kind == "name" and unit.text in CALENDAR_UNITS:
            self.at += 1
            return QuantityLiteral(Decimal(token.text), CALENDAR_UNITS[unit.text], True, token.position)
        return Literal(Decimal(token.text) if "." in token.text else int(token.text), token.position)

    def invocation(self, source: Syntax | None) -> Syntax:
        """Parse a step: an element's name, a function call, or `$this` and its like."""
        token = self.token
        if token.kind == "special":
            raise FhirPathSyntaxError(f"${token.text} cannot follow a dot", token.position)
        if token.kind not in ("name", "quoted"):
            raise FhirPathSyntaxError(f"a name or value is expected, found {self._found()}", token.position)
        if token.kind == "name" and token.text in BINDING and token.text not in NAMES_TOO:
            raise FhirPathSyntaxError(
                f"{token.text!r} is an operator; an element of that name is written `{token.text}`", token.position
            )
        self.at += 1
        if not self.is_symbol("("):
            return Member(source, token.text, token.position)
        self.at += 1
        arguments: list[Syntax] = []
        if not self.is_symbol(")"):
            arguments.append(self.argument(token.text))
            while self.is_symbol(","):
                self.at += 1
                arguments.append(self.argument(token.text))
        self.expect(")")
        return Function(source, token.text, tuple(arguments), token.position)

    def argument(self, function: str) -> Syntax:
        """Parse an argument; those of sort() may say in which direction."""
        syntax = self.expression(0)
        token = self.token
        if function == "sort" and token.kind == "name" and token.text in DIRECTIONS:
            self.at += 1
            return Ordered(syntax, token.text == "desc", token.position)
        return syntax

    def type_name(self) -> str:
        """Parse a type specifier, qualified or not."""
        names: list[str] = []
        while True:
            token = self.take()
            if token.kind not in ("name", "quoted"):
                raise FhirPathSyntaxError("the name of a type is expected", token.position)
            names.append(token.text)
            if not self.is_symbol("."):
                return ".".join(names)
            self.at += 1


def parse(text: str) -> Syntax:
    """Return the syntax tree of `text`. Raises FhirPathSyntaxError with the position."""
    return Parser(text).whole()
