"""Reading the in-memory store: the plain definition of what every store answers.

Nothing is indexed: a search looks at each version, `search.match` says whether it matches.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from fhir_server.search.match import Candidate, Criteria, allows, led_to, match
from fhir_server.search.match_rule import Kept
from fhir_server.search.ordering import ordered
from fhir_server.search.query import Include, Node, Query, Target
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import CursorExpired, Key, Page, Scope, Version
from fhir_server.store.contained_row import contained_row, container_of, place_of
from fhir_server.store.memory_concepts import Systems
from profiles.restriction import ALL, Restriction
from profiles.terminology.selection import Selection


@dataclass(slots=True)
class Stored:
    """A version with all that is kept beside it. `died` is the row that superseded it."""

    v: int
    version: Version
    owners: tuple[Key, ...]
    labels: tuple[tuple[str, str], ...]
    entries: IndexEntries | None
    subjects: tuple[Key, ...] = ()
    died: int | None = None
    chunks: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """A match by its number: a version, or a resource that it contains (`contained_row`)."""

    row: int
    stored: Stored
    candidate: Candidate


@dataclass(slots=True)
class State:
    """All versions: row `v` is `rows[v - 1]`; `keys` has the rows of each resource; `swept_to` as in the sweep."""

    rows: list[Stored] = field(default_factory=list)
    keys: dict[Key, list[Stored]] = field(default_factory=dict)
    swept_to: int = 0


class MemoryReading:
    """A snapshot of a `State`, as a base class: the subclass says what is newest for it."""

    def __init__(self, state: State, criteria: Criteria, systems: Systems) -> None:
        self._state = state
        self._systems = systems
        self._criteria = criteria

    def _newest(self) -> int:
        raise TypeError("a subclass says what is newest")

    def _kept(self, table: str, field: str, value: str) -> list[Kept]:
        raise TypeError("a subclass has the records")

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
            if self._in_scope(stored, scope, position) and self._both_allowed(stored, restriction):
                found.append(stored)
        return _page_of([Found(each.v, each, _candidate(each)) for each in found], scope.count, position)

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
        position = self._as_of(query.position)
        world = _World(self, restriction, position)
        matching = [each for target in query.targets for each in _of_target(target, world, query.after)]
        by_row = sorted(matching, key=lambda each: each.row)
        found = ordered(by_row, query.order, lambda each: each.candidate, lambda each: container_of(each.row))
        found = _first_of_each(found, query.targets)
        places = [place for place, each in enumerate(found) if each.row == query.after]
        found = found[places[0] + 1 :] if places else found
        return _page_of([each for each in found if world.shows(each.stored)], query.count, position)

    async def count(self, targets: Sequence[Target], *, restriction: Restriction, position: int | None = None) -> int:
        """See `Snapshot.count`."""
        world = _World(self, restriction, self._as_of(position))
        found = [each for target in targets for each in _of_target(target, world) if world.shows(each.stored)]
        return len(_first_of_each(found, targets))

    async def matches(self, type: str, where: Node, *, restriction: Restriction, limit: int) -> list[Version]:
        """See `Snapshot.matches`."""
        page = await self.search(Query((Target(type, where),), limit), restriction=restriction)
        return list(page.versions)

    async def include(
        self,
        versions: Sequence[Version],
        include: Include,
        *,
        restriction: Restriction,
        position: int | None = None,
        limit: int,
    ) -> list[Version]:
        """See `Snapshot.include`."""
        world = _World(self, restriction, self._as_of(position))
        found = world.referring(versions, include) if include.reverse else world.referred(versions, include)
        rows = {stored.v: stored.version for stored in found}
        return [rows[v] for v in sorted(rows)][:limit]

    async def explain(self, query: Query, *, restriction: Restriction) -> Mapping[str, Any]:
        """See `Snapshot.explain`. Nothing is planned here."""
        return {"engine": "memory", "drives": "every version of the type is looked at"}

    def _as_of(self, position: int | None) -> int:
        at = self._newest() if position is None else position
        if at < self._state.swept_to:
            raise CursorExpired("the rows this answer would need were swept")
        return at

    async def living(self, type: str, *, restriction: Restriction, after: int = 0, limit: int = 100) -> Page:
        """See `Snapshot.living`."""
        now = [self._current(key) for key in self._state.keys if key.type == type]
        living = [each for each in now if each and not each.version.deleted and each.v > after]
        found = sorted((each for each in living if self._allowed(each, restriction)), key=lambda each: each.v)
        more = found[limit - 1].v if len(found) > limit else None
        return Page([each.version for each in found[:limit]], more, self._newest())

    async def owners(self, key: Key, number: int, *, restriction: Restriction) -> list[Key]:
        """See `Snapshot.owners`."""
        stored = self._of(key, number, restriction)
        return sorted(set(stored.owners)) if stored else []

    async def subjects(self, key: Key, number: int, *, restriction: Restriction) -> list[Key]:
        """See `Snapshot.subjects`."""
        stored = self._of(key, number, restriction)
        return sorted(set(stored.subjects)) if stored else []

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
        return stored if self._both_allowed(stored, restriction) else None

    def _both_allowed(self, stored: Stored, restriction: Restriction) -> bool:
        """Whether an old version is allowed and the current one of its resource is."""
        now = self._current(stored.version.key)
        return self._allowed(stored, restriction) and (now is None or now is stored or self._allowed(now, restriction))

    def _allowed(self, stored: Stored, restriction: Restriction) -> bool:
        if restriction is ALL:
            return True
        everything = _World(self, ALL, self._newest())
        return allows(restriction, _candidate(stored), self._criteria, everything)


class _World:
    """What a search sees: see `match.World`. It shows a version that may be seen and whose resource still may."""

    def __init__(self, reading: MemoryReading, restriction: Restriction, position: int) -> None:
        self._reading = reading
        self._restriction = restriction
        self._position = position

    def one(self, type: str, id: str) -> Candidate | None:
        """See `match.World.one`."""
        stored = self._one(Key(type, id))
        return None if stored is None else _candidate(stored)

    def all(self, type: str) -> Iterator[Candidate]:
        """See `match.World.all`."""
        return (_candidate(stored) for stored in self.alive(type) if self.shows(stored))

    def kept(self, table: str, field: str, value: str) -> list[Kept]:
        """See `match.World.kept`."""
        return self._reading._kept(table, field, value)

    def selects(self, selection: Selection, code: str) -> bool:
        """See `match.World.selects`."""
        return self._reading._systems.selects(selection, code)

    def alive(self, type: str) -> Iterator[Stored]:
        """Yield the versions of `type` that were current and not deleted."""
        for stored in self._reading._state.rows[: self._position]:
            if stored.version.key.type == type and self._lives(stored):
                yield stored

    def everything(self) -> Iterator[Stored]:
        """Yield the versions of any type that were current and not deleted."""
        return (stored for stored in self._reading._state.rows[: self._position] if self._lives(stored))

    def shows(self, stored: Stored) -> bool:
        """Whether a version may be seen, and its resource still may and is not deleted."""
        reading, restriction = self._reading, self._restriction
        if not reading._allowed(stored, restriction):
            return False
        now = reading._current(stored.version.key)
        return now is not None and not now.version.deleted and (now is stored or reading._allowed(now, restriction))

    def referred(self, versions: Sequence[Version], include: Include) -> Iterator[Stored]:
        """Yield what the references of `versions` lead to."""
        for version in versions:
            entries = self._stored(version.key, version.number).entries if version.key.type == include.source else None
            if entries is None:
                continue
            for name, type, id, number, _ in entries.references:
                if name in include.names and include.target in ("", type):
                    stored = self._one(Key(type, id)) if number == 0 else self._numbered(Key(type, id), number)
                    if stored is not None:
                        yield stored
            yield from self._led_to(entries, include)

    def _led_to(self, entries: IndexEntries, include: Include) -> Iterator[Stored]:
        """Yield what the canonicals among `entries` lead to."""
        asked = [(uri, version) for name, uri, version, _ in entries.uris if name in include.names]
        for by in include.canonicals:
            for uri, version in asked:
                found = led_to(by, uri, version, self)
                stored = None if found is None else self._one(Key(found.type, found.id))
                if stored is not None:
                    yield stored

    def referring(self, versions: Sequence[Version], include: Include) -> Iterator[Stored]:
        """Yield what refers to `versions`."""
        keys = {version.key for version in versions if include.target in ("", version.key.type)}
        rows = {self._stored(version.key, version.number).v for version in versions}
        for stored in self.alive(include.source):
            entries = stored.entries
            if entries is None or not self.shows(stored):
                continue
            pointed = any(name in include.names and (type, id) in keys for name, type, id, _, _ in entries.references)
            if pointed or any(each.v in rows for each in self._led_to(entries, include)):
                yield stored

    def _one(self, key: Key) -> Stored | None:
        rows = self._reading._state.keys.get(key, ())
        return next((stored for stored in rows if self._lives(stored) and self.shows(stored)), None)

    def _numbered(self, key: Key, number: int) -> Stored | None:
        rows = self._reading._state.keys.get(key, ())
        if not 0 < number <= len(rows):
            return None
        stored = self._stored(key, number)
        seen = stored.v <= self._position and not stored.version.deleted and self.shows(stored)
        return stored if seen else None

    def _stored(self, key: Key, number: int) -> Stored:
        return self._reading._state.keys[key][number - 1]

    def _lives(self, stored: Stored) -> bool:
        died = stored.died
        return stored.v <= self._position and not stored.version.deleted and (died is None or died > self._position)


def _candidate(stored: Stored) -> Candidate:
    version = stored.version
    return Candidate(
        version.key.type,
        version.key.id,
        version.time,
        version.author,
        stored.owners,
        stored.labels,
        stored.entries,
        [key.id for key in stored.subjects if key.type == "Patient"],
    )


def _of_target(target: Target, world: _World, after: int = 0) -> Iterator[Found]:
    """Yield what matches a target, and the row `after` whether it does or not."""
    for stored in world.alive(target.type) if not target.inner else world.everything():
        candidate = _candidate(stored)
        if not target.inner:
            if stored.v == after or match(target.where, candidate, world):
                yield Found(stored.v, stored, candidate)
        elif not _is_beside(target, candidate, world):
            for place, (kind, entries) in enumerate(stored.entries.contained if stored.entries else ()):
                row, inner = contained_row(stored.v, place), replace(candidate, type=kind, entries=entries)
                if kind == target.kind and (row == after or match(target.where, inner, world)):
                    yield Found(row, stored, inner)


def _is_beside(target: Target, container: Candidate, world: _World) -> bool:
    return target.beside is not None and container.type == target.type and match(target.beside, container, world)


def _first_of_each(found: Sequence[Found], targets: Sequence[Target]) -> list[Found]:
    """Keep of what one container holds the first alone, where the container is the match."""
    if all(target.inner != "container" for target in targets):
        return list(found)
    first: dict[int, Found] = {}
    for each in found:
        first.setdefault(container_of(each.row), each)
    return list(first.values())


def _page_of(found: Sequence[Found], count: int, position: int) -> Page:
    more = found[count - 1].row if 0 < count < len(found) else None
    versions = [
        each.stored.version if place_of(each.row) is None else _as_found(each.stored.version, place_of(each.row))
        for each in found[:count]
    ]
    return Page(versions, more, position)


def _as_found(version: Version, place: int | None) -> Version:
    return structs.replace(version, contained=place)
