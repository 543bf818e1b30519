"""The concept store's protocol: code systems too large for memory, loaded version by version, read through indexes.

A load writes into a system of its own that nobody sees, slice by slice, each slice a transaction; `publish` puts it in
the place of the former one at once. What a load that was broken off left behind is swept. What is published never
changes, so a page of it goes on from where the last one ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct

from profiles.terminology.concept import Designation
from profiles.terminology.head import Head, Kind
from profiles.terminology.questions import Entry, Known
from profiles.terminology.selection import Selection


class NewConcept(Struct, frozen=True):
    """A concept to keep. `properties` are (code, type, value as text); `parents` are told apart, with `relate`."""

    code: str
    display: str | None = None
    definition: str | None = None
    inactive: bool = False
    abstract: bool = False
    designations: Sequence[Designation] = ()
    properties: Sequence[tuple[str, Kind, str]] = ()


class Naming(Struct, frozen=True):
    """Further names of a concept that is there already; a `display` takes the place of the one it has."""

    code: str
    designations: Sequence[Designation] = ()
    display: str | None = None


def value_of(kind: str, value: str) -> Any:
    """Return a property's value as JSON has it."""
    match kind:
        case "boolean":
            return value == "true"
        case "integer":
            return int(value)
        case "decimal":
            return Decimal(value)
        case "Coding":
            return json.loads(value)
    return value


class UnknownLoad(LookupError):
    """A load goes on that is not under way: it was published, given up, or swept after a stop."""


class Concepts(Protocol):
    """Reading. A key that is not published any more has no concepts; codes that are not there are left out."""

    def revision(self) -> int:
        """Return a number that is another one after each `publish`, `remove` and `withdraw`."""
        ...

    def heads(self) -> list[Head]:
        """Return what is published, by url; versions of one url in the order they came."""
        ...

    async def look(self, key: int, codes: Sequence[str]) -> dict[str, Entry]:
        """Return the concepts with these codes, letter by letter; in a system without letter case in any case."""
        ...

    async def detail(self, key: int, code: str) -> Known | None:
        """Return all of the concept with that code, found as `look` finds it."""
        ...

    async def among(self, selection: Selection, codes: Sequence[str]) -> frozenset[str]:
        """Return those of `codes`, letter by letter, that are selected. Raises patterns.BadPattern."""
        ...

    def glance(self, selection: Selection, codes: Sequence[str]) -> frozenset[str] | None:
        """Return what `among` returns, at once: None where that would take long. Raises patterns.BadPattern."""
        ...

    async def slice(self, selection: Selection, skip: int, count: int) -> tuple[Entry, ...]:
        """Return up to `count` of the selected concepts, in the order they were loaded, after `skip` of them.

        Raises patterns.BadPattern.
        """
        ...

    async def count(self, selection: Selection) -> int:
        """Return how many concepts are selected. Raises patterns.BadPattern."""
        ...


class WritableConcepts(Concepts, Protocol):
    """Loading, inside a transaction. What goes on with a `key` that is no load under way raises UnknownLoad."""

    async def begin(self, head: Head) -> int:
        """Begin a load and return its key; of `head` the key, the count and the time do not matter."""
        ...

    async def add(self, key: int, concepts: Sequence[NewConcept]) -> list[str]:
        """Append concepts; return the codes that were there already, which keep what they had."""
        ...

    async def name(self, key: int, namings: Sequence[Naming]) -> list[str]:
        """Append names; return the codes that are not there."""
        ...

    async def qualify(self, key: int, properties: Sequence[tuple[str, str, Kind, str]]) -> list[str]:
        """Append properties as (code of the concept, property, type, value); return the codes that are not there."""
        ...

    async def relate(self, key: int, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Append (child, parent) pairs; return those of which a code is not there, which draw nothing."""
        ...

    async def settle(self, key: int, after: int, count: int) -> tuple[int, int]:
        """Index the words and the ancestors of up to `count` concepts; return where to go on, and how many that were.

        It begins with `after` 0, when everything is there, and has ended when it settles none.
        """
        ...

    async def publish(self, key: int) -> Head:
        """Put a load in the place of what has its url and version, and return what it is called by from now on.

        The index of a resource takes the place of what indexes an earlier version of that, and of nothing else.
        """
        ...

    async def give_up(self, key: int) -> None:
        """End a load without effect."""
        ...

    async def remove(self, url: str, version: str | None) -> int:
        """Take out a loaded system of that version ("" for the one without), with None all of them; return how many."""
        ...

    async def withdraw(self, source: str) -> int:
        """Take out the index of the resource at `source` (`CodeSystem/id`); return how many that were."""
        ...

    async def sweep(self, count: int) -> bool:
        """Forget about `count` rows of what is no longer published; return whether there may be more."""
        ...
