"""A function call while it is compiled: what the builder of a function may ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from profiles.fhirpath.code import FOCUS, Code, of_items
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathSyntaxError, FhirPathTypeError
from profiles.fhirpath.syntax import Syntax, qualified_name
from profiles.fhirpath.types import Test, type_test
from profiles.fhirpath.values import single, type_name

if TYPE_CHECKING:
    from profiles.fhirpath.compiler import Compiler


@dataclass(frozen=True, slots=True)
class Call:
    """`source.name(arguments)`; without a source in the text, the focus is the source."""

    name: str
    source: Code
    arguments: tuple[Syntax, ...]
    position: int
    compiler: Compiler

    @property
    def is_method(self) -> bool:
        """Whether the text has something before the dot."""
        return self.source is not FOCUS

    def argument(self, at: int) -> Code:
        """Return the code of an argument. Builders choose its focus: the items for criteria, else the outer focus."""
        return self.compiler.compile(self.arguments[at])

    def type_argument(self) -> Test:
        """Return the test for the type that the first argument names."""
        name = qualified_name(self.arguments[0])
        if name is None:
            raise FhirPathSyntaxError(f"{self.name}() takes the name of a type", self.arguments[0].position)
        return type_test(name, self.arguments[0].position)


@dataclass(frozen=True, slots=True)
class Rule:
    """A function: how many arguments it takes, and what compiles a call of it."""

    least: int
    most: int
    build: Callable[[Call], Code]


def of_kind(items: Items, kinds: tuple[type, ...], what: str) -> Any:
    """Return the one item if its class is one of `kinds`, None for none. Raises FhirPathTypeError for others."""
    value = single(items, what)
    if value is not None and value.__class__ not in kinds:
        names = " or ".join(
            {"str": "String", "int": "Integer", "bool": "Boolean"}.get(k.__name__, k.__name__) for k in kinds
        )
        raise FhirPathTypeError(f"{what} is for {names}, not {type_name(value)}")
    return value


def values_rule(
    compute: Callable[..., Any], kinds: tuple[type, ...], *arguments: tuple[type, ...], optional: int = 0
) -> Rule:
    """Return the rule of a function from single values to one: empty when any of them is empty.

    `compute` gets the input, of one of `kinds`, and the arguments, each of its kinds; it returns None for empty.
    The last `optional` arguments may be missing and are then not passed.
    """

    def build(call: Call) -> Code:
        what = f"{call.name}()"
        codes = [call.argument(at) for at in range(len(call.arguments))]

        def items(frame: Frame, focus: Items) -> Items:
            value = of_kind(call.source.items(frame, focus), kinds, what)
            if value is None:
                return []
            given = []
            for code, accepted in zip(codes, arguments, strict=False):
                argument = of_kind(code.items(frame, focus), accepted, what)
                if argument is None:
                    return []
                given.append(argument)
            result = compute(value, *given)
            if result.__class__ is str:
                frame.spend(len(result) // 64)
            return [] if result is None else [result]

        return of_items(items)

    return Rule(len(arguments) - optional, len(arguments), build)
