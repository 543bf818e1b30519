"""A loaded code system as the rules of terminology see it: they ask of it what they ask of one in memory.

Its concepts stay where they are. `ask` answers a question (`questions`), or raises what makes its caller come back when
the answer is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from profiles.terminology.concept import Concept, Properties
from profiles.terminology.head import Head
from profiles.terminology.questions import Among, Detail, Entry, Known, Look, Question
from profiles.terminology.selection import Above, Below, Selection

Ask = Callable[[Question], Any]


@dataclass(frozen=True, slots=True)
class Indexed:
    """See `code_system.CodeSystem`, whose names these are."""

    head: Head
    ask: Ask = field(compare=False)

    @property
    def url(self) -> str:
        """Its canonical url."""
        return self.head.url

    @property
    def version(self) -> str | None:
        """Its business version."""
        return self.head.version

    @property
    def name(self) -> str:
        """What people call it."""
        return self.head.name

    @property
    def content(self) -> str:
        """How much of it is here."""
        return "complete"

    @property
    def complete(self) -> bool:
        """Whether every code that is listed is here: they are."""
        return True

    @property
    def hierarchical(self) -> bool:
        """Whether any code is above another."""
        return self.head.hierarchical

    @property
    def meaning(self) -> str | None:
        """The hierarchyMeaning where it is stated."""
        return self.head.meaning

    @property
    def subsuming(self) -> bool:
        """Whether its hierarchy means "is a"."""
        return self.head.subsuming

    @property
    def mark(self) -> str:
        """Another one when its codes or their hierarchy are others: each load has one of its own."""
        return f"loaded {self.head.key}"

    def has(self, code: str) -> bool:
        """Return whether it has this code, letter by letter."""
        return self.actual(code) == code

    def actual(self, code: str) -> str | None:
        """Return `code` as the system writes it, None when it does not have it."""
        found = self._entry(code)
        return None if found is None else found.code

    def concept(self, code: str) -> Concept:
        """Return what is known of a code that the system has."""
        found = self._entry(code)
        return Concept() if found is None else found.concept

    def abstract(self, code: str) -> bool:
        """Return whether the concept only groups others."""
        found = self._entry(code)
        return found is not None and found.abstract

    def inactive(self, code: str) -> bool:
        """Return whether the concept is no longer in use; a code that is not there is not."""
        found = self._entry(code)
        return found is not None and found.inactive

    def properties_of(self, code: str) -> Properties:
        """Return the properties of a code."""
        found = self._known(code)
        return {} if found is None else found.properties

    def parents_of(self, code: str) -> tuple[str, ...]:
        """Return the codes immediately above."""
        found = self._known(code)
        return () if found is None else found.parents

    def children_of(self, code: str) -> tuple[str, ...]:
        """Return the codes immediately below."""
        found = self._known(code)
        return () if found is None else found.children

    def subsumes(self, code: str, other: str) -> bool:
        """Return whether `other` is `code` or below it."""
        return code == other or other in self.below_among(code, (other,))

    def below_among(self, code: str, others: tuple[str, ...]) -> frozenset[str]:
        """Return those of `others` that are `code` or below it."""
        found: frozenset[str] = self.ask(Among(Selection(self.head.key, Below(code)), others))
        return found

    def above_among(self, code: str, others: tuple[str, ...]) -> frozenset[str]:
        """Return those of `others` that are `code` or above it."""
        found: frozenset[str] = self.ask(Among(Selection(self.head.key, Above(code)), others))
        return found

    def entries(self, codes: tuple[str, ...]) -> dict[str, Entry]:
        """Return what an expansion shows of codes, those that are there."""
        found: dict[str, Entry] = self.ask(Look(self.head.key, codes))
        return found

    def _entry(self, code: str) -> Entry | None:
        found: dict[str, Entry] = self.ask(Look(self.head.key, (code,)))
        return found.get(code)

    def _known(self, code: str) -> Known | None:
        found: Known | None = self.ask(Detail(self.head.key, code))
        return found
