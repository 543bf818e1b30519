"""One socket over a transport of the test's: tokens that end, clients that read slowly, channels that fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from realtime.channel import Payload, Seat
from realtime.limits import Limits
from realtime.ports import Member, Refused
from realtime.sockets import Sockets
from tests.fakes.patience import PATIENCE

SECOND = 1_000_000
NOW = 1_750_000_000 * SECOND


class Doorkeeper:
    """Admits by the number of seconds that a token is to last; `gone` are grants that have ended."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.broken = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def admit(self, token: str) -> Member[str]:
        if not token.isdigit():
            raise Refused("unauthorized")
        return member(int(token))

    async def recall(self, known: Member[str]) -> Member[str] | None:
        if self.broken:
            raise ConnectionError("of Jean Dupont")
        if known.grant not in self.gone:
            # Told anew each time, as a host that asks its store does.
            return replace(known)
        await self.answers.wait()
        return None


def member(seconds: float = 3600, account: str = "ann", grant: str = "g") -> Member[str]:
    return Member(account, "patient", grant, NOW + round(seconds * SECOND), "")


class Echo:
    """A channel that answers what it is told, and fails when it is asked to."""

    def __init__(self) -> None:
        self.seats: list[Seat[str]] = []

    async def join(self, seat: Seat[str], payload: Payload) -> Payload:
        if "no" in payload:
            raise Refused(str(payload["no"]))
        if "fail" in payload:
            raise RuntimeError("the patient's name")
        self.seats.append(seat)
        seat.after.append(lambda: seat.push("welcome", {}))
        return {"name": seat.name}

    async def said(self, seat: Seat[str], event: str, payload: Payload) -> Payload:
        if event == "fail":
            raise RuntimeError("the patient's name")
        return payload

    async def leave(self, seat: Seat[str]) -> None:
        self.seats.remove(seat)


class Wire:
    """The two ends of a connection. While `stuck`, the client takes nothing."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[list[Any]] = []
        self.closed: tuple[int, str] | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def transmit(self, message: Any) -> None:
        await self.free.wait()
        if message["type"] == "websocket.close":
            self.closed = (message["code"], message["reason"])
        else:
            self.sent.append(json.loads(message["text"]))

    def say(self, topic: str, event: str, payload: Any = None, ref: str = "1", join_ref: str | None = None) -> None:
        text = json.dumps([join_ref, ref, topic, event, payload or {}])
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def events(self) -> list[tuple[str, Any]]:
        return [(frame[3], frame[4].get("response", frame[4])) for frame in self.sent]


@asynccontextmanager
async def living(
    limits: Limits | None = None, who: Member[str] | None = None, doorkeeper: Doorkeeper | None = None
) -> AsyncIterator[tuple[Wire, Sockets[str], Echo, asyncio.Task[None]]]:
    wire, echo = Wire(), Echo()
    sockets = Sockets(doorkeeper or Doorkeeper(), {"echo": echo}, lambda: NOW, limits or Limits())
    task = asyncio.get_running_loop().create_task(
        sockets.serve(who or member(), "2.0.0", wire.incoming.get, wire.transmit)
    )
    await asyncio.sleep(0)
    yield wire, sockets, echo, task
    wire.free.set()
    wire.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await asyncio.wait_for(task, PATIENCE)
    assert len(sockets.attendance) == 0
    assert echo.seats == [], "whoever is gone has left"


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_joining_answers_before_anything_is_told() -> None:
    async with living() as (wire, _, echo, _task):
        wire.say("echo:x", "phx_join")
        await settle()
        assert wire.events() == [("phx_reply", {"name": "x"}), ("welcome", {})]
        assert len(echo.seats) == 1


async def test_a_refusal_is_told_and_a_fault_is_not(caplog: pytest.LogCaptureFixture) -> None:
    async with living() as (wire, _, _echo, _task):
        wire.say("echo:x", "phx_join", {"no": "closed"})
        wire.say("echo:x", "phx_join", {"fail": 1})
        await settle()
        assert wire.events() == [("phx_reply", {"reason": "closed"}), ("phx_reply", {"reason": "failed"})]
    assert "a join failed" in caplog.text
    assert "name" not in caplog.text


async def test_a_channel_that_fails_is_left_with_phx_error_and_can_be_joined_again() -> None:
    async with living() as (wire, _, echo, _task):
        wire.say("echo:x", "phx_join", join_ref="1")
        wire.say("echo:x", "fail", ref="2", join_ref="1")
        await settle()
        assert wire.sent[-1] == ["1", "1", "echo:x", "phx_error", {}]
        assert echo.seats == []
        wire.say("echo:x", "phx_join", ref="3", join_ref="3")
        await settle()
        assert len(echo.seats) == 1


async def test_a_token_that_ends_is_announced_and_then_the_socket_closes() -> None:
    async with living(who=member(0.2)) as (wire, _, _echo, task):
        await settle()
        await asyncio.sleep(0.02)
        assert wire.events() == [("token_expiring", {"expires_in": 0})]
        await asyncio.wait_for(task, PATIENCE)
        assert wire.closed == (4401, "the token has expired")


async def test_the_end_of_a_token_is_announced_a_minute_before_it_and_not_earlier() -> None:
    async with living(who=member(60.2)) as (wire, _, _echo, task):
        await settle()
        assert wire.events() == []
        await asyncio.sleep(0.3)
        # The clock of the test stands still, so that the announcement tells what was left at the beginning.
        assert wire.events() == [("token_expiring", {"expires_in": 60})]
        assert not task.done()


async def test_a_new_token_moves_the_announcement_too() -> None:
    async with living(who=member(0.2)) as (wire, _, _echo, task):
        wire.say("phoenix", "access_token", {"token": "3600"})
        await settle()
        before = len(wire.events())
        await asyncio.sleep(0.4)
        assert len(wire.events()) == before
        assert not task.done()


async def test_a_token_that_does_not_count_moves_nothing() -> None:
    async with living(who=member(0.2)) as (wire, _, _echo, task):
        wire.say("phoenix", "access_token", {"token": "nothing"})
        await asyncio.wait_for(task, PATIENCE)
        assert ("phx_reply", {"reason": "unauthorized"}) in wire.events()
        assert wire.closed == (4401, "the token has expired")


async def test_another_token_keeps_it_open() -> None:
    async with living(who=member(0.2)) as (wire, _, _echo, task):
        wire.say("phoenix", "access_token", {"token": "3600"})
        await asyncio.sleep(0.4)
        assert ("phx_reply", {"expires_in": 3600}) in wire.events()
        assert not task.done()


async def test_a_new_token_of_less_than_a_minute_is_not_announced_at_once_again() -> None:
    async with living(who=member(0.2)) as (wire, _, _echo, task):
        await asyncio.sleep(0.02)
        wire.say("phoenix", "access_token", {"token": "2"})
        await asyncio.sleep(0.4)
        assert wire.events() == [("token_expiring", {"expires_in": 0}), ("phx_reply", {"expires_in": 2})]
        await asyncio.sleep(0.8)
        assert wire.events()[2:] == [("token_expiring", {"expires_in": 2})]
        assert not task.done()


async def test_what_is_known_of_somebody_is_kept_while_it_is_the_same() -> None:
    who = member()
    async with living(who=who) as (_wire, sockets, _echo, _task):
        await settle()
        sockets.attendance.recall("g")
        await settle()
        (socket,) = sockets.attendance
        assert socket.member is who


async def test_nobody_stays_because_their_session_could_not_be_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    doorkeeper = Doorkeeper()
    async with living(doorkeeper=doorkeeper) as (wire, sockets, _echo, task):
        await settle()
        doorkeeper.broken = True
        sockets.attendance.recall("g")
        await asyncio.wait_for(task, PATIENCE)
        assert wire.closed == (1011, "come in again")
    assert "Dupont" not in caplog.text


async def test_a_token_that_comes_while_its_forerunner_is_asked_for_is_kept() -> None:
    doorkeeper = Doorkeeper()
    async with living(doorkeeper=doorkeeper, who=member(grant="old")) as (wire, sockets, _echo, task):
        await settle()
        doorkeeper.gone.add("old")
        doorkeeper.answers.clear()
        sockets.attendance.recall("old")
        await settle()
        wire.say("phoenix", "access_token", {"token": "3600"})
        await settle()
        doorkeeper.answers.set()
        await settle()
        assert ("phx_reply", {"expires_in": 3600}) in wire.events()
        assert not task.done(), "it is another session now"


async def test_when_the_grant_ends_only_its_socket_closes() -> None:
    doorkeeper = Doorkeeper()
    async with (
        living(doorkeeper=doorkeeper, who=member(grant="old")) as (wire, sockets, _echo, task),
        living(doorkeeper=doorkeeper) as (_wire, _sockets, _other, living_on),
    ):
        sockets.attendance.recall("old")
        await settle()
        assert not task.done(), "nothing has happened to it"
        doorkeeper.gone.add("old")
        sockets.attendance.recall("other")
        await settle()
        assert not task.done()
        sockets.attendance.recall("old")
        await asyncio.wait_for(task, PATIENCE)
        assert wire.closed == (4401, "the access has ended")
        assert not living_on.done()


async def test_who_reads_nothing_is_closed_and_keeps_nothing() -> None:
    async with living(Limits(queue=10)) as (wire, _, echo, task):
        wire.say("echo:x", "phx_join")
        await settle()
        (seat,) = echo.seats
        wire.free.clear()
        for number in range(1000):
            seat.push("news", {"number": number})
        await settle()
        assert echo.seats == [], "it is out of the room at once"
        wire.free.set()
        await asyncio.wait_for(task, PATIENCE)
        assert wire.closed == (1013, "too slow")
        assert len(wire.sent) < 20


async def test_who_is_quiet_for_long_is_closed() -> None:
    async with living(Limits(quiet_s=0.1)) as (wire, _, _echo, task):
        await asyncio.wait_for(task, PATIENCE)
        assert wire.closed == (1008, "no heartbeat")


async def test_one_account_has_so_many_sockets_only() -> None:
    async with living(Limits(sockets=1)) as (_wire, sockets, _echo, first):
        second, third = Wire(), Wire()
        await asyncio.wait_for(sockets.serve(member(), "2.0.0", second.incoming.get, second.transmit), PATIENCE)
        assert second.closed == (1008, "too many sockets")
        other = asyncio.get_running_loop().create_task(
            sockets.serve(replace(member(), account="bob"), "2.0.0", third.incoming.get, third.transmit)
        )
        await settle()
        assert (len(sockets.attendance), first.done(), other.done()) == (2, False, False)
        third.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await other


async def test_stopping_closes_all_of_them() -> None:
    async with living() as (wire, sockets, _echo, task):
        await sockets.attendance.close()
        assert task.done()
        assert wire.closed == (1012, "the server stops")
