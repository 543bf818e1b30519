"""Whether a code is in a value set over loaded code systems, told at once: for the bindings of profiles.

Validation does not wait, so this looks into the concept store where that is quick, and says nothing where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.interactions.loaded import Loaded, Standing, by_url, find, standing, stands_for
from fhir_server.store.concepts import Concepts
from profiles.packages.catalogue import Catalogue
from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import members
from profiles.terminology.indexed import Indexed
from profiles.terminology.members import Members
from profiles.terminology.patterns import BadPattern
from profiles.terminology.questions import Look, Question
from profiles.terminology.selection import Selection

KEPT = 1_000
"""Value sets that are remembered."""


class Membership:
    """Answers for one tenant; see `profiles.validation.profiled.context.MemberOf`."""

    def __init__(
        self, concepts: Concepts, catalogue: Catalogue, resolve: Callable[[str], Mapping[str, Any] | None]
    ) -> None:
        self._concepts = concepts
        self._catalogue = catalogue
        self._resolve = resolve
        self._revision = -1
        self._loaded: Loaded = {}
        self._standing: Standing = {}
        self._sets: dict[str, Members | None] = {}

    def forget(self) -> None:
        """Drop what was made of definitions: they have changed."""
        self._sets = {}

    def __call__(self, value_set: str, system: str | None, code: str) -> bool | None:
        """Return whether the code is a member, None where that is not told by loaded systems."""
        self._refresh()
        if not self._loaded and not self._standing:
            return None
        if value_set not in self._sets:
            self._sets[value_set] = self._made(value_set)
        found = self._sets[value_set]
        if found is None:
            return None
        systems = [system] if system is not None else [*found.ruled, *{url for url, _ in found.listed}]
        answers = [self._in(found, each, code) for each in systems]
        return True if True in answers else None if None in answers else False

    def has(self, system: str, version: str | None, code: str) -> bool | None:
        """Return whether a stored code system that is indexed has the code, None where none is or it cannot be told."""
        self._refresh()
        head = stands_for(self._standing, self._catalogue, system)
        if head is None or find(self._loaded, system) is not None or version not in (None, head.version):
            return None
        there = self._concepts.glance(Selection(head.key), (code,))
        if there is None or (head.case_sensitive is False and code not in there):
            return None
        return code in there

    def _refresh(self) -> None:
        revision = self._concepts.revision()
        if revision != self._revision or len(self._sets) > KEPT:
            heads = self._concepts.heads()
            self._revision, self._loaded, self._standing, self._sets = revision, by_url(heads), standing(heads), {}

    def _made(self, value_set: str) -> Members | None:
        """Return what is in a value set, None where no loaded system has to do with it."""
        try:
            found = members(value_set, self._define)
        except NotExpandable:
            return None
        return found if found.ruled else None

    def _in(self, found: Members, system: str, code: str) -> bool | None:
        if (system, code) in found.listed:
            return True
        ruled = found.ruled.get(system)
        if ruled is None:
            return False
        try:
            there = self._concepts.glance(ruled.selection, (code,))
        except BadPattern:
            return None
        return None if there is None else code in there

    def _define(self, canonical: str) -> Mapping[str, Any] | Indexed | None:
        head = find(self._loaded, canonical) or stands_for(self._standing, self._catalogue, canonical)
        return self._resolve(canonical) if head is None else Indexed(head, _silent)


def _silent(question: Question) -> Any:
    """Answer no question about the concepts themselves: what is in a value set is told without."""
    return {} if isinstance(question, Look) else None
