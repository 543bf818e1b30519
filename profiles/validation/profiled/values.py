"""What a profile asks of one value: type, fixed value, pattern, limits, binding, references, invariants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from profiles.definitions import Element
from profiles.validation.profiled.at import At
from profiles.validation.profiled.bound import binding_rules
from profiles.validation.profiled.constraints import constraint_rules
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.fixed import has_pattern, is_fixed, limit_fault, shown
from profiles.validation.profiled.run import Run
from profiles.validation.profiled.types import type_rules

if TYPE_CHECKING:
    from profiles.validation.profiled.check import Rule
    from profiles.validation.profiled.tree import Tree


def value_rules(definition: Definition, base: Element | None, tree: Tree) -> tuple[Rule, ...]:
    """Return the rules of an element or slice for each of its values, where they say more than R4's own element."""
    return (
        *type_rules(definition, base, tree),
        *_fixed_rules(definition),
        *_limit_rules(definition, base),
        *binding_rules(definition, base, tree),
        *constraint_rules(definition, base, tree),
    )


def _fixed_rules(definition: Definition) -> Iterator[Rule]:
    fixed = definition.value_of("fixed")
    if fixed is not None:
        yield _fixed(fixed[1], definition.id)
    pattern = definition.value_of("pattern")
    if pattern is not None:
        yield _pattern(pattern[1], definition.id)


def _fixed(fixed: Any, name: str) -> Rule:
    def rule(at: At, run: Run) -> None:
        if not is_fixed(at.value, fixed):
            run.add("error", "value", at, f"must be exactly {shown(fixed)} in the profile; write it so", name)

    return rule


def _pattern(pattern: Any, name: str) -> Rule:
    def rule(at: At, run: Run) -> None:
        if not has_pattern(at.value, pattern):
            run.add("error", "value", at, f"must hold {shown(pattern)} in the profile; add what is missing", name)

    return rule


def _limit_rules(definition: Definition, base: Element | None) -> Iterator[Rule]:
    for name, upper in (("minValue", False), ("maxValue", True)):
        limit = definition.value_of(name)
        if limit is not None:
            yield _limit(limit[1], upper, definition.id)
    longest = definition.raw.get("maxLength")
    if isinstance(longest, int) and (base is None or base.max_length != longest):
        yield _length(longest, definition.id)


def _limit(limit: Any, upper: bool, name: str) -> Rule:
    def rule(at: At, run: Run) -> None:
        fault = limit_fault(at.value, limit, upper)
        if fault is not None:
            run.add("error", "value", at, f"{fault} in the profile; correct it", name)

    return rule


def _length(longest: int, name: str) -> Rule:
    def rule(at: At, run: Run) -> None:
        if isinstance(at.value, str) and len(at.value) > longest:
            what = f"may have at most {longest} characters in the profile, but has {len(at.value)}; shorten it"
            run.add("error", "value", at, what, name)

    return rule
