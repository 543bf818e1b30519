"""The compiled form of one element of a profile: what is asked of each value, and of what is inside it.

A check is compiled from the snapshot's tree, and only what the profile says beyond R4 becomes one: a value without
checks is not walked into. What is inside is compiled when first met, once for each type the value may have, so that
definitions that refer to themselves end (http://hl7.org/fhir/R4/profiling.html).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from profiles.fhirpath.shapes import Shape
from profiles.validation.profiled.at import At
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.run import Run

if TYPE_CHECKING:
    from profiles.validation.profiled.members import Member
    from profiles.validation.profiled.tree import Tree

Rule = Callable[[At, Run], None]


class Check:
    """What one element (or one slice of it) asks of each of its values."""

    __slots__ = ("_inside", "definition", "rules", "tree")

    def __init__(self, definition: Definition, tree: Tree, rules: tuple[Rule, ...]) -> None:
        self.definition = definition
        self.tree = tree
        self.rules = rules
        self._inside: dict[Shape, tuple[tuple[Member, frozenset[str] | None], ...]] = {}

    def __call__(self, at: At, run: Run) -> None:
        """Add the findings about one value and all inside it."""
        for rule in self.rules:
            rule(at, run)
        inside = self._inside.get(at.shape)
        if inside is None:
            inside = self._inside[at.shape] = self._members(at.shape)
        value = at.value if at.value.__class__ is dict else at.sibling or ()
        for member, names in inside:
            if names is None or not names.isdisjoint(value):
                member.check(at, run)

    def _members(self, shape: Shape) -> tuple[tuple[Member, frozenset[str] | None], ...]:
        """Return what is to be checked in a value, with the names without which there is nothing to be said of it."""
        members = self.tree.members(self.definition, shape)
        return tuple((each, None if each.speaks_of_nothing() else each.names) for each in members)
