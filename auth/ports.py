"""What this library needs of whoever hosts it: small tables under a transaction, a clock, a mailer, an audit trail.

The server's store satisfies `Store` as it is. Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Table:
    """A small table to be declared when the store is opened; `unique` and `indexed` name text fields of its values."""

    name: str
    unique: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()


class Record(Protocol):
    """One row; `revision` counts its writes from 1."""

    @property
    def key(self) -> str:
        """Its key."""
        ...

    @property
    def value(self) -> Mapping[str, Any]:
        """Its value, plain JSON."""
        ...

    @property
    def revision(self) -> int:
        """How often it was written."""
        ...


class Records(Protocol):
    """Reading tables. Expired rows are absent."""

    async def get(self, table: str, key: str) -> Record | None:
        """Return a row, None when absent."""
        ...

    async def find(self, table: str, field: str, value: str) -> Sequence[Record]:
        """Return the rows whose declared field has that value, by key."""
        ...

    async def scan(self, table: str, after: str = "", limit: int = 100) -> Sequence[Record]:
        """Return up to `limit` rows with a key beyond `after`, by key."""
        ...


class WritableRecords(Records, Protocol):
    """Tables inside a transaction."""

    async def put(
        self, table: str, key: str, value: Mapping[str, Any], *, expect: int | None = None, expires: int | None = None
    ) -> Record:
        """Write a row; `expect` is the revision it must have, 0 for absence."""
        ...

    async def delete(self, table: str, key: str, *, expect: int | None = None) -> bool:
        """Delete a row; return whether it was there."""
        ...


class Transaction(Protocol):
    """One unit of writing, which may be run again."""

    @property
    def time(self) -> int:
        """The time of the transaction."""
        ...

    @property
    def records(self) -> WritableRecords:
        """The tables."""
        ...

    async def audit(self, row: Any) -> None:
        """Append a row to the audit trail, with this transaction."""
        ...


class Store(Protocol):
    """Where the tables are."""

    @property
    def records(self) -> Records:
        """The tables as of the newest commit."""
        ...

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` as one transaction; return its value once that is durable."""
        ...

    async def audit(self, row: Any, *, wait: bool = False) -> None:
        """Append a row to the audit trail."""
        ...


@dataclass(frozen=True, slots=True)
class Asker:
    """Where a request comes from: its id, the network address, and what the client calls itself."""

    request: str
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something for the audit trail: who did what to what, and with which HTTP status it ended."""

    action: str
    actor: str
    asker: Asker
    status: int = 200
    target: str = ""
    patients: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


Row = Callable[[Event, int], object]
"""Makes an audit row of the host's kind: an event at a time."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person, as plain text."""

    to: str
    subject: str
    text: str


class Fetched(Protocol):
    """What another server answered; names of `headers` are in lower case."""

    @property
    def status(self) -> int:
        """Its HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""
        ...

    @property
    def content(self) -> bytes:
        """Its body."""
        ...


Fetch = Callable[[str], Awaitable[Fetched | None]]
"""Gets an address that an app has named; None when it may not be asked, or did not answer."""


class Mailer(Protocol):
    """Sends letters."""

    async def send(self, letter: Letter) -> None:
        """Send it, or take it over for sending; a letter that cannot go is logged, never raised."""
        ...
