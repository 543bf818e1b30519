"""One element inside an object: how many values there are, what each of them is, and into which slices they fall."""

from __future__ import annotations

from profiles.fhirpath.shapes import Child
from profiles.validation.profiled.at import At
from profiles.validation.profiled.check import Check
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.run import Run
from profiles.validation.profiled.slicing import Slicing


class Member:
    """One element of a profile in a value of one type; `children` are its JSON properties by name, many of a choice.

    `least` and `most` are what the profile asks beyond R4: 0 and None where it asks no more. `names` are the JSON names
    of which one is there when there is a value.
    """

    __slots__ = ("_only", "check_each", "children", "definition", "least", "most", "must_support", "names", "slicing")

    def __init__(
        self,
        definition: Definition,
        children: tuple[Child, ...],
        limits: tuple[int, int | None],
        check_each: Check | None,
        slicing: Slicing | None,
    ) -> None:
        self.definition = definition
        self.children = {child.json: child for child in children}
        self.least, self.most = limits
        self.check_each = check_each
        self.slicing = slicing
        self.must_support = definition.raw.get("mustSupport") is True
        self._only = children[0] if len(children) == 1 else None
        self.names = frozenset(name for child in children for name in (child.json, child.sibling))

    def is_idle(self) -> bool:
        """Return whether there is nothing to check."""
        asks = self.least or self.most is not None or self.check_each or self.slicing or self.must_support
        return not asks

    def speaks_of_nothing(self) -> bool:
        """Return whether there may be a finding where there is no value."""
        return bool(self.least or self.must_support or (self.slicing is not None and self.slicing.speaks_of_nothing()))

    def check(self, holder: At, run: Run) -> None:
        """Add the findings about the values of this element in `holder`."""
        found = holder.values(self._only) if self._only is not None else holder.chosen(self.children)
        count = len(found)
        if count < self.least or (self.most is not None and count > self.most):
            self._count(count, holder, run)
        elif not count and self.must_support and run.context.must_support:
            what = "is missing, and the profile says that it must be supported; give it where it is known"
            run.add("information", "informational", self._place(holder), what, self.definition.id)
        if self.check_each is not None:
            for at in found:
                self.check_each(at, run)
        if self.slicing is not None:
            self.slicing.check(found, holder, self._place, run)

    def _place(self, holder: At) -> str:
        return f"{holder.path}.{self.definition.name.removesuffix('[x]')}"

    def _count(self, count: int, holder: At, run: Run) -> None:
        place = self._place(holder)
        if count < self.least:
            words = "is required by the profile; add it"
            if self.least > 1:
                words = f"needs at least {self.least} values in the profile, but has {count}; add the others"
            run.add("error", "required", place, words, self.definition.id)
        elif self.most == 0:
            run.add("error", "structure", place, "is not allowed by the profile; remove it", self.definition.id)
        else:
            words = f"may have at most {self.most} value{'s' if self.most != 1 else ''} in the profile, but has {count}"
            run.add("error", "structure", place, f"{words}; remove the others", self.definition.id)
