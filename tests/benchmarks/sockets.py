"""Sockets: what idle ones take in memory, and how soon messages in many rooms at once are delivered."""

from __future__ import annotations

import asyncio
import os
import resource as limits
import tempfile
import time
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from fhir_server.accounts import manage
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.create import create
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import cpu_seconds, free_port, memory, running, serve_arguments
from tests.benchmarks.wires import Wire, wire

IDLE, PAIRS, EACH = 2_000, 20, 10
ROOMS = PAIRS * EACH
RATE = 10
"""Messages a second of each participant."""
SECONDS = 10
PATIENCE = 20
"""Seconds after which a message that has not come is lost."""
AT_ONCE = 50
"""Connections that are being opened at the same time."""
PASSWORD = "violet anchor tulip 42"
SETTINGS = {
    "FHIR_SERVER_SOCKETS": "1000",
    "FHIR_SERVER_ROOM_WAITS": "false",
    "FHIR_SERVER_ROOM_OPENS_MIN": "1440",
    "FHIR_SERVER_DOUBLE_BOOKING": "allow",
}
Room = tuple[str, str, str]
"""An Appointment, and the tokens of its two sides."""


async def rooms(store: Path, base: str) -> list[Room]:
    """Fill a store with pairs of people and their Appointments."""
    settings = Settings(store=f"sqlite:///{store}", public_url=base)
    async with open_tenant(settings) as tenant:
        desk = await open_desk(settings, tenant.services)
        found: list[Room] = []
        for number in range(PAIRS):
            tokens, people = [], []
            for role in ("patient", "doctor"):
                wanted = Wanted(f"{role}{number}@example.org", PASSWORD, role, rpps=number_of(role, number))
                account = await manage.add(desk, wanted, manage.BY, manage.asker())
                tokens.append((await desk.auth.sessions.begin(account, manage.asker(), ("pwd",))).access)
                people.append(account.actor)
            for turn in range(EACH):
                booked = appointment(people, turn)
                call = Call(tenant.services, ANONYMOUS, "benchmark", "Appointment", resource=booked)
                found.append((((await create(call)).location or "").split("/")[1], tokens[0], tokens[1]))
        await desk.close()
        return found


def number_of(role: str, number: int) -> str | None:
    """Return the number in the national register, which each doctor has."""
    return f"101012{number:05}" if role == "doctor" else None


def appointment(people: Iterable[str], turn: int) -> dict[str, Any]:
    """Return the Appointment of a doctor's next hours that is in turn."""
    start = datetime.now(UTC) + timedelta(hours=turn)
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "start": start.isoformat(timespec="seconds"),
        "end": (start + timedelta(hours=1)).isoformat(timespec="seconds"),
        "participant": [{"actor": {"reference": each}, "status": "accepted"} for each in people],
    }


def measure() -> list[Figure]:
    """Return the figures of idle sockets and of rooms."""
    soft, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    limits.setrlimit(limits.RLIMIT_NOFILE, (min(max(soft, 10_000), hard), hard))
    os.environ.update(SETTINGS)
    with tempfile.TemporaryDirectory() as name:
        store, port = Path(name) / "fhir.db", free_port()
        base = f"http://127.0.0.1:{port}"
        meeting = asyncio.run(rooms(store, base))
        with running(serve_arguments(port, store, "required"), f"{base}/health") as server:
            return uvloop.run(_measured(base, server.pid, meeting))


async def _measured(base: str, pid: int, meeting: list[Room]) -> list[Figure]:
    url = base.replace("http", "ws", 1) + "/socket/websocket?vsn=2.0.0&token="
    before = memory(pid)
    tokens = [room[1 + number % 2] for number, room in enumerate(meeting * (IDLE // ROOMS))]
    idle = await _few(wire(url + each, _ignore) for each in tokens)
    added = memory(pid) - before
    told = f"+ {added:.0f} MB, {1024 * added / IDLE:.0f} KB each"
    figures = [Figure(f"{IDLE:,} idle sockets", told, "150 MB", added < 150)]
    talk = await Talk().begin(url, meeting)
    for each in idle:
        each.say(b'[null,"1","phoenix","heartbeat",{}]')
    await asyncio.sleep(2)
    began, server, mine = time.perf_counter(), cpu_seconds(pid), time.process_time()
    await talk.go_on()
    server, mine, lasted = cpu_seconds(pid) - server, time.process_time() - mine, time.perf_counter() - began
    for each in (*idle, *talk.wires):
        each.close()
    count, p99 = len(talk.late), sorted(talk.late)[int(0.99 * len(talk.late))]
    lost = 2 * ROOMS * RATE * SECONDS - count
    told = f"p99 {p99:.0f} ms, {count / SECONDS:,.0f} delivered/s, {lost} lost, {talk.mixed} out of order"
    cost = f"{1e6 * server / count:.0f} µs each, {server / lasted:.0%} of a core (the client {mine / lasted:.0%})"
    work = f"{ROOMS} rooms of two, {RATE} messages/s each, beside them"
    aim = "p99 50 ms, none lost, none out of order"
    return [*figures, Figure(work, f"{told}; {cost}", aim, p99 < 50 and not lost + talk.mixed)]


def _ignore(wire: Wire, text: bytes) -> None:
    """Hear what is said to somebody who is idle."""


class Talk:
    """Everybody talks: `late` is how late each message came (ms), `mixed` how many came before an earlier one."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.late: list[float] = []
        self.mixed = 0
        self._heads: list[bytes] = []

    async def begin(self, url: str, meeting: list[Room]) -> Talk:
        """Bring all into their rooms."""
        sides = [(id, token) for id, *tokens in meeting for token in tokens]
        self.wires = await _few(wire(url + token, self._hear) for _, token in sides)
        for (id, _), each in zip(sides, self.wires, strict=True):
            topic = f'"consultation:{id}"'.encode()
            each.say(b'["1","1",%b,"phx_join",{}]' % topic)
            await each.joined
            self._heads.append(
                b'["1","%d",%b,"webrtc_ice_candidate",{"candidate":{"n":%d,"at":%f}}]'.replace(b"%b", topic)
            )
        return self

    async def go_on(self) -> None:
        """Let each say so many messages, evenly spread over all; return when all should have come."""
        loop, size = asyncio.get_running_loop(), len(self.wires)
        start, said = loop.time(), 0
        while said < size * RATE * SECONDS:
            due = min(size * RATE * SECONDS, int((loop.time() - start) * size * RATE))
            for number in range(said, due):
                turn, index = divmod(number, size)
                self.wires[index].say(self._heads[index] % (turn + 2, turn, time.perf_counter()))
            said = due
            await asyncio.sleep(0.001)
        while len(self.late) < said and loop.time() < start + SECONDS + PATIENCE:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    def _hear(self, wire: Wire, text: bytes) -> None:
        if b'"webrtc_ice_candidate"' in text:
            candidate = msgspec.json.decode(text)[4]["candidate"]
            self.late.append(1000 * (time.perf_counter() - candidate["at"]))
            self.mixed += candidate["n"] <= wire.last
            wire.last = candidate["n"]
        elif not wire.joined.done() and b'"phx_reply"' in text:
            wire.joined.set_result(None)


async def _few(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """Await all of `work`, so many at once."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(each: Awaitable[Any]) -> Any:
        async with turn:
            return await each

    return await asyncio.gather(*(one(each) for each in work))
