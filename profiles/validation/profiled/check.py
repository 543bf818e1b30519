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
        self._inside: dict[Shape, tuple[Member, ...]] = {}

    def __call__(self, at: At, run: Run) -> None:
        """Add the findings about one value and all inside it."""
        for rule in self.rules:
            rule(at, run)
        members = self._inside.get(at.shape)
        if members is None:
            members = self.tree.members(self.definition, at.shape)
            self._inside[at.shape] = members
        for member in members:
            member.check(at, run)
