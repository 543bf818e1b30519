"""The standard's invariants, checked where the elements are that they speak of.

Per type a plan is made once: which rules stand at an element, and which properties lead to further rules. A walk then
touches only what the resource holds. Expressions are FHIRPath; the rules met on almost every resource are written out
in `plain` (http://hl7.org/fhir/R4/conformance-rules.html#constraints).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from profiles.definitions import Element, at, constraint, structure
from profiles.fhirpath.engine import Expression, compile_expression
from profiles.fhirpath.environment import Environment
from profiles.fhirpath.errors import FhirPathBudgetError, FhirPathError
from profiles.fhirpath.node import Node, Scope
from profiles.fhirpath.shapes import Shape as NodeShape
from profiles.fhirpath.shapes import shape as node_shape
from profiles.issues import Issue
from profiles.validation.plain import GUARDS, RULES, SURE, Local
from profiles.validation.prose.rules import ProseRule, prose_rules
from profiles.validation.tables import Property, shape
from profiles.validation.words import WORDS

Json = dict[str, Any]
Trail = tuple[Any, str, int]
"""Where a walk is: (the trail before, element name, index or -1), written out only when something is found."""

ELSEWHERE = frozenset({"ele-1", "ext-1", "dom-2", "dom-3", "dom-4", "dom-5", "txt-1", "txt-2"})
"""Rules that structure, contained resources and narratives are checked for without FHIRPath."""

BEST_PRACTICE = frozenset({"dom-6"})
"""Advice, not a fault: a resource without narrative is normal between systems."""

UNDECIDED = frozenset({"per-1", "rng-2", "mdd-1", "inv-1~3"})
"""Comparisons that give no answer for dates of different precision or for other units: not shown to be broken."""

ENVIRONMENT = Environment(steps=10_000_000)
"""The standard's own expressions are no danger, but some take the square of a resource's size."""


class Rule:
    """One invariant at one element, compiled when first needed."""

    __slots__ = ("_expression", "guard", "name", "plain", "root", "sure")

    def __init__(self, name: str, root: str) -> None:
        self.name = name
        self.root = root
        self.plain = RULES.get(name)
        self.guard = GUARDS.get(name)
        self.sure = SURE.get(name)
        self._expression: Expression | None = None

    def broken(self, value: Any, node: Node) -> bool:
        """Return whether the rule does not hold. Raises FhirPathError when it cannot be evaluated."""
        if self._expression is None:
            self._expression = compile_expression(constraint(self.name).expression, root=self.root, lenient=True)
        held = self._expression.test(node, environment=ENVIRONMENT)
        return not held if held is not None else self.name not in UNDECIDED

    def issues(self, value: Any, path: str) -> list[Issue]:
        """Return the issue of the broken rule at `path`."""
        rule = constraint(self.name)
        words = WORDS.get(self.name)
        message = f"{path} breaks {rule.key}: {f'{words}.' if words else f'this rule does not hold: {rule.expression}'}"
        return [Issue(rule.severity, "invariant", message, path)]


AnyRule = Rule | ProseRule


class Member:
    """One property that may lead to rules: those at the element itself, and the plan of what is inside."""

    __slots__ = ("label", "node_shape", "plan", "repeats", "rules")

    def __init__(self, of: Property, rules: tuple[AnyRule, ...], shape_of: NodeShape | None) -> None:
        self.label = of.label
        self.repeats = of.repeats
        self.rules = rules
        self.plan = plan(of.shape) if of.shape else None
        self.node_shape = shape_of


class Plan:
    """The rules at a shape and the members that lead on; members are found when first walked into."""

    __slots__ = ("_members", "key", "node_shape", "rules")

    def __init__(self, key: str) -> None:
        self.key = key
        name, _, path = key.partition("!")[0].partition("#")
        element = at(name, path) if path else structure(name).root
        self.rules: tuple[AnyRule, ...] = _rules(element, name)
        if not path:
            self.rules += prose_rules(name)
        self.node_shape = node_shape(name, path)
        self._members: dict[str, Member] | None = None

    @property
    def members(self) -> dict[str, Member]:
        """The members by JSON name."""
        if self._members is None:
            of = shape(self.key)
            found = {row.name: _member(row, of.type) for row in of.properties.values()}
            self._members = {name: member for name, member in found.items() if member is not None}
        return self._members


@cache
def plan(key: str) -> Plan:
    """Return the plan of the shape `key` (see `tables`)."""
    return Plan(key)


def _rules(element: Element, root: str) -> tuple[Rule, ...]:
    skipped = ELSEWHERE | BEST_PRACTICE
    return tuple(Rule(name, root) for name in element.constraints if name not in skipped)


def _member(row: Property, type_name: str) -> Member | None:
    own = f"{type_name}#{row.element.path}"
    rules: tuple[AnyRule, ...] = () if row.shape == own else _rules(row.element, row.type or type_name)
    if not row.shape:
        rules += prose_rules(row.type)
    if not row.shape and not rules:
        return None
    return Member(row, rules, node_shape(row.type) if row.type and row.shape != own else None)


def invariant_issues(scope: Scope, path: str, local: Local) -> list[Issue]:
    """Return the broken invariants of the resource of `scope`, those inside it left out.

    `path` is its FHIRPath, `local` what `#id` may refer to: the same for a resource and those it contains.
    """
    walk = _Walk(scope, path, local)
    walk.element(plan(scope.resource["resourceType"]), scope.resource, None)
    return walk.issues


class _Walk:
    __slots__ = ("issues", "local", "path", "scope")

    def __init__(self, scope: Scope, path: str, local: Local) -> None:
        self.scope = scope
        self.local = local
        self.path = path
        self.issues: list[Issue] = []

    def element(self, of: Plan, value: Json, trail: Trail | None) -> None:
        """Check the rules at one object and walk on."""
        if of.rules:
            self.check(of.rules, value, of.node_shape, trail)
        members = of.members
        for name, inside in value.items():
            member = members.get(name)
            if member is not None:
                self.member(member, inside, trail)
            elif name[:1] == "_":
                self.sibling(inside, shape(of.key).properties[name[1:]].label, trail)

    def member(self, of: Member, value: Any, trail: Trail | None) -> None:
        if not of.repeats:
            self.one(of, value, (trail, of.label, -1))
            return
        for index, each in enumerate(value):
            if each is not None:
                self.one(of, each, (trail, of.label, index))

    def one(self, of: Member, value: Any, trail: Trail) -> None:
        if of.rules:
            shape_of = of.node_shape or (of.plan.node_shape if of.plan else None)
            if shape_of is not None:
                self.check(of.rules, value, shape_of, trail)
        if of.plan is not None:
            self.element(of.plan, value, trail)

    def sibling(self, value: Any, label: str, trail: Trail | None) -> None:
        """Walk into the extensions beside a primitive."""
        for index, each in enumerate(value) if isinstance(value, list) else ((-1, value),):
            if each is not None:
                for number, extension in enumerate(each.get("extension", ())):
                    self.element(plan("Extension"), extension, ((trail, label, index), "extension", number))

    def check(self, rules: tuple[AnyRule, ...], value: Any, of: NodeShape, trail: Trail | None) -> None:
        """Check the rules at one element, in plain code where there is some."""
        node = None
        for rule in rules:
            if rule.plain is not None:
                if not rule.plain(value, self.local):
                    self.issues += rule.issues(value, self.place(trail))
                continue
            if rule.guard is not None and not all(name in value for name in rule.guard):
                continue
            node = node or Node(value, of, None, self.scope)
            self.evaluate(rule, value, node, trail)

    def evaluate(self, rule: Rule, value: Any, node: Node, trail: Trail | None) -> None:
        try:
            if rule.broken(value, node):
                self.issues += rule.issues(value, self.place(trail))
        except FhirPathBudgetError:
            path = self.place(trail)
            what = f"{path} is too large to check the rule {constraint(rule.name).key}; split the resource"
            self.issues.append(Issue("error", "too-costly", f"{what}.", path))
        except FhirPathError as error:
            path = self.place(trail)
            what = f"{path} could not be checked for the rule {constraint(rule.name).key}: {error}"
            self.issues.append(Issue("warning", "processing", what, path))

    def place(self, trail: Trail | None) -> str:
        """Write out a trail as FHIRPath."""
        parts = []
        while trail is not None:
            trail, label, index = trail
            parts.append(f".{label}" if index < 0 else f".{label}[{index}]")
        return self.path + "".join(reversed(parts))
