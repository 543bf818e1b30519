"""The topics `notifications:{user}`: each new notification of a user, without its text, and how many are unread."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Generic, TypeVar

from realtime.bus.base import Bus, Message
from realtime.channel import Payload, Seat
from realtime.ports import Inboxes, Refused

P = TypeVar("P")
LAST_SEEN = 64
"""Characters of the id of a notification."""


def topic_of(user: str) -> str:
    """Return the topic of a user's notifications, where a host publishes `{"id": …}` of each one that is new."""
    return f"notifications:{user}"


class NotificationChannel(Generic[P]):
    """The notifications of a tenant's users."""

    def __init__(self, inboxes: Inboxes[P], bus: Bus) -> None:
        self._inboxes = inboxes
        self._bus = bus
        self._showing: set[asyncio.Task[None]] = set()

    async def join(self, seat: Seat[P], payload: Payload) -> Payload:
        """See `Channel.join`: with `last_seen` what came since is in the answer, oldest first."""
        if seat.name != seat.member.account:
            raise Refused("unauthorized")
        last_seen = payload.get("last_seen")
        if last_seen is not None and not (isinstance(last_seen, str) and len(last_seen) <= LAST_SEEN):
            raise Refused("last_seen is the id of a notification")
        # Heard from before it is counted, so that nothing falls between, and told after the answer.
        early: list[Message] = []
        answered = False

        def hear(message: Message) -> None:
            if answered:
                self._hear(seat, message)
            else:
                early.append(message)

        def follow() -> None:
            nonlocal answered
            answered = True
            for each in early:
                self._hear(seat, each)

        seat.ends.append(self._bus.subscribe(seat.topic, hear))
        seat.after.append(follow)
        inbox = await self._inboxes.inbox(seat.member, last_seen)
        return {"unread": inbox.unread, "missed": [asdict(each) for each in inbox.missed]}

    async def said(self, seat: Seat[P], event: str, payload: Payload) -> Payload:
        """See `Channel.said`: `unread` asks for the number again, after something was read."""
        if event != "unread":
            raise Refused("unmatched event")
        return {"unread": (await self._inboxes.inbox(seat.member, None)).unread}

    async def leave(self, seat: Seat[P]) -> None:
        """See `Channel.leave`."""

    def _hear(self, seat: Seat[P], message: Message) -> None:
        task = asyncio.get_running_loop().create_task(self._show(seat, str(message["id"])))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)

    async def _show(self, seat: Seat[P], id: str) -> None:
        note = await self._inboxes.show(seat.member, id)
        if note is not None:
            unread = (await self._inboxes.inbox(seat.member, None)).unread
            seat.push("notification", {**asdict(note), "unread": unread})
