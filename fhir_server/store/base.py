"""The store's protocols: versions, records, audit rows and the change feed under one `write`.

Positions. A store numbers the versions it keeps in commit order. A *position* is such a number at a commit boundary:
everything up to it was committed before everything after it, and no position splits a transaction. Readers of the
change feed, page cursors and snapshots all use positions; outside the store a position is opaque.

Restrictions. Every method that shows versions takes `restriction`, without a default (`profiles.restriction`).
What it does not allow does not exist for the caller: it is neither returned nor counted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from fhir_server.search.query import Include, Node, Query, Target
from fhir_server.search.values import IndexEntries
from fhir_server.store.audit import AuditRow as AuditRow
from fhir_server.store.audit import AuditTrail
from fhir_server.store.concepts import Concepts, WritableConcepts
from fhir_server.store.records import Record as Record
from fhir_server.store.records import RecordConflict as RecordConflict
from fhir_server.store.records import Records as Records
from fhir_server.store.records import RecordTable as RecordTable
from fhir_server.store.records import WritableRecords as WritableRecords
from profiles.restriction import Restriction

T = TypeVar("T")
Method = Literal["POST", "PUT", "PATCH", "DELETE"]


class Key(NamedTuple):
    """The identity of a resource."""

    type: str
    id: str


class Version(Struct, frozen=True):
    """One stored version.

    `time` is microseconds since 1970 UTC and equals `meta.lastUpdated`; `body` is the JSON as served, empty for a
    tombstone (`method` DELETE); `author` names who wrote it; `position` is the boundary of the commit it came with.
    `patients` are the ids of the patients it is about, for the audit row of whoever reads it. `row` is
    its place in the store, for the store itself, where a search found it. `contained` is the place of the resource
    that was found among those that this one contains, None when it is the match itself.
    """

    key: Key
    number: int
    time: int
    method: Method
    author: str
    body: bytes
    position: int
    patients: tuple[str, ...] = ()
    row: int = 0
    contained: int | None = None

    @property
    def deleted(self) -> bool:
        """Whether this version is a tombstone."""
        return self.method == "DELETE"


class NewVersion(Struct, frozen=True):
    """A version to put. `number` must be the current number plus one, else `put` raises `VersionConflict`.

    `owners` are the compartments it belongs to (`Key("Patient", "1")`), `subjects` those of them that it is about;
    `labels` are (system, code) of `meta.security`. A tombstone repeats those of the version it ends. `fresh` says that
    the server has just made the id: nobody outside of this transaction knows it, so nobody need look for it.
    """

    key: Key
    number: int
    method: Method
    author: str
    body: bytes
    owners: Sequence[Key] = ()
    labels: Sequence[tuple[str, str]] = ()
    fresh: bool = False
    subjects: Sequence[Key] = ()

    @property
    def patients(self) -> tuple[str, ...]:
        """The ids of the patients it is about, in order."""
        found = {subject.id for subject in self.subjects if subject.type == "Patient"}
        return tuple(sorted(found) if len(found) > 1 else found)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which history: of one resource (`type` and `id`), of a type (`type`), or of everything.

    `since` and `before` bound `Version.time` (since <= time < before); `at` keeps the versions that were current at
    some moment of the closed range `at` (low, high). Newest first. `after` and `position` are those of the previous
    page (`next`, `position`), so that the walk is not disturbed by writes.
    """

    type: str | None = None
    id: str | None = None
    since: int | None = None
    before: int | None = None
    at: tuple[int, int] | None = None
    after: int | None = None
    position: int | None = None
    count: int = 100


class Page(Struct, frozen=True):
    """A page of versions; `next` is what `after` of the following page must be, None at the end.

    `position` is the commit position the whole walk answers as of. `total` is the number of all matches, where it was
    asked for and is known.
    """

    versions: Sequence[Version]
    next: int | None
    position: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change feed. Entries of one transaction share their `position`."""

    position: int
    key: Key
    number: int
    method: Method
    time: int


CHUNK = 256 * 1024
"""Bytes of raw content to keep in one piece."""


class VersionConflict(Exception):
    """`put` met a current version other than the one the new version follows."""


class Snapshot(Protocol):
    """Reading. Absence is None or an empty page, never an exception."""

    async def read(self, key: Key, *, restriction: Restriction) -> Version | None:
        """Return the current version, a tombstone included; None if there never was one or it is not allowed."""
        ...

    async def read_many(self, keys: Sequence[Key], *, restriction: Restriction) -> dict[Key, Version]:
        """Return the current versions of those `keys` that have one, tombstones included."""
        ...

    async def vread(self, key: Key, number: int, *, restriction: Restriction) -> Version | None:
        """Return one version, a tombstone included."""
        ...

    async def history(self, scope: Scope, *, restriction: Restriction) -> Page:
        """Return a page of versions, newest first, tombstones included, stable under writes."""
        ...

    async def search(self, query: Query, *, restriction: Restriction) -> Page:
        """Return a page of matches, stable under writes.

        A match updated since `position` comes in its version of then; one deleted since is left out.
        Raises `CursorExpired` when `position` is older than the cursor lifetime.
        """
        ...

    async def count(self, targets: Sequence[Target], *, restriction: Restriction, position: int | None = None) -> int:
        """Return the number of resources that match: what a page walk as of `position` shows.

        Raises `CursorExpired` like `search`.
        """
        ...

    async def include(
        self,
        versions: Sequence[Version],
        include: Include,
        *,
        restriction: Restriction,
        position: int | None = None,
        limit: int,
    ) -> list[Version]:
        """Return up to `limit` versions that one step along `include` leads to, each once, in the order of commits.

        It starts from `versions`, which `search`, `matches` or `include` of this store found.

        As of `position` like `search`: what was deleted since is left out. A reference to a version leads to that
        version. Versions of a type that `include` does not start from lead nowhere. Raises `CursorExpired`.
        """
        ...

    async def explain(self, query: Query, *, restriction: Restriction) -> Mapping[str, Any]:
        """Return how the page of `query` is found: what drives, what is checked, rows and time. Values stay out."""
        ...

    async def matches(self, type: str, where: Node, *, restriction: Restriction, limit: int) -> list[Version]:
        """Return up to `limit` current versions that match now (conditional interactions)."""
        ...

    async def living(self, type: str, *, restriction: Restriction, after: int = 0, limit: int = 100) -> Page:
        """Return a page of what there is of `type` now, in the order of commits; the index is not asked."""
        ...

    async def owners(self, key: Key, number: int, *, restriction: Restriction) -> list[Key]:
        """Return the compartments that version belongs to, in order; a tombstone repeats them."""
        ...

    async def subjects(self, key: Key, number: int, *, restriction: Restriction) -> list[Key]:
        """Return the owners that this version is about, in order; a tombstone repeats them."""
        ...

    async def labels(self, key: Key, number: int, *, restriction: Restriction) -> list[tuple[str, str]]:
        """Return the security labels (system, code) of that version, in order; a tombstone repeats them."""
        ...

    async def content_length(self, key: Key, number: int, *, restriction: Restriction) -> int:
        """Return the bytes of raw content kept beside that version, without reading it; 0 when there is none."""
        ...

    def chunks(self, key: Key, number: int, *, restriction: Restriction, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the raw content kept beside that version from byte `start` on, chunk by chunk; nothing for none."""
        ...

    @property
    def records(self) -> Records:
        """The records half."""
        ...

    @property
    def concepts(self) -> Concepts:
        """The code systems that are loaded."""
        ...


class Reading(Snapshot, Protocol):
    """A store that another process writes, for reading alone."""

    def audit_chain(self, after: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield the rows of the audit chain behind `after`: sequence number, row as it is kept, hash."""
        ...


class CursorExpired(Exception):
    """A page walk is older than the cursor lifetime; what it would need was swept."""


class Transaction(Snapshot, Protocol):
    """Reading and writing as one unit. It sees its own writes."""

    @property
    def time(self) -> int:
        """The time of this transaction in microseconds; never before that of an earlier one."""
        ...

    async def put(self, version: NewVersion, entries: IndexEntries) -> Version:
        """Keep a version and make it current. Raises VersionConflict."""
        ...

    async def reindex(self, key: Key, number: int, entries: IndexEntries, subjects: Sequence[Key] = ()) -> bool:
        """If that version is current and no tombstone, make `entries` what it answers to; return whether it is.

        `subjects` are those of its owners that it is about.
        """
        ...

    async def own(self, key: Key, number: int, owners: Sequence[Key]) -> bool:
        """Make `owners` the compartments that version belongs to, all of which it is about; return whether it is there.

        For what tells only afterwards whose it is. Its index rows stay as they are.
        """
        ...

    async def settle_index(self) -> None:
        """Say that every current version is indexed as this code indexes; page walks that began before expire."""
        ...

    async def put_chunk(self, key: Key, number: int, data: bytes) -> None:
        """Append raw content to a version put in this transaction. Pieces of `CHUNK` bytes are a good size."""
        ...

    async def audit(self, row: AuditRow) -> None:
        """Append an audit row that commits with this transaction."""
        ...

    @property
    def records(self) -> WritableRecords:
        """The records half, writable."""
        ...

    @property
    def concepts(self) -> WritableConcepts:
        """The code systems that are loaded, and the loads."""
        ...


class Store(Snapshot, AuditTrail, Protocol):
    """One tenant's data. Reading straight from the store sees the newest commit."""

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` as one transaction and return its value once that is durable.

        `work` may be run again, so it has no effects outside the transaction. When it raises, nothing of it is kept
        and neighbours in the same group commit are not touched. Raises StoreFull and StoreUnavailable.
        """
        ...

    async def position(self) -> int:
        """Return the newest commit position."""
        ...

    async def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """Return whole transactions committed after `after`, in commit order, at least `limit` entries if there are.

        A reader that has seen a position never later meets one at or before it. This is the server's own view, without
        a restriction: who passes changes on reads each version under the restriction of the one it passes them to.
        """
        ...

    async def counts(self) -> Mapping[str, int]:
        """Return the number of current resources per type, kept incrementally."""
        ...

    async def sweep(self) -> int:
        """Forget what only page walks beyond the cursor lifetime could ask for; return the number of versions swept.

        A store does so by itself now and then.
        """
        ...

    @property
    def index_format(self) -> int:
        """The number of the format in which this code indexes."""
        ...

    @property
    def indexed(self) -> bool:
        """Whether everything is indexed in that format: while not, every kind of search raises StoreUnavailable."""
        ...

    @property
    def secret(self) -> bytes:
        """32 random bytes made with the store: the key that signs page cursors."""
        ...

    async def describe(self) -> Mapping[str, Any]:
        """Return what the store is made of: engine and library versions, formats, sizes in bytes."""
        ...

    async def check(self) -> list[str]:
        """Verify the store (file, indexes, counts, audit chain) and return what is wrong, in sentences."""
        ...

    async def close(self) -> None:
        """Commit what waits and release everything."""
        ...
