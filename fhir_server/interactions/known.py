"""What has been read of a tenant's terminology, kept until it changes: searches and operations share it.

A definition is read once, not once for each request, and what is made of it (expansions, indexes of maps) is made once.
The change feed says when something of it was written, by whichever road; then all of it is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fhir_server.interactions.loaded import Loaded, Standing, by_url, standing
from fhir_server.store.base import Store
from profiles.terminology.code_system import CodeSystem

T = TypeVar("T")
Definition = Mapping[str, Any] | CodeSystem
"""A ValueSet or ConceptMap resource (R4 JSON), or a code system as read from its resource."""

TYPES = ("CodeSystem", "ValueSet", "ConceptMap")
LOOK = 1000
"""How many changes to look through; after more it is cheaper to forget."""
MOST = 1000
"""How many definitions, and how many things made of them, are kept at most."""
MOST_CODES = 500_000
"""How many codes are kept at most, whatever they are made of."""


@dataclass(slots=True)
class Kept:
    """Definitions by canonical (None: not there) and what was made of them, as of the commits `since` to `checked`.

    `codes` is about how many codes that is; `loaded` are the systems of the concept store, as of its `revision`,
    `standing` those that stand for resources.
    """

    since: int
    checked: int
    loaded: Loaded = field(default_factory=dict)
    standing: Standing = field(default_factory=dict)
    revision: int = 0
    definitions: dict[str, Definition | None] = field(default_factory=dict)
    made: dict[Hashable, Any] = field(default_factory=dict)
    codes: int = 0

    def weigh(self, thing: object) -> None:
        """Count what is kept beside the rest."""
        if isinstance(thing, CodeSystem):
            self.codes += len(thing.concepts)
        elif isinstance(thing, Sized):
            self.codes += len(thing)

    def make(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept under `key`, made now if it is not; what making raises is raised."""
        if key not in self.made:
            thing = make()
            self.weigh(thing)
            self.made[key] = thing
        found: T = self.made[key]
        return found

    @property
    def full(self) -> bool:
        """Whether it has become too much."""
        return self.codes > MOST_CODES or len(self.definitions) > MOST or len(self.made) > MOST


class Known:
    """The terminology of one tenant. Whoever reads holds on to one `Kept`, which nobody takes from under them."""

    def __init__(self) -> None:
        self._kept: Kept | None = None

    async def kept(self, store: Store) -> Kept:
        """Return what is known as of the newest commit; it may be filled with what is read as of `checked`."""
        newest = await store.position()
        kept = self._kept
        if kept is not None and kept.checked < newest:
            changes = await store.changes(kept.checked, LOOK)
            if len(changes) >= LOOK or any(change.key.type in TYPES for change in changes):
                kept = None
            else:
                kept.checked = max(kept.checked, newest)
        revision = store.concepts.revision()
        if kept is None or kept.full or kept.revision != revision:
            heads = store.concepts.heads()
            kept = Kept(newest, newest, by_url(heads), standing(heads), revision)
        if self._kept is None or self._kept.checked <= kept.checked:
            self._kept = kept
        return kept
