"""What a kind of topic does with those who join it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from realtime.ports import Member

P = TypeVar("P")
Payload = Mapping[str, Any]
OK: Payload = {}


@dataclass(slots=True)
class Seat(Generic[P]):
    """One socket's place at one topic: `name` is what comes after the kind (`consultation:NAME`).

    `push` tells the client something, `put_out` closes the topic to it, `member` says who sits there as of now.
    """

    id: str
    topic: str
    name: str
    who: Callable[[], Member[P]]
    push: Callable[[str, Payload], None]
    put_out: Callable[[], None]
    ends: list[Callable[[], None]] = field(default_factory=list)
    """What to do when the seat is left, such as ending subscriptions."""
    after: list[Callable[[], None]] = field(default_factory=list)
    """What to do as soon as the client has the answer to its join."""

    @property
    def member(self) -> Member[P]:
        """Who sits there."""
        return self.who()


class Channel(Protocol[P]):
    """A kind of topic."""

    async def join(self, seat: Seat[P], payload: Payload) -> Payload:
        """Take somebody in; return what the answer says. Raises Refused."""
        ...

    async def said(self, seat: Seat[P], event: str, payload: Payload) -> Payload:
        """Do what somebody says; return what the answer says. Raises Refused."""
        ...

    async def leave(self, seat: Seat[P]) -> None:
        """Let somebody go, who has left or whose socket is gone."""
        ...


Channels = Mapping[str, Channel[P]]
"""By kind: what comes before the colon of a topic."""
