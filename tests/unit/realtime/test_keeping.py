"""Whether what is said in a room is kept: told first, kept then, and no longer once that is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from realtime.bus.memory import MemoryBus
from realtime.channel import Seat
from realtime.consultations import CHANGES, ConsultationChannel
from realtime.ports import Entrance, Member, Message, Refused


class Host:
    """Lets everybody in, and keeps what is said while `agreed`."""

    def __init__(self) -> None:
        self.agreed = False
        self.broken = False
        self.kept: list[tuple[Any, str]] = []

    async def enter(self, member: Member[str], appointment: str) -> Entrance:
        return Entrance(member.role, file=f"file of {appointment}", keeps=self.agreed)

    async def begin(self, member: Member[str], appointment: str, users: Sequence[str]) -> None: ...

    async def admitted(self, member: Member[str], appointment: str, user: str) -> None: ...

    async def leave(self, member: Member[str], appointment: str) -> None: ...

    async def end(self, member: Member[str], appointment: str) -> None: ...

    async def stays(self, member: Member[str], appointment: str) -> bool:
        return True

    async def keeps(self, member: Member[str], file: Any) -> bool:
        return self.agreed

    async def keep(self, member: Member[str], file: Any, message: Message) -> bool:
        if self.broken:
            raise Refused("the message cannot be kept")
        if self.agreed:
            self.kept.append((file, message.text))
        return self.agreed


class Side:
    """Somebody in a room, and what they were told."""

    def __init__(self, channel: ConsultationChannel[str], user: str) -> None:
        self.channel = channel
        self.told: list[tuple[str, Any]] = []
        member = Member(user, "doctor", "g", 0, "")
        self.seat: Seat[str] = Seat(
            f"seat of {user}",
            "consultation:42",
            "42",
            lambda: member,
            lambda event, payload: self.told.append((event, payload)),
            lambda: None,
        )

    async def say(self, text: str) -> bool:
        return bool((await self.channel.said(self.seat, "chat_message", {"message": text}))["kept"])

    def heard(self, event: str) -> list[Any]:
        return [payload for name, payload in self.told if name == event]


async def room() -> tuple[Host, MemoryBus, Side, Side]:
    host, bus = Host(), MemoryBus()
    channel = ConsultationChannel(host, bus, lambda: 0)
    ours, theirs = Side(channel, "a"), Side(channel, "b")
    for side in (ours, theirs):
        assert (await channel.join(side.seat, {}))["chat_kept"] is False
    return host, bus, ours, theirs


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_nobody_has_agreed_to_is_not_kept() -> None:
    host, _, ours, theirs = await room()
    assert not await ours.say("x")
    assert [each["message"] for each in theirs.heard("chat_message")] == ["x"]
    assert host.kept == []


async def test_nothing_is_kept_before_it_was_told() -> None:
    host, bus, ours, theirs = await room()
    host.agreed = True
    assert not await ours.say("x")
    bus.publish(CHANGES, {"appointment": None})
    await settle()
    assert ours.heard("chat_kept") == theirs.heard("chat_kept") == [{"kept": True}]
    assert await ours.say("y")
    assert host.kept == [("file of 42", "y")]


async def test_what_is_taken_back_counts_before_it_is_told() -> None:
    host, bus, ours, theirs = await room()
    host.agreed = True
    bus.publish(CHANGES, {"appointment": None})
    await settle()
    host.agreed = False
    assert not await ours.say("x")
    assert host.kept == []
    assert [each["message"] for each in theirs.heard("chat_message")] == ["x"]
    bus.publish(CHANGES, {"appointment": None})
    await settle()
    assert theirs.heard("chat_kept") == [{"kept": True}, {"kept": False}]


async def test_what_cannot_be_kept_is_not_said() -> None:
    host, bus, ours, theirs = await room()
    host.agreed = host.broken = True
    bus.publish(CHANGES, {"appointment": None})
    await settle()
    with pytest.raises(Refused, match="cannot be kept"):
        await ours.say("x")
    assert theirs.heard("chat_message") == []


async def test_who_has_left_is_told_nothing() -> None:
    host, bus, ours, theirs = await room()
    await theirs.channel.leave(theirs.seat)
    host.agreed = True
    bus.publish(CHANGES, {"appointment": None})
    await settle()
    assert ours.heard("chat_kept") == [{"kept": True}]
    assert theirs.heard("chat_kept") == []
