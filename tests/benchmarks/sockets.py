"""Sockets: what idle ones take in memory, and how soon messages in many rooms at once are delivered."""

from __future__ import annotations

import asyncio
import json
import os
import resource as limits
import tempfile
import time
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from fhir_server.accounts import manage
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.create import create
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import free_port, memory, running, serve_arguments

IDLE, PAIRS, EACH = 2_000, 20, 10
ROOMS = PAIRS * EACH
RATE = 10
"""Messages a second of each participant."""
SECONDS = 10
AT_ONCE = 50
"""Connections that are being opened at the same time."""
PASSWORD = "violet anchor tulip 42"
SETTINGS = {"FHIR_SERVER_SOCKETS": "1000", "FHIR_SERVER_ROOM_WAITS": "false"}
Room = tuple[str, str, str]
"""An Appointment, and the tokens of its two sides."""


async def rooms(store: Path, base: str) -> list[Room]:
    """Fill a store with pairs of people and their Appointments of now."""
    settings = Settings(store=f"sqlite:///{store}", public_url=base)
    async with open_tenant(settings) as tenant:
        desk = await open_desk(settings, tenant.services)
        found: list[Room] = []
        for number in range(PAIRS):
            tokens, people = [], []
            for role in ("patient", "doctor"):
                wanted = Wanted(f"{role}{number}@example.org", PASSWORD, role, rpps=number_of(role))
                account = await manage.add(desk, wanted, manage.BY, manage.asker())
                tokens.append((await desk.auth.sessions.begin(account, manage.asker(), ("pwd",))).access)
                people.append(account.actor)
            for _ in range(EACH):
                call = Call(tenant.services, ANONYMOUS, "benchmark", "Appointment", resource=appointment(people))
                found.append((((await create(call)).location or "").split("/")[1], tokens[0], tokens[1]))
        await desk.close()
        return found


def number_of(role: str) -> str | None:
    """Return the number in the national register, which doctors have."""
    return "10101201234" if role == "doctor" else None


def appointment(people: Iterable[str]) -> dict[str, Any]:
    """Return an Appointment of now."""
    start = datetime.now(UTC)
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
            return asyncio.run(_measured(base, server.pid, meeting))


async def _measured(base: str, pid: int, meeting: list[Room]) -> list[Figure]:
    url = base.replace("http", "ws", 1) + "/socket/websocket?vsn=2.0.0&token="
    before = memory(pid)
    tokens = [room[1 + number % 2] for number, room in enumerate(meeting * (IDLE // ROOMS))]
    idle = await _few(connect(url + each, compression=None) for each in tokens)
    added = memory(pid) - before
    told = f"+ {added:.0f} MB, {1024 * added / IDLE:.0f} KB each"
    figures = [Figure(f"{IDLE:,} idle sockets", told, "150 MB", added < 150)]
    late, lost, mixed = await _talk(url, meeting)
    await _few(each.close() for each in idle)
    p99 = sorted(late)[int(0.99 * len(late))]
    told = f"p99 {p99:.0f} ms, {len(late) / SECONDS:,.0f} delivered/s, {lost} lost, {mixed} out of order"
    work = f"{ROOMS} rooms of two, {RATE} messages/s each, beside them"
    return [*figures, Figure(work, told, "p99 50 ms, none lost, none out of order", p99 < 50 and not lost + mixed)]


async def _talk(url: str, meeting: list[Room]) -> tuple[list[float], int, int]:
    """Let everybody talk; return how late messages came (ms), how many were lost and how many out of order."""
    sides = [(id, token) for id, *tokens in meeting for token in tokens]
    wires = await _few(connect(url + token, compression=None) for _, token in sides)
    for (id, _), wire in zip(sides, wires, strict=True):
        await wire.send(json.dumps(["1", "1", f"consultation:{id}", "phx_join", {}]))
        while json.loads(await wire.recv())[3] != "phx_reply":
            pass
    heard = [asyncio.create_task(_hear(wire)) for wire in wires]
    here = enumerate(zip(sides, wires, strict=True))
    said = [_say(wire, f"consultation:{id}", index) for index, ((id, _), wire) in here]
    await asyncio.gather(*said)
    await asyncio.sleep(1)
    await _few(wire.close() for wire in wires)
    found = await asyncio.gather(*heard)
    late = [each for times, _ in found for each in times]
    return late, len(sides) * RATE * SECONDS - len(late), sum(mixed for _, mixed in found)


async def _say(wire: ClientConnection, topic: str, index: int) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time() + index / 4_000
    for number in range(RATE * SECONDS):
        await asyncio.sleep(start + number / RATE - loop.time())
        payload = {"candidate": {"n": number, "at": time.perf_counter()}}
        await wire.send(json.dumps(["1", str(number + 2), topic, "webrtc_ice_candidate", payload]))


async def _hear(wire: ClientConnection) -> tuple[list[float], int]:
    late, last, mixed = [], -1, 0
    async for text in wire:
        now = time.perf_counter()
        if b"webrtc_ice_candidate" in (text if isinstance(text, bytes) else text.encode()):
            candidate = json.loads(text)[4]["candidate"]
            late.append(1000 * (now - candidate["at"]))
            mixed += candidate["n"] <= last
            last = candidate["n"]
    return late, mixed


async def _few(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """Await all of `work`, so many at once."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(each: Awaitable[Any]) -> Any:
        async with turn:
            return await each

    return await asyncio.gather(*(one(each) for each in work))
