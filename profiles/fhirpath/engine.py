"""FHIRPath for R4: compile an expression once, evaluate it on many resources (http://hl7.org/fhir/R4/fhirpath.html)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from profiles.datatypes.quantity import Quantity
from profiles.datatypes.temporal import Temporal
from profiles.deadline import Deadline
from profiles.fhirpath.code import Code
from profiles.fhirpath.compiler import Compiler
from profiles.fhirpath.environment import DEFAULT_STEPS, NO_ENVIRONMENT, Environment, Frame
from profiles.fhirpath.errors import (
    FhirPathBudgetError,
    FhirPathError,
    FhirPathSyntaxError,
    FhirPathTypeError,
)
from profiles.fhirpath.node import Json, Node, Scope
from profiles.fhirpath.parser import parse
from profiles.fhirpath.shapes import shape

__all__ = [
    "Environment",
    "Expression",
    "FhirPathBudgetError",
    "FhirPathError",
    "FhirPathSyntaxError",
    "FhirPathTypeError",
    "Node",
    "Scope",
    "compile_expression",
]

_FHIR_NAMES = {bool: "boolean", int: "integer", Decimal: "decimal", str: "string"}


class Expression:
    """A compiled expression. It keeps no state: one serves all threads and resources."""

    __slots__ = ("_run", "_truth", "lenient", "root", "text")

    def __init__(self, text: str, code: Code, root: str | None, lenient: bool) -> None:
        self.text = text
        self.root = root
        self.lenient = lenient
        self._run = code.items
        self._truth = code.truth

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(self, resource: Json, *, environment: Environment | None = None) -> list[Any]:
        """Return the result on a resource as plain JSON values.

        Dates are their FHIR strings, quantities FHIR Quantities; a primitive that has only extensions is left out.
        Raises FhirPathError.
        """
        scope = Scope.of(resource)
        found = []
        for item in self._items(Node(resource, scope.shape, None, scope), environment):
            value = _plain(item)
            if value is not None:
                found.append(value)
        return found

    def nodes(self, resource: Json, *, environment: Environment | None = None) -> list[Node]:
        """Return the result on a resource as nodes; FHIRPath's own values get the FHIR type they correspond to.

        Raises FhirPathError.
        """
        scope = Scope.of(resource)
        items = self._items(Node(resource, scope.shape, None, scope), environment)
        return [item if item.__class__ is Node else _as_node(item, scope) for item in items]

    def nodes_from(self, node: Node, *, environment: Environment | None = None) -> list[Node]:
        """Return the result on any node as nodes; `%resource` and `%rootResource` are those around the node.

        Raises FhirPathError.
        """
        items = self._items(node, environment)
        return [item if item.__class__ is Node else _as_node(item, node.scope) for item in items]

    def test(self, on: Node | Json, *, environment: Environment | None = None) -> bool | None:
        """Return the result as a boolean: None for empty, True for a single item that is no boolean.

        Raises FhirPathError, of several items too.
        """
        node = Scope.of(on).node() if isinstance(on, dict) else on
        focus = [node]
        try:
            return self._truth(self._frame(node, focus, environment), focus)
        except RecursionError as error:
            raise self._too_deep() from error

    def _items(self, node: Node, environment: Environment | None) -> list[Any]:
        focus = [node]
        try:
            return self._run(self._frame(node, focus, environment), focus)
        except RecursionError as error:
            raise self._too_deep() from error

    def _too_deep(self) -> FhirPathBudgetError:
        return FhirPathBudgetError(f"the expression {self.text!r} or the resource nests too deeply to be evaluated")

    def _frame(self, node: Node, focus: list[Any], environment: Environment | None) -> Frame:
        shape_of = node.shape
        if self.root is not None and self.root not in shape_of.ancestors and self.root != shape_of.structure:
            raise FhirPathTypeError(f"the expression {self.text!r} was compiled for {self.root}, not {node.type}")
        if environment is None:
            return Frame(NO_ENVIRONMENT, node.scope, focus, DEFAULT_STEPS)
        frame = Frame(environment, node.scope, focus, environment.steps)
        if environment.seconds is not None:
            frame.deadline = Deadline(environment.seconds)
        return frame


def _plain(item: Any) -> Any:
    if item.__class__ is Node:
        return item.value
    if item.__class__ is Temporal:
        return item.text
    return item.json() if item.__class__ is Quantity else item


def _as_node(item: Any, scope: Scope) -> Node:
    if isinstance(item, Temporal):
        return Node(item.text, shape(item.kind), None, scope)
    if isinstance(item, Quantity):
        return Node(item.json(), shape("Quantity"), None, scope)
    return Node(item, shape(_FHIR_NAMES[type(item)]), None, scope)


def compile_expression(text: str, *, root: str | None = None, lenient: bool = False) -> Expression:
    """Compile a FHIRPath expression.

    `root` is the type of what it will be evaluated on, or of what that is an element of: branches that begin with
    another type then cost nothing, and evaluating on something else is a FhirPathTypeError. `lenient` is for the
    standard's own expressions: `as` filters collections like ofType. Raises FhirPathSyntaxError, also for unknown
    functions, types and wrong arities.
    """
    if root is not None:
        try:
            shape(root)
        except KeyError as error:
            raise FhirPathTypeError(f"{root} is no type of FHIR R4") from error
    return Expression(text, Compiler(root, lenient).compile(parse(text), outer=True), root, lenient)
