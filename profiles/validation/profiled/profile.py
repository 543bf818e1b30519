"""A compiled profile (http://hl7.org/fhir/R4/profiling.html): made once, then asked about many resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from profiles.fhirpath.node import Scope
from profiles.issues import Issue
from profiles.validation.profiled.at import At, at_root
from profiles.validation.profiled.check import Check
from profiles.validation.profiled.context import canonical_of
from profiles.validation.profiled.run import Run
from profiles.validation.profiled.tree import Tree
from profiles.validation.profiled.values import value_rules

if TYPE_CHECKING:
    from profiles.validation.profiled.context import Context

Json = dict[str, Any]


class Profile:
    """What a StructureDefinition asks beyond R4. Raises ProfileError when its snapshot cannot be read."""

    def __init__(self, structure: Mapping[str, Any], context: Context, find: Callable[[str], Profile | None]) -> None:
        self.url = str(structure.get("url", ""))
        self.canonical = canonical_of(structure)
        self.structure = structure
        self.tree = Tree(structure, context, find)
        self.type = self.tree.type or self.tree.root.path
        self.notes = self.tree.notes
        self._find = find
        self._check = Check(self.tree.root, self.tree, value_rules(self.tree.root, None, self.tree))

    def __call__(self, at: At, run: Run) -> None:
        """Add the findings about a value, of which `fits` says yes."""
        self._check(at, run)

    def fits(self, at: At) -> bool:
        """Return whether a value is of the type that the profile is on."""
        return self.type in at.shape.ancestors

    def check(self, resource: Json, context: Context) -> list[Issue]:
        """Return the findings about a resource whose structure R4 itself has nothing against."""
        scope = Scope.of(resource)
        run = Run(context, self._find)
        at = at_root(scope, str(resource["resourceType"]))
        run.profile = self.canonical
        if not self.fits(at):
            what = f"is a {at.shape.type}, but the profile is on {self.type}; name a profile on its type"
            run.add("error", "structure", at, what, self.tree.root.id)
            return run.issues
        self(at, run)
        return run.issues + self.faults(at.path)

    def faults(self, path: str) -> list[Issue]:
        """Return what is wrong with the profile itself, as far as it was met, as warnings at `path`."""
        return [
            Issue("warning", "processing", f"In the profile {self.url}, {name} {what}.", path, self.canonical, name)
            for name, what in self.notes
        ]
