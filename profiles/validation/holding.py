"""Do all invariants of a resource hold? The question that nearly every resource answers with yes, asked first.

The walk is that of `invariants` without what only a finding needs, and goes only where rules are. Most types lead to
rules by extensions alone, for any element may hold one: where the resource has none, those are passed by. Whatever does
not surely hold is left to `invariant_issues`, which looks again and says what and where it is.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.node import Node, Scope
from profiles.fhirpath.shapes import Shape as NodeShape
from profiles.validation.invariants import AnyRule, Member, Plan, Rule, plan
from profiles.validation.plain import Local

Json = dict[str, Any]

EXTENSION = "Extension"
_EXTENSION_NAME = b'xtension"'
_BESIDE_NAME = b'"_'
_UNDERSCORE = ord("_")

_encode = msgspec.json.Encoder(decimal_format="number").encode


def holds(scope: Scope, local: Local, *, bare: bool) -> bool:
    """Return whether the invariants of the resource of `scope` hold, those inside it left out.

    No also stands for what cannot be told. `local` is what `#id` may refer to (see `invariant_issues`); `bare` says
    that the resource has no extensions.
    """
    resource = scope.resource
    return _object(_steps(resource["resourceType"], bare), resource, scope, local)


def is_bare(resource: Any, text: bytes | None = None) -> bool:
    """Return whether `resource` surely has neither extensions nor anything beside a primitive, nor what is inside it.

    `text` is its JSON without white space, where that is at hand.
    """
    if text is None:
        try:
            text = _encode(resource)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return False
    # One character is found ten times as fast as two, and most resources have none.
    return _EXTENSION_NAME not in text and (_UNDERSCORE not in text or _BESIDE_NAME not in text)


class _Rules:
    """The rules at one element: those written out, and those that are evaluated when they might be broken."""

    __slots__ = ("_evaluated", "_plain", "_shape")

    def __init__(self, rules: tuple[AnyRule, ...], shape: NodeShape) -> None:
        self._plain = tuple(rule.plain for rule in rules if rule.plain is not None)
        self._evaluated = tuple(rule for rule in rules if isinstance(rule, Rule) and rule.plain is None)
        self._shape = shape

    def hold(self, value: Any, scope: Scope, local: Local) -> bool:
        """Return whether all hold at `value`."""
        for plain in self._plain:
            if not plain(value, local):
                return False
        for rule in self._evaluated:
            guard = rule.guard
            # A guard is one name or two.
            if guard is not None and (guard[0] not in value or guard[-1] not in value):
                continue
            if rule.sure is not None and rule.sure(value):
                continue
            try:
                if rule.broken(value, Node(value, self._shape, None, scope)):
                    return False
            except FhirPathError:
                return False
        return True


class _Step:
    """A property that leads to rules: those at its values, and what is inside them."""

    __slots__ = ("inside", "repeats", "rules")

    def __init__(self, of: Member, bare: bool) -> None:
        shape = of.node_shape or (of.plan.node_shape if of.plan else None)
        self.repeats = of.repeats
        self.rules = _Rules(of.rules, shape) if of.rules and shape is not None else None
        self.inside = _steps(of.plan.key, bare) if of.plan else None


class _Steps:
    """The rules at a shape, and the properties of it that lead to more; these are found when first walked into."""

    __slots__ = ("_bare", "_plan", "_steps", "rules")

    def __init__(self, of: Plan, bare: bool) -> None:
        self.rules = _Rules(of.rules, of.node_shape) if of.rules else None
        self._plan = of
        self._bare = bare
        self._steps: dict[str, _Step] | None = None

    @property
    def steps(self) -> dict[str, _Step]:
        """The properties that lead on, by JSON name."""
        if self._steps is None:
            members = self._plan.members.items()
            self._steps = {name: _Step(each, self._bare) for name, each in members if not self._bare or _leads(each)}
        return self._steps


@cache
def _steps(key: str, bare: bool) -> _Steps:
    return _Steps(plan(key), bare)


def _leads(member: Member) -> bool:
    """Return whether a property leads to rules by another way than an extension."""
    if member.plan is not None and member.plan.key == EXTENSION:
        return False
    return bool(member.rules) or (member.plan is not None and _has_rules(member.plan.key))


@cache
def _has_rules(key: str) -> bool:
    """Return whether there are rules at the shape `key` or inside it, extensions left out."""
    seen, queue = {key}, [key]
    while queue:
        of = plan(queue.pop())
        if of.rules:
            return True
        for member in of.members.values():
            if member.plan is None or member.plan.key != EXTENSION:
                if member.rules:
                    return True
                if member.plan is not None and member.plan.key not in seen:
                    seen.add(member.plan.key)
                    queue.append(member.plan.key)
    return False


def _object(of: _Steps, value: Json, scope: Scope, local: Local) -> bool:
    # Every object that may lead to a rule comes by here: no call that can be spared, and no path is written down.
    if of.rules is not None and not of.rules.hold(value, scope, local):
        return False
    steps = of.steps
    for name, content in value.items():
        step = steps.get(name)
        if step is None:
            if name[0] == "_" and not _beside(content, scope, local):
                return False
        elif step.repeats:
            for each in content:
                if each is not None and not _value(step, each, scope, local):
                    return False
        elif not _value(step, content, scope, local):
            return False
    return True


def _value(of: _Step, value: Any, scope: Scope, local: Local) -> bool:
    if of.rules is not None and not of.rules.hold(value, scope, local):
        return False
    return of.inside is None or _object(of.inside, value, scope, local)


def _beside(content: Any, scope: Scope, local: Local) -> bool:
    """Walk into the extensions beside a primitive, or beside each of an array of primitives."""
    inside = _steps(EXTENSION, False)
    return all(
        _object(inside, extension, scope, local)
        for each in (content if isinstance(content, list) else (content,))
        if each is not None
        for extension in each.get("extension", ())
    )
