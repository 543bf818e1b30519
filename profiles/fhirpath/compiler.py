"""Compile a syntax tree to closures, checking functions, arities and types on the way."""

from __future__ import annotations

from profiles import definitions
from profiles.datatypes import temporal
from profiles.datatypes.quantity import Quantity
from profiles.fhirpath import operators, variables
from profiles.fhirpath.arithmetic import OPERATIONS, arithmetic, polarity
from profiles.fhirpath.call import Call
from profiles.fhirpath.code import FOCUS, NOTHING, Code, of_constant
from profiles.fhirpath.errors import FhirPathSyntaxError
from profiles.fhirpath.functions.registry import function
from profiles.fhirpath.paths import item_at, path, type_prefix
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
from profiles.fhirpath.types import as_type, is_type, type_test

MAX_DEPTH = 150
"""How many operations may wait for each other's result; Python's own stack sets the order of magnitude."""


class Compiler:
    """One compilation. `root` is the type of the focus at the outermost level, where it is known."""

    def __init__(self, root: str | None, lenient: bool) -> None:
        self.root = root
        self.lenient = lenient
        self.depth = 0
        self.defined: frozenset[str] = frozenset()

    def compile(self, syntax: Syntax, outer: bool = False) -> Code:
        """Return the code of `syntax`; `outer` says that its focus is the resource the evaluation begins at.

        What it defines by defineVariable() is unknown after it.
        """
        before = self.defined
        code = self._chained(syntax, outer)
        self.defined = before
        return code

    def _chained(self, syntax: Syntax, outer: bool) -> Code:
        """Return the code of what another step follows, which knows the variables defined there."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FhirPathSyntaxError(f"the expression chains more than {MAX_DEPTH} operations", syntax.position)
        code = self._compile(syntax, outer)
        self.depth -= 1
        return code

    def _compile(self, syntax: Syntax, outer: bool) -> Code:
        match syntax:
            case Member():
                return self._member(syntax, outer)
            case Function():
                return self._function(syntax, outer)
            case Binary():
                return self._binary(syntax, outer)
            case Literal(value=None):
                return NOTHING
            case Literal(value=value):
                return of_constant(value)
            case TypeTest():
                operand = self.compile(syntax.operand, outer)
                test = type_test(syntax.name, syntax.position)
                if operand.nothing:
                    return NOTHING
                return is_type(operand, test) if syntax.operator == "is" else as_type(operand, test, self.lenient)
            case Index():
                return item_at(self._chained(syntax.source, outer), self.compile(syntax.index, outer))
            case Variable(special=False, name=name) if name in self.defined:
                return variables.defined(name)
            case Variable():
                return variables.variable(syntax.name, syntax.special, syntax.position)
            case Ordered():
                return self.compile(syntax.key, outer)
            case Polarity():
                return polarity(self.compile(syntax.operand, outer), syntax.sign)
            case QuantityLiteral():
                return of_constant(Quantity(syntax.value, syntax.unit, syntax.calendar))
            case TemporalLiteral():
                return _temporal(syntax)

    def _member(self, syntax: Member, outer: bool) -> Code:
        names: list[str] = []
        first: Syntax | None = syntax
        while isinstance(first, Member) and not (first.source is None and _is_type(first.name)):
            names.append(first.name)
            first = first.source
        if len(names) > MAX_DEPTH:
            raise FhirPathSyntaxError(f"the path has more than {MAX_DEPTH} steps", syntax.position)
        if isinstance(first, Member):
            source = self._type_prefix(first.name, outer)
        else:
            source = FOCUS if first is None else self._chained(first, outer)
        return source if source.nothing or not names else path(source, tuple(reversed(names)))

    def _type_prefix(self, name: str, outer: bool) -> Code:
        if not outer or self.root is None:
            return type_prefix(name)
        if definitions.is_a(self.root, name):
            return FOCUS
        # With a known root, another type's branch of a shared search expression costs nothing.
        return type_prefix(name) if definitions.is_a(name, self.root) else NOTHING

    def _function(self, syntax: Function, outer: bool) -> Code:
        rule = function(syntax.name, syntax.position)
        given = len(syntax.arguments)
        if not rule.least <= given <= rule.most:
            wanted = str(rule.least) if rule.least == rule.most else f"{rule.least} to {rule.most}"
            raise FhirPathSyntaxError(
                f"{syntax.name}() takes {wanted} argument{'' if wanted == '1' else 's'}, not {given}", syntax.position
            )
        source = FOCUS if syntax.source is None else self._chained(syntax.source, outer)
        return rule.build(Call(syntax.name, source, syntax.arguments, syntax.position, self))

    def define(self, name: str, position: int) -> None:
        """Make a variable known to what follows. Raises FhirPathSyntaxError when it is known already."""
        if name in self.defined or variables.is_built_in(name):
            raise FhirPathSyntaxError(f"%{name} is defined already; choose another name", position)
        self.defined |= {name}

    def _binary(self, syntax: Binary, outer: bool) -> Code:
        operator = syntax.operator
        if operator in ("|", "and", "or"):
            return self._chain(syntax, outer)
        left, right = self.compile(syntax.left, outer), self.compile(syntax.right, outer)
        match operator:
            case "=" | "!=":
                return operators.equality(left, right, operator == "!=")
            case "~" | "!~":
                return operators.equivalence(left, right, operator == "!~")
            case "<" | ">" | "<=" | ">=":
                return operators.inequality(left, right, operator)
            case "xor":
                return operators.exclusion(left, right)
            case "implies":
                return operators.implication(left, right)
            case "in":
                return operators.membership(left, right, "'in'")
            case "contains":
                return operators.membership(right, left, "'contains'")
            case "&":
                return operators.concatenation(left, right)
        if operator not in OPERATIONS:
            raise FhirPathSyntaxError(f"{operator!r} is no operator", syntax.position)
        return arithmetic(left, right, operator)

    def _chain(self, syntax: Binary, outer: bool) -> Code:
        """Compile `a | b | c ...` flat: shared search expressions have dozens of branches."""
        parts: list[Syntax] = []
        rest: Syntax = syntax
        while isinstance(rest, Binary) and rest.operator == syntax.operator:
            parts.append(rest.right)
            rest = rest.left
        parts.append(rest)
        codes = [self.compile(part, outer) for part in reversed(parts)]
        if syntax.operator == "|":
            codes = [code for code in codes if not code.nothing]
            if not codes:
                return NOTHING
            return operators.union(codes)
        return (operators.conjunction if syntax.operator == "and" else operators.disjunction)(codes)


def _is_type(name: str) -> bool:
    return name[:1].isupper() and name in definitions.type_names()


def _temporal(syntax: TemporalLiteral) -> Code:
    try:
        if syntax.text.startswith("T"):
            return of_constant(temporal.parse_time(syntax.text[1:]))
        return of_constant(temporal.parse_date_time(syntax.text))
    except ValueError as error:
        raise FhirPathSyntaxError(f"@{syntax.text} is not a date or time: {error}", syntax.position) from error
