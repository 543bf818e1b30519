"""What search asks of terminology: the members of a value set, and what is below or above a code.

The modifiers `:in`, `:not-in`, `:below` and `:above` of tokens need it (http://hl7.org/fhir/R4/search.html#token).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from profiles.terminology.selection import Selection


class NotExpandable(ValueError):
    """A value set or code system that cannot be expanded here; the text says why, without a full stop."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The codes that a value stands for: `listed` as (system, code), and `selected` ones of a system in the store."""

    listed: Collection[tuple[str, str]] = ()
    selected: Sequence[tuple[str, Selection]] = ()


class Terminology(Protocol):
    """Every method raises NotExpandable for what it cannot answer completely."""

    def members(self, value_set: str) -> Meant:
        """Return the codes of a value set, given by its URL perhaps with `|version`."""

    def below(self, system: str, code: str) -> Meant:
        """Return the codes of `system` that `code` subsumes, itself included."""

    def above(self, system: str, code: str) -> Meant:
        """Return the codes of `system` that subsume `code`, itself included."""


@dataclass(frozen=True, slots=True)
class _NoTerminology:
    """Knows no value set and no hierarchy, and says so."""

    def members(self, value_set: str) -> Meant:
        """Raise NotExpandable."""
        raise NotExpandable("this server has no value sets loaded")

    def below(self, system: str, code: str) -> Meant:
        """Raise NotExpandable."""
        raise NotExpandable("this server has no code hierarchies loaded")

    def above(self, system: str, code: str) -> Meant:
        """Raise NotExpandable."""
        raise NotExpandable("this server has no code hierarchies loaded")


NO_TERMINOLOGY: Terminology = _NoTerminology()
