"""The invariants a profile adds, within the budget of a run (http://hl7.org/fhir/R4/conformance-rules.html#constraints).

Profiles are uploaded by anybody: every evaluation has steps and seconds, and all of one run together have seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from profiles import definitions
from profiles.definitions import Element
from profiles.fhirpath.engine import Expression, compile_expression
from profiles.fhirpath.environment import Environment
from profiles.fhirpath.errors import FhirPathBudgetError, FhirPathError
from profiles.fhirpath.node import Scope
from profiles.fhirpath.shapes import Shape, resource_shape, shape
from profiles.issues import Severity
from profiles.validation.expressions import MAX_EXPRESSION, element_shapes, expression_fault
from profiles.validation.profiled.at import At, at_root
from profiles.validation.profiled.bound import member_hook
from profiles.validation.profiled.conform import conforms
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.run import STEPS, Run

if TYPE_CHECKING:
    from profiles.validation.profiled.check import Rule
    from profiles.validation.profiled.tree import Tree

SLICE_OF_TIME = 0.25
"""Seconds that one evaluation may take."""
BEST_PRACTICE = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"


def constraint_rules(definition: Definition, base: Element | None, tree: Tree) -> Iterator[Rule]:
    """Yield the rules of the constraints that R4 does not have at the element or its types itself."""
    known = _known(definition, base)
    listed = definition.raw.get("constraint")
    for row in listed if isinstance(listed, list) else ():
        key, text = row.get("key"), row.get("expression")
        if not isinstance(key, str) or not isinstance(text, str) or key in known:
            continue
        if len(text) > MAX_EXPRESSION:
            tree.note(definition.id, f"has the rule {key} of more than {MAX_EXPRESSION:,} characters; shorten it")
            continue
        try:
            expression = compile_expression(text, lenient=True)
        except (FhirPathError, RecursionError) as error:
            tree.note(definition.id, f"has the rule {key}, which cannot be read: {error or 'it nests too deeply'}")
            continue
        fault = expression_fault(text, _roots(definition, tree))
        if fault is not None:
            tree.note(definition.id, f"has the rule {key}, which {fault}")
        yield _rule(expression, row, key)


def _roots(definition: Definition, tree: Tree) -> tuple[Shape, ...]:
    """Return what the values of an element may be, any kind of thing where that is not known."""
    codes = {row.get("code") for row in definition.types}
    shapes = element_shapes(tree.type, definition.path)
    return tuple(each for each in shapes if not codes.isdisjoint(each.ancestors)) or (shape("Resource"),)


def _known(definition: Definition, base: Element | None) -> frozenset[str]:
    """Return the keys of R4's own rules at an element: base validation has those."""
    found: set[str] = set()
    if base is not None:
        found |= {name.partition("~")[0] for name in base.constraints}
    names = [str(row.get("code")) for row in definition.types]
    for name in names if "." in definition.path else [definition.path]:
        found |= _of_type(name)
    return frozenset(found)


@cache
def _of_type(name: str) -> frozenset[str]:
    if name not in definitions.type_names():
        return frozenset()
    return frozenset(
        key.partition("~")[0]
        for each in definitions.ancestors(name)
        for key in definitions.structure(each).root.constraints
    )


def _is_advice(row: Mapping[str, Any]) -> bool:
    listed = row.get("extension")
    return any(
        isinstance(each, dict) and each.get("url") == BEST_PRACTICE and each.get("valueBoolean") is True
        for each in (listed if isinstance(listed, list) else ())
    )


def _rule(expression: Expression, row: Mapping[str, Any], key: str) -> Rule:
    severity: Severity = "warning" if row.get("severity") == "warning" or _is_advice(row) else "error"
    human = row.get("human")
    words = human.strip().rstrip(".") if isinstance(human, str) and human.strip() else expression.text

    def rule(at: At, run: Run) -> None:
        try:
            if holds(expression, at, run):
                return
        except FhirPathBudgetError as error:
            what = f"could not be checked for the rule {key}: {error}"
            run.add("error", "too-costly", at, what, key)
        except FhirPathError as error:
            run.add("warning", "processing", at, f"could not be checked for the rule {key}: {error}", key)
        else:
            run.add(severity, "invariant", at, f"breaks the rule {key} of the profile: {words}", key)

    return rule


def holds(expression: Expression, at: At, run: Run) -> bool:
    """Return whether a rule holds at a value; no answer is no. Raises FhirPathError."""
    if run.deadline.is_over():
        raise FhirPathBudgetError(f"the rules of profiles took more than {run.context.seconds} s on this resource")
    if run.environment is None:
        run.environment = _environment(run)
    return expression.test(at.node, environment=run.environment) is True


def _environment(run: Run) -> Environment:
    context = run.context

    def conforms_to(value: Any, url: str) -> bool | None:
        shape = resource_shape(value)
        return None if shape is None else conforms(at_root(Scope(value, shape), shape.type), url, run)

    return Environment(
        resolve=context.fetch,
        member_of=member_hook(context),
        conforms_to=conforms_to,
        steps=STEPS,
        seconds=min(SLICE_OF_TIME, context.seconds),
    )
