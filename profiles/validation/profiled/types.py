"""Types of values: those a profile leaves of a choice, profiles on data types and resources, targets of references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from profiles.definitions import Element
from profiles.fhirpath.shapes import ABSTRACT_RESOURCES
from profiles.validation.profiled.at import At
from profiles.validation.profiled.conform import check_any
from profiles.validation.profiled.context import BASE
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.run import Run
from profiles.validation.profiled.targets import target_rule

if TYPE_CHECKING:
    from profiles.validation.profiled.check import Rule
    from profiles.validation.profiled.tree import Tree

POINTING = frozenset({"Reference", "canonical"})


def type_rules(definition: Definition, base: Element | None, tree: Tree) -> Iterator[Rule]:
    """Yield the rules about the type of each value of an element."""
    if "." not in definition.path:
        return
    codes = [row["code"] for row in definition.types if isinstance(row.get("code"), str)]
    of_base = {each.code for each in base.types} if base is not None else set()
    names = [code for code in codes if not code.startswith("http://hl7.org/fhirpath/")]
    if names and len(names) == len(codes) and set(names) != of_base and not set(names) & set(ABSTRACT_RESOURCES):
        yield _one_of(frozenset(names), definition.id)
    profiles = _profiles(definition, "profile")
    if profiles:
        yield _profiled(profiles, definition.id)
    targets = _targets(definition)
    if (targets is not None and set(targets) != _base_targets(base)) or (
        targets is not None and base is not None and tree.context.exists is not None
    ):
        yield target_rule(targets, definition.id)


def _one_of(names: frozenset[str], rule_name: str) -> Rule:
    listed = " or ".join(sorted(names))

    def rule(at: At, run: Run) -> None:
        if at.shape.type not in names and not names & at.shape.ancestors:
            what = f"must be of the type {listed} in the profile, but is of the type {at.shape.type}; change its type"
            run.add("error", "structure", at, what, rule_name)

    return rule


def _profiles(definition: Definition, key: str) -> dict[str, tuple[str, ...]]:
    """Return {type: canonicals of profiles on it} of an element."""
    found = {}
    for row in definition.types:
        listed = tuple(each for each in row.get(key, ()) if isinstance(each, str))
        # A definition of R4's own type says no more than the type.
        if listed and not any(each == BASE + str(row.get("code")) for each in listed):
            found[str(row.get("code"))] = listed
    return found


def _profiled(profiles: dict[str, tuple[str, ...]], name: str) -> Rule:
    def rule(at: At, run: Run) -> None:
        for kind, urls in profiles.items():
            if kind == at.shape.type or kind in at.shape.ancestors:
                check_any(at, urls, run, name)
                return

    return rule


def _targets(definition: Definition) -> tuple[str, ...] | None:
    """Return the canonicals that references of an element may lead to, None where it holds none."""
    rows = [row for row in definition.types if row.get("code") == "Reference"]
    if not rows:
        return None
    return tuple(each for row in rows for each in row.get("targetProfile", ()) if isinstance(each, str))


def _base_targets(base: Element | None) -> set[str]:
    if base is None:
        return set()
    return {BASE + target for each in base.types if each.code == "Reference" for target in each.targets}
