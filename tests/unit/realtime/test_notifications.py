"""The topics of notifications: whose they are, what was missed, and that nothing falls between counting and hearing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.bus.connect import connect
from realtime.channel import Seat
from realtime.notifications import NotificationChannel, topic_of
from realtime.ports import Inbox, Member, Note, Refused

NOTES = {id: Note(id, "reminder", "routine", "2026-01-01T09:00:00Z") for id in ("n1", "n2")}


class Inboxes:
    """An inbox with what has come so far; `slow` lets something come while it is looked through."""

    def __init__(self) -> None:
        self.there: list[Note] = []
        self.hidden: set[str] = set()
        self.slow = asyncio.Event()
        self.slow.set()

    async def inbox(self, member: Member[str], last_seen: str | None) -> Inbox:
        found = Inbox(len(self.there), tuple(self.there) if last_seen else ())
        await self.slow.wait()
        return found

    async def show(self, member: Member[str], id: str) -> Note | None:
        return None if id in self.hidden else NOTES[id]


class World:
    def __init__(self) -> None:
        self.bus, self.inboxes = connect("", ""), Inboxes()
        self.channel: NotificationChannel[str] = NotificationChannel(self.inboxes, self.bus)
        self.heard: list[tuple[str, Any]] = []

    def seat(self, name: str = "ann") -> Seat[str]:
        member = Member("ann", "patient", "g", 0, "")
        hear = lambda event, payload: self.heard.append((event, payload))  # noqa: E731
        return Seat("s", topic_of(name), name, lambda: member, hear, lambda: None)

    async def join(self, seat: Seat[str], payload: Any) -> Any:
        """Join as a socket does it: what is to follow the answer is done after it."""
        answer = await self.channel.join(seat, payload)
        self.heard.append(("answer", answer))
        for each in seat.after:
            each()
        return answer


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_they_are_their_owners_alone() -> None:
    world = World()
    with pytest.raises(Refused, match="unauthorized"):
        await world.channel.join(world.seat("bob"), {})
    assert not world.bus.is_heard(topic_of("bob"))


@pytest.mark.parametrize("last_seen", [7, {}, "x" * 65])
async def test_last_seen_is_an_id(last_seen: Any) -> None:
    world = World()
    with pytest.raises(Refused, match="last_seen"):
        await world.channel.join(world.seat(), {"last_seen": last_seen})


async def test_what_is_new_is_told_with_the_number_of_the_unread() -> None:
    world = World()
    await world.join(world.seat(), {})
    world.inboxes.there = [NOTES["n1"]]
    world.bus.publish(topic_of("ann"), {"id": "n1"})
    await settle()
    note = {"id": "n1", "kind": "reminder", "priority": "routine", "sent": "2026-01-01T09:00:00Z"}
    assert world.heard[1:] == [("notification", {**note, "unread": 1})]


async def test_what_the_member_may_not_see_is_not_told() -> None:
    world = World()
    world.inboxes.hidden = {"n1"}
    await world.join(world.seat(), {})
    world.bus.publish(topic_of("ann"), {"id": "n1"})
    await settle()
    assert [event for event, _ in world.heard] == ["answer"]


async def test_what_comes_while_one_joins_is_told_after_the_answer() -> None:
    world = World()
    world.inboxes.slow.clear()
    joining = asyncio.ensure_future(world.join(world.seat(), {"last_seen": "n0"}))
    await settle()
    world.bus.publish(topic_of("ann"), {"id": "n1"})
    await settle()
    assert world.heard == []
    world.inboxes.slow.set()
    await joining
    await settle()
    assert [event for event, _ in world.heard] == ["answer", "notification"]
    assert world.heard[0][1]["missed"] == []


async def test_only_unread_can_be_asked_for() -> None:
    world = World()
    world.inboxes.there = [NOTES["n1"], NOTES["n2"]]
    assert await world.channel.said(world.seat(), "unread", {}) == {"unread": 2}
    with pytest.raises(Refused, match="unmatched event"):
        await world.channel.said(world.seat(), "read", {})
