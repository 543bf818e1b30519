"""Reading the in-memory store: the plain definition of what every store answers.

Nothing is indexed: a search looks at each version, `search.match` says whether it matches.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from fhir_server.search.match import Candidate, Criteria, allows, match
from fhir_server.search.query import Node, Query
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import CursorExpired, Key, Page, Scope, Version
from profiles.restriction import ALL, Restriction


@dataclass(slots=True)
class Stored:
    """A version with all that is kept beside it. `died` is the row that superseded it."""

    v: int
    version: Version
    owners: tuple[Key, ...]
    labels: tuple[tuple[str, str], ...]
    entries: IndexEntries | None
    died: int | None = None
    chunks: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """All versions: row `v` is `rows[v - 1]`; `keys` has the rows of each resource; `swept_to` as in the sweep."""

    rows: list[Stored] = field(default_factory=list)
    keys: dict[Key, list[Stored]] = field(default_factory=dict)
    swept_to: int = 0


class MemoryReading:
    """A snapshot of a `State`, as a base class: the subclass says what is newest for it."""

    def __init__(self, state: State, criteria: Criteria) -> None:
        self._state = state
        self._criteria = criteria

    def _newest(self) -> int:
        raise TypeError("a subclass says what is newest")

    async def read(self, key: Key, *, restriction: Restriction) -> Version | None:
        """See `Snapshot.read`."""
        stored = self._current(key)
        return stored.version if stored and self._allowed(stored, restriction) else None

    async def read_many(self, keys: Sequence[Key], *, restriction: Restriction) -> dict[Key, Version]:
        """See `Snapshot.read_many`."""
        found = {key: await self.read(key, restriction=restriction) for key in keys}
        return {key: version for key, version in found.items() if version is not None}

    async def vread(self, key: Key, number: int, *, restriction: Restriction) -> Version | None:
        """See `Snapshot.vread`."""
        stored = self._of(key, number, restriction)
        return stored.version if stored else None

    async def history(self, scope: Scope, *, restriction: Restriction) -> Page:
        """See `Snapshot.history`."""
        position = self._newest() if scope.position is None else scope.position
        found = []
        for stored in reversed(self._state.rows[:position]):
            if self._in_scope(stored, scope, position) and self._allowed(stored, restriction):
                found.append(stored)
        return _page(found, scope.count, position)

    def _in_scope(self, stored: Stored, scope: Scope, position: int) -> bool:
        version = stored.version
        if scope.type is not None and version.key.type != scope.type:
            return False
        if scope.id is not None and version.key.id != scope.id:
            return False
        if scope.after is not None and stored.v >= scope.after:
            return False
        if scope.since is not None and version.time < scope.since:
            return False
        if scope.before is not None and version.time >= scope.before:
            return False
        return scope.at is None or self._current_within(stored, scope.at, position)

    def _current_within(self, stored: Stored, at: tuple[int, int], position: int) -> bool:
        low, high = at
        following = self._state.keys[stored.version.key][stored.version.number :]
        ended = following[0].version.time if following and following[0].v <= position else None
        return stored.version.time <= high and (ended is None or ended > low)

    async def search(self, query: Query, *, restriction: Restriction) -> Page:
        """See `Snapshot.search`."""
        position = self._newest() if query.position is None else query.position
        if position < self._state.swept_to:
            raise CursorExpired("the rows this page would need were swept")
        found = [
            stored
            for stored in self._alive(query.type, position)
            if stored.v > query.after and self._matches(stored, query.where) and self._shown(stored, restriction)
        ]
        return _page(found, query.count, position)

    def _shown(self, stored: Stored, restriction: Restriction) -> bool:
        """Whether a version may be shown on a page: it may be seen, and its resource still may and is not deleted."""
        if not self._allowed(stored, restriction):
            return False
        now = self._current(stored.version.key)
        return now is not None and not now.version.deleted and (now is stored or self._allowed(now, restriction))

    async def count(self, type: str, where: Node, *, restriction: Restriction, position: int | None = None) -> int:
        """See `Snapshot.count`."""
        at = self._newest() if position is None else position
        if at < self._state.swept_to:
            raise CursorExpired("the rows this count would need were swept")
        return sum(self._matches(each, where) and self._shown(each, restriction) for each in self._alive(type, at))

    async def matches(self, type: str, where: Node, *, restriction: Restriction, limit: int) -> list[Version]:
        """See `Snapshot.matches`."""
        page = await self.search(Query(type, where, limit), restriction=restriction)
        return list(page.versions)

    async def living(self, type: str, *, restriction: Restriction, after: int = 0, limit: int = 100) -> Page:
        """See `Snapshot.living`."""
        newest = self._newest()
        found = [
            stored for stored in self._alive(type, newest) if stored.v > after and self._allowed(stored, restriction)
        ]
        return Page(
            [each.version for each in found[:limit]], found[limit - 1].v if len(found) > limit else None, newest
        )

    async def owners(self, key: Key, number: int, *, restriction: Restriction) -> list[Key]:
        """See `Snapshot.owners`."""
        stored = self._of(key, number, restriction)
        return sorted(set(stored.owners)) if stored else []

    async def labels(self, key: Key, number: int, *, restriction: Restriction) -> list[tuple[str, str]]:
        """See `Snapshot.labels`."""
        stored = self._of(key, number, restriction)
        return sorted(set(stored.labels)) if stored else []

    async def content_length(self, key: Key, number: int, *, restriction: Restriction) -> int:
        """See `Snapshot.content_length`."""
        stored = self._of(key, number, restriction)
        return sum(map(len, stored.chunks)) if stored else 0

    async def chunks(self, key: Key, number: int, *, restriction: Restriction, start: int = 0) -> AsyncIterator[bytes]:
        """See `Snapshot.chunks`."""
        stored = self._of(key, number, restriction)
        for chunk in stored.chunks if stored else ():
            if start < len(chunk):
                yield chunk[start:]
            start = max(start - len(chunk), 0)

    def _current(self, key: Key) -> Stored | None:
        newest = self._newest()
        return next((stored for stored in reversed(self._state.keys.get(key, ())) if stored.v <= newest), None)

    def _of(self, key: Key, number: int, restriction: Restriction) -> Stored | None:
        rows = self._state.keys.get(key, ())
        if not 0 < number <= len(rows) or rows[number - 1].v > self._newest():
            return None
        stored = rows[number - 1]
        return stored if self._allowed(stored, restriction) else None

    def _alive(self, type: str, position: int) -> Iterator[Stored]:
        """Yield the versions of `type` that were current and not deleted as of `position`."""
        for stored in self._state.rows[:position]:
            alive = stored.died is None or stored.died > position
            if alive and stored.version.key.type == type and not stored.version.deleted:
                yield stored

    def _matches(self, stored: Stored, where: Node) -> bool:
        return match(where, _candidate(stored))

    def _allowed(self, stored: Stored, restriction: Restriction) -> bool:
        return restriction is ALL or allows(restriction, _candidate(stored), self._criteria)


def _candidate(stored: Stored) -> Candidate:
    version = stored.version
    return Candidate(
        version.key.type, version.key.id, version.time, version.author, stored.owners, stored.labels, stored.entries
    )


def _page(found: Sequence[Stored], count: int, position: int) -> Page:
    more = found[count - 1].v if 0 < count < len(found) else None
    return Page([stored.version for stored in found[:count]], more, position)
