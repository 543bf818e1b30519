"""Slices: which one each value of an element falls into, and whether they are as many and in the order they should be.

http://hl7.org/fhir/R4/profiling.html#slicing
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from profiles.definitions import Element
from profiles.issues import Severity
from profiles.validation.profiled.at import At
from profiles.validation.profiled.check import Check
from profiles.validation.profiled.criteria import Criterion, criteria_of
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.run import Run

if TYPE_CHECKING:
    from profiles.validation.profiled.tree import Tree

DEFAULT = "@default"
"""The name of the slice for what falls into no other."""
_BY_URL = {"discriminator": [{"type": "value", "path": "url"}], "rules": "open"}
_BY_TYPE = {"discriminator": [{"type": "type", "path": "$this"}], "rules": "open"}


class Slice:
    """One slice: what falls into it, how many there may be, what each is checked for, and slices of the slice."""

    __slots__ = ("check", "criteria", "definition", "slicing")

    def __init__(
        self, definition: Definition, criteria: tuple[Criterion, ...], check: Check | None, slicing: Slicing | None
    ) -> None:
        self.definition = definition
        self.criteria = criteria
        self.check = check
        self.slicing = slicing

    def holds(self, at: At, run: Run) -> bool:
        """Return whether a value falls into the slice."""
        for criterion in self.criteria:  # noqa: SIM110 - a generator would cost more than most criteria
            if not criterion(at, run):
                return False
        return True


class Slicing:
    """The slices of one element. They are compiled when first needed, for some need other profiles."""

    __slots__ = ("_base", "_slices", "_tree", "closed", "definition", "discriminators", "ends", "ordered")

    def __init__(self, definition: Definition, rules: dict[str, Any], base: Element | None, tree: Tree) -> None:
        self.definition = definition
        self.closed = rules.get("rules") == "closed"
        self.ends = rules.get("rules") == "openAtEnd"
        self.ordered = rules.get("ordered") is True
        listed = rules.get("discriminator")
        self.discriminators = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        self._base = base
        self._tree = tree
        self._slices: list[Slice] | None = None

    @property
    def slices(self) -> list[Slice]:
        """The slices in the order of the profile."""
        if self._slices is None:
            self._slices = [self._slice(each) for each in self.definition.slices]
        return self._slices

    def _slice(self, definition: Definition) -> Slice:
        default = definition.slice_name == DEFAULT
        criteria = () if default else criteria_of(definition, self.discriminators, self._tree)
        inner = slicing_of(definition, self._base, self._tree, self.discriminators) if definition.slices else None
        return Slice(definition, criteria, self._tree.check(definition, self._base), inner)

    def speaks_of_nothing(self) -> bool:
        """Return whether there may be a finding where the element has no value."""
        return any(each.least or each.raw.get("mustSupport") is True for each in self.definition.slices)

    def check(self, found: list[At], holder: At, place: Callable[[At], str], run: Run) -> None:
        """Add the findings about the values `found` of the element at `place` in `holder`."""
        slices = [each for each in self.slices if each.definition.slice_name != DEFAULT]
        if not self.discriminators and found and slices:
            what = "is sliced without discriminator in the profile, so its slices are not checked"
            run.add("information", "not-supported", place(holder), what, self.definition.id)
            return
        before, run.untold = run.untold, False
        members, left = self._sorted(found, slices, run)
        for each, values in zip(slices, members, strict=True):
            self._of_slice(each, values, holder, place, run)
        self._rest(left, holder, place, run)
        run.untold = run.untold or before

    def _sorted(self, found: list[At], slices: list[Slice], run: Run) -> tuple[list[list[At]], list[At]]:
        """Return the values of each slice and those of none, after adding what is wrong with their order."""
        members: list[list[At]] = [[] for _ in slices]
        left: list[At] = []
        latest = -1
        for at in found:
            fitting = [number for number, each in enumerate(slices) if each.holds(at, run)]
            if not fitting:
                left.append(at)
                continue
            number = fitting[0]
            if len(fitting) > 1:
                self._ambiguous(at, [slices[each] for each in fitting], run)
            members[number].append(at)
            if self.ends and left:
                what = "stands behind values of no slice, but the profile wants those at the end; move it before them"
                run.add("error", "structure", at, what, slices[number].definition.id)
            if self.ordered and number < latest:
                what = f"is of the slice {slices[number].definition.slice_name}, which comes before; restore the order"
                run.add("error", "structure", at, what, slices[number].definition.id)
            latest = max(latest, number)
        return members, left

    def _of_slice(self, of: Slice, values: list[At], holder: At, place: Callable[[At], str], run: Run) -> None:
        definition = of.definition
        count, most = len(values), definition.most
        if count < definition.least:
            what = f"needs at least {definition.least} of the slice {definition.slice_name}, but has {count}; add it"
            self._missing(place(holder), what, definition.id, run)
        elif most is not None and count > most:
            what = f"may have at most {most} of the slice {definition.slice_name}, but has {count}; remove the others"
            run.add("error", "structure", place(holder), what, definition.id)
        elif not count and run.context.must_support and definition.raw.get("mustSupport") is True:
            what = (
                f"has nothing of the slice {definition.slice_name}, which must be supported; give it where it is known"
            )
            run.add("information", "informational", place(holder), what, definition.id)
        if of.check is not None:
            for at in values:
                of.check(at, run)
        if of.slicing is not None and values:
            of.slicing.check(values, holder, place, run)

    def _rest(self, left: list[At], holder: At, place: Callable[[At], str], run: Run) -> None:
        default = next((each for each in self.slices if each.definition.slice_name == DEFAULT), None)
        if default is not None:
            self._of_slice(default, left, holder, place, run)
        elif self.closed:
            names = ", ".join(str(each.definition.slice_name) for each in self.slices) or "none"
            for at in left:
                what = f"falls into no slice of the profile (there are: {names}), and it allows no others; correct it"
                severity: Severity = "warning" if run.untold else "error"
                run.add(severity, "structure", at, f"{what} or remove it", self.definition.id)

    def _missing(self, place: str, what: str, name: str, run: Run) -> None:
        if run.untold:
            what = f"{what} (whether one of the values is could not be told: a value set cannot be expanded here)"
        run.add("warning" if run.untold else "error", "required", place, what, name)

    def _ambiguous(self, at: At, slices: list[Slice], run: Run) -> None:
        names = " and ".join(str(each.definition.slice_name) for each in slices)
        what = f"falls into more than one slice of the profile ({names}); change what tells them apart"
        run.add("error", "structure", at, what, self.definition.id)


def slicing_of(
    definition: Definition, base: Element | None, tree: Tree, discriminators: list[dict[str, Any]] | None = None
) -> Slicing:
    """Return the slicing of an element with slices; extensions are sliced by url and choices by type unless it says.

    `discriminators` are those of the slicing around a slice that is sliced again without any of its own.
    """
    rules = definition.raw.get("slicing")
    if not isinstance(rules, dict):
        if definition.name in ("extension", "modifierExtension"):
            rules = _BY_URL
        elif definition.name.endswith("[x]"):
            rules = _BY_TYPE
        else:
            rules = {"discriminator": discriminators or [], "rules": "open"}
    return Slicing(definition, rules, base, tree)
