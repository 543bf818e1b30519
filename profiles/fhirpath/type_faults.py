"""Check an expression against the definitions before it is evaluated: strict typing.

What can never be right is a fault: an element that none of the types has, a function or operator for other types, a
position among items that have no order. What may be right is let be (http://hl7.org/fhirpath/#type-safety-and-strict-evaluation).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from profiles.definitions import type_names
from profiles.fhirpath import variables
from profiles.fhirpath.kinds import (
    ANY,
    MEASURES,
    MOMENTS,
    NOTHING,
    NUMBERS,
    TEXT,
    Kind,
    Type,
    merged,
    narrowed,
    of_shapes,
    of_system,
)
from profiles.fhirpath.parser import parse
from profiles.fhirpath.shapes import Child, Shape, shape
from profiles.fhirpath.signatures import CRITERIA, GIVES, IN_ORDER, SAME, TAKES
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
    qualified_name,
)


@dataclass(frozen=True, slots=True)
class TypeFault:
    """What can never be right in an expression; `position` counts its characters from 0."""

    message: str
    position: int


@dataclass(frozen=True, slots=True)
class _Around:
    """What an expression sees: its focus, `$this` and the variables defined before it."""

    focus: Kind
    this: Kind
    outer: bool = False


def type_faults(text: str, roots: Iterable[Shape], *, strangers: bool = False) -> list[TypeFault]:
    """Return what can never be right in an expression on items of the types `roots`, [] for nothing.

    With `strangers` a path may begin with another type, as in the search expressions that several types share. Raises
    FhirPathSyntaxError for what is no FHIRPath; unknown functions and types are found by compiling.
    """
    syntax = parse(text)
    root = of_shapes(roots)
    checker = _Checker(root, strangers)
    try:
        checker.kind(syntax, _Around(root, root, True))
    except RecursionError:
        checker.faults.append(TypeFault("the expression nests too deeply", 0))
    return checker.faults


class _Checker:
    def __init__(self, root: Kind, strangers: bool) -> None:
        self.root = root
        self.strangers = strangers
        self.faults: list[TypeFault] = []
        self.defined: dict[str, Kind] = {}

    def fault(self, message: str, position: int) -> Kind:
        """Note a fault; what follows it is not judged."""
        found = TypeFault(message, position)
        if found not in self.faults:
            self.faults.append(found)
        return ANY

    def kind(self, syntax: Syntax, around: _Around) -> Kind:
        """Return what an expression gives; variables it defines are unknown after it."""
        before = dict(self.defined)
        found = self.chained(syntax, around)
        self.defined = before
        return found

    def chained(self, syntax: Syntax, around: _Around) -> Kind:
        """Return what an expression gives that another step follows."""
        match syntax:
            case Member():
                return self.member(syntax, around)
            case Function():
                return self.function(syntax, around)
            case Binary():
                return self.binary(syntax, around)
            case Literal():
                return _literal(syntax)
            case TypeTest():
                operand = self.kind(syntax.operand, around)
                return of_system("Boolean") if syntax.operator == "is" else narrowed(operand, syntax.name)
            case Index():
                return self.index(syntax, around)
            case Variable():
                return self.variable(syntax, around)
            case Polarity():
                return self.polarity(syntax, around)
            case QuantityLiteral():
                return of_system("Quantity")
            case TemporalLiteral(text=text):
                return of_system("Time" if text.startswith("T") else "DateTime" if "T" in text else "Date")
            case Ordered():
                return self.kind(syntax.key, around)

    def source(self, syntax: Syntax | None, around: _Around) -> Kind:
        return around.focus if syntax is None else self.chained(syntax, around)

    def member(self, syntax: Member, around: _Around) -> Kind:
        if syntax.source is None and syntax.name[:1].isupper() and syntax.name in type_names():
            return self.prefix(syntax, around)
        before = self.source(syntax.source, around)
        if before.types is None:
            return replace(ANY, ordered=before.ordered)
        found: set[Shape] = set()
        for each in before.types:
            if isinstance(each, Shape):
                child = each.children.get(syntax.name)
                if child is not None:
                    found |= {child.shape} if isinstance(child, Child) else {one.shape for one in child.values()}
        if not found and before.types:
            return self.fault(
                f"{before.listed()} has no element {syntax.name!r}{_hint(before, syntax)}", syntax.position
            )
        return replace(of_shapes(found), ordered=before.ordered)

    def prefix(self, syntax: Member, around: _Around) -> Kind:
        """Return the focus as far as it is of the type that a path begins with."""
        left = narrowed(around.focus, syntax.name)
        if left.nothing and not around.focus.nothing and not (self.strangers and around.outer):
            return self.fault(f"{around.focus.listed()} is never a {syntax.name}", syntax.position)
        return left

    def index(self, syntax: Index, around: _Around) -> Kind:
        before = self.chained(syntax.source, around)
        if not self.kind(syntax.index, around).may_be(frozenset({"Integer"})):
            return self.fault("an indexer takes an Integer", syntax.position)
        if not before.ordered:
            return self.fault("the items before [ ] have no order", syntax.position)
        return before

    def variable(self, syntax: Variable, around: _Around) -> Kind:
        if syntax.special:
            return {"this": around.this, "index": of_system("Integer")}.get(syntax.name, ANY)
        if syntax.name in self.defined:
            return self.defined[syntax.name]
        if syntax.name == "context":
            return self.root
        if syntax.name == "resource":
            types = self.root.types
            whole = types is not None and all(isinstance(each, Shape) and each.resource for each in types)
            return self.root if whole else ANY
        if syntax.name == "rootResource":
            return ANY
        if not variables.is_built_in(syntax.name):
            return self.fault(f"%{syntax.name} is not defined", syntax.position)
        return of_system("String")

    def polarity(self, syntax: Polarity, around: _Around) -> Kind:
        operand = self.kind(syntax.operand, around)
        if not operand.may_be(MEASURES):
            return self.fault(f"{operand.listed()} has no sign", syntax.position)
        return operand

    def function(self, syntax: Function, around: _Around) -> Kind:
        before = self.source(syntax.source, around)
        name = syntax.name
        takes = TAKES.get(name)
        if takes is not None and not before.may_be(takes):
            return self.fault(f"{name}() is not for {before.listed()}", syntax.position)
        if name in IN_ORDER and not before.ordered:
            return self.fault(f"{name}() takes items in order; what is before it has none", syntax.position)
        if name in ("is", "as", "ofType"):
            asked = qualified_name(syntax.arguments[0]) if syntax.arguments else None
            return of_system("Boolean") if name == "is" else narrowed(before, asked) if asked else ANY
        return self.result(syntax, before, self.arguments(syntax, before, around))

    def arguments(self, syntax: Function, before: Kind, around: _Around) -> list[Kind]:
        """Return what the arguments give: criteria see an item, those of iif() and their like the items before."""
        name = syntax.name
        inside = _Around(before, before)
        whole = _Around(before, before if name == "iif" else around.this)
        found = []
        for at, argument in enumerate(syntax.arguments):
            if (name in CRITERIA and (name != "trace" or at)) or (name == "aggregate" and at == 0):
                found.append(self.kind(argument, inside))
            elif name in ("iif", "coalesce", "defineVariable") and syntax.source is not None:
                found.append(self.kind(argument, whole))
            else:
                found.append(self.kind(argument, around))
        return found

    def result(self, syntax: Function, before: Kind, given: list[Kind]) -> Kind:
        name = syntax.name
        if name in GIVES:
            return of_system(*GIVES[name])
        if name == "defineVariable" and isinstance(syntax.arguments[0], Literal):
            self.defined[str(syntax.arguments[0].value)] = given[1] if len(given) > 1 else before
        if name in SAME:
            return before
        if name in ("children", "descendants"):
            return Kind(None, ordered=False)
        if name == "extension":
            return of_shapes([shape("Extension")])
        if name in ("union", "combine"):
            return merged(before, *given[:1])
        if name == "iif":
            return merged(*given[1:])
        if name == "coalesce":
            return merged(*given)
        if name == "select":
            return replace(given[0], ordered=given[0].ordered and before.ordered)
        return self.repeated(syntax, given[0]) if name in ("repeat", "repeatAll") and given else ANY

    def repeated(self, syntax: Function, first: Kind) -> Kind:
        """Return what repeat() gives: what its projection gives of what it gave, until that adds no type."""
        found = first
        noted = list(self.faults)
        for _ in range(8):
            more = merged(found, self.kind(syntax.arguments[0], _Around(found, found)))
            if more == found:
                break
            found = more
        # The last round gives nothing, of whatever type: it is no fault to ask.
        self.faults = noted
        return found

    def binary(self, syntax: Binary, around: _Around) -> Kind:
        left, right = self.kind(syntax.left, around), self.kind(syntax.right, around)
        symbol = syntax.operator
        if symbol == "|":
            return merged(left, right)
        if symbol in ("<", ">", "<=", ">="):
            if not _comparable(left, right):
                return self.unfit(symbol, left, right, syntax.position)
            return of_system("Boolean")
        if symbol == "&":
            if not (left.may_be(TEXT) and right.may_be(TEXT)):
                return self.unfit(symbol, left, right, syntax.position)
            return of_system("String")
        if symbol in ("+", "-", "*", "/", "div", "mod"):
            if not _calculable(symbol, left, right):
                return self.unfit(symbol, left, right, syntax.position)
            return _calculated(left, right)
        return of_system("Boolean")

    def unfit(self, symbol: str, left: Kind, right: Kind, position: int) -> Kind:
        return self.fault(f"'{symbol}' is not for {left.listed()} and {right.listed()}", position)


def _literal(syntax: Literal) -> Kind:
    match syntax.value:
        case None:
            return NOTHING
        case bool():
            return of_system("Boolean")
        case int():
            return of_system("Integer")
        case str():
            return of_system("String")
    return of_system("Decimal")


def _hint(before: Kind, syntax: Member) -> str:
    names = {name for each in before.types or () if isinstance(each, Shape) for name in each.children}
    json = {
        name: child.name
        for each in before.types or ()
        if isinstance(each, Shape)
        for name, child in each.by_json.items()
    }
    if syntax.name in json:
        return f"; the element is {json[syntax.name]}, and ofType() chooses the type"
    near = get_close_matches(syntax.name, names, 1)
    return f"; {near[0]} is meant, perhaps" if near else ""


def _comparable(left: Kind, right: Kind) -> bool:
    groups = (TEXT, MEASURES, MOMENTS, frozenset({"Time"}))
    return any(left.may_be(group) and right.may_be(group) for group in groups)


def _calculable(symbol: str, left: Kind, right: Kind) -> bool:
    if symbol in ("div", "mod"):
        return left.may_be(NUMBERS) and right.may_be(NUMBERS)
    if left.may_be(MEASURES) and right.may_be(MEASURES):
        return True
    if symbol == "+" and left.may_be(TEXT) and right.may_be(TEXT):
        return True
    return symbol in "+-" and left.may_be(MOMENTS | {"Time"}) and right.may_be(frozenset({"Quantity"}))


def _calculated(left: Kind, right: Kind) -> Kind:
    """Return the kind of a sum and its like: numbers become those of the other operand."""
    a, b = left.values(), right.values()
    if a is None or b is None:
        return ANY
    types: frozenset[Type] = frozenset(each for each in (a | b if a <= MEASURES else a) if each)
    return Kind(types | ({"Decimal"} if a & NUMBERS else frozenset()))
