"""What this library needs of whoever hosts it: who somebody is, which room they may enter, what is to be kept of it.

Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

P = TypeVar("P")

Clock = Callable[[], int]


class Refused(Exception):
    """Somebody may not do what they ask; the text is the reason that the client is told."""


@dataclass(frozen=True, slots=True)
class Member(Generic[P]):
    """Who is on a socket, by `account` and `grant`, until their token `expires`; `principal` is the host's own word."""

    account: str
    role: str
    grant: str
    expires: int
    principal: P


@dataclass(frozen=True, slots=True)
class Entrance:
    """How somebody enters a room: as `patient` or `doctor`, and whether they wait until they are admitted.

    `file` is the host's own word for where its messages go, and `keeps` whether they are kept there as of now.
    """

    role: str
    waits: bool = False
    file: Any = None
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody says, at which instant, as FHIR writes it, and to which users."""

    text: str
    sent: str
    users: Collection[str]


@dataclass(frozen=True, slots=True)
class Note:
    """A notification, without a word of what it says. `sent` is an instant as FHIR writes it."""

    id: str
    kind: str
    priority: str
    sent: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """How many notifications are unread, and those that were missed, oldest first."""

    unread: int
    missed: Sequence[Note] = field(default_factory=tuple)


class Doorkeeper(Protocol[P]):
    """Knows who somebody is."""

    async def admit(self, token: str) -> Member[P]:
        """Return whom an access token or a one-time ticket admits. Raises Refused."""
        ...

    async def recall(self, member: Member[P]) -> Member[P] | None:
        """Return the member as of now; None when the grant or the account has ended, or is another one now."""
        ...


class Consultations(Protocol[P]):
    """Knows who may enter which consultation, and keeps what happens there."""

    async def enter(self, member: Member[P], appointment: str) -> Entrance:
        """Let somebody in, or into the waiting room, and keep that. Raises Refused."""
        ...

    async def begin(self, member: Member[P], appointment: str, users: Sequence[str]) -> None:
        """Keep that both sides are in the room from now on."""
        ...

    async def admitted(self, member: Member[P], appointment: str, user: str) -> None:
        """Keep that somebody has let a user in who waited."""
        ...

    async def not_admitted(self, member: Member[P], appointment: str, file: Any) -> None:
        """Keep that somebody has asked to let a user in and was refused."""
        ...

    async def keeps(self, member: Member[P], file: Any) -> bool:
        """Return whether messages are kept in a file, now that something has changed."""
        ...

    async def keep(self, member: Member[P], file: Any, message: Message) -> bool:
        """Keep what somebody says, and return whether it was kept: who has agreed may have changed their mind.

        Raises Refused.
        """
        ...

    async def leave(self, member: Member[P], appointment: str, file: Any) -> None:
        """Keep that somebody has left, who may not see the appointment any more."""
        ...

    async def end(self, member: Member[P], appointment: str) -> None:
        """Keep that the consultation is over."""
        ...

    async def stays(self, member: Member[P], appointment: str) -> bool:
        """Return whether somebody who is in may stay, now that something has changed."""
        ...


class Inboxes(Protocol[P]):
    """Knows the notifications of people."""

    async def inbox(self, member: Member[P], last_seen: str | None) -> Inbox:
        """Return what is unread, and what came after the notification with the id `last_seen`."""
        ...

    async def show(self, member: Member[P], id: str) -> Note | None:
        """Return a notification, None when the member may not see it, or no longer."""
        ...
