"""The syntax tree of a FHIRPath expression: what the parser makes and the compiler reads."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, boolean, or the empty collection `{}` (value None)."""

    value: str | int | Decimal | bool | None
    position: int


@dataclass(frozen=True, slots=True)
class TemporalLiteral:
    """`@2015-02-04`, `@2015T`, `@T14:34`; `text` is without the `@`."""

    text: str
    position: int


@dataclass(frozen=True, slots=True)
class QuantityLiteral:
    """`4 days` (calendar) or `10 'mg'` (UCUM)."""

    value: Decimal
    unit: str
    calendar: bool
    position: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`%resource`, or with `special` one of `$this`, `$index`, `$total`."""

    name: str
    special: bool
    position: int


@dataclass(frozen=True, slots=True)
class Member:
    """A path step; without `source` it starts at the focus."""

    source: Syntax | None
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function call; without `source` it works on the focus."""

    source: Syntax | None
    name: str
    arguments: tuple[Syntax, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Index:
    """`source[index]`."""

    source: Syntax
    index: Syntax
    position: int


@dataclass(frozen=True, slots=True)
class Polarity:
    """Unary `+` or `-`."""

    sign: str
    operand: Syntax
    position: int


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two expressions."""

    operator: str
    left: Syntax
    right: Syntax
    position: int


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is Name` or `operand as Name`; `name` may be qualified (`System.String`)."""

    operator: str
    operand: Syntax
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Ordered:
    """`key desc` or `key asc` as an argument of sort()."""

    key: Syntax
    descending: bool
    position: int


Syntax = (
    Literal
    | TemporalLiteral
    | QuantityLiteral
    | Variable
    | Member
    | Function
    | Index
    | Polarity
    | Binary
    | TypeTest
    | Ordered
)


def qualified_name(syntax: Syntax) -> str | None:
    """Return `System.String` for a path that consists of names only, else None: how types are passed to functions."""
    if not isinstance(syntax, Member):
        return None
    if syntax.source is None:
        return syntax.name
    before = qualified_name(syntax.source)
    return None if before is None else f"{before}.{syntax.name}"
