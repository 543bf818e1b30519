"""What a room asks its host when something has changed: whether messages are kept, and who may stay."""

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
        self.away = 0
        self.let_in = True
        self.refused: list[tuple[str, Any]] = []

    async def enter(self, member: Member[str], appointment: str) -> Entrance:
        return Entrance(member.role, file=f"file of {appointment}", keeps=self.agreed)

    async def begin(self, member: Member[str], appointment: str, users: Sequence[str]) -> None: ...

    async def admitted(self, member: Member[str], appointment: str, user: str) -> None: ...

    async def not_admitted(self, member: Member[str], appointment: str, file: Any) -> None:
        self.refused.append((member.account, file))

    async def leave(self, member: Member[str], appointment: str, file: Any) -> None: ...

    async def end(self, member: Member[str], appointment: str) -> None: ...

    async def stays(self, member: Member[str], appointment: str) -> bool:
        if self.away:
            self.away -= 1
            raise ConnectionError("of Jean Dupont")
        return self.let_in

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
            lambda: self.told.append(("phx_close", {})),
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


async def test_nobody_stays_because_it_could_not_be_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("realtime.consultations.AGAIN", 0)
    host, bus, ours, theirs = await room()
    host.let_in, host.away = False, 3
    bus.publish(CHANGES, {"appointment": "42"})
    await settle()
    assert ours.heard("phx_close") == theirs.heard("phx_close") == [{}]
    assert "Dupont" not in caplog.text


async def test_a_change_of_another_appointment_asks_nobody() -> None:
    host, bus, ours, _ = await room()
    host.let_in = False
    bus.publish(CHANGES, {"appointment": "43"})
    await settle()
    assert ours.heard("phx_close") == []


async def test_who_asks_in_vain_to_let_somebody_in_is_told_of_to_the_host() -> None:
    host, _, ours, _ = await room()
    for asked in ("nobody", None, ["x"]):
        with pytest.raises(Refused, match="nobody of that name waits"):
            await ours.channel.said(ours.seat, "admit", {"user_id": asked})
    assert host.refused == [("a", "file of 42")] * 3
