"""Subscriptions: how fast what waits for one of them is delivered, against how fast resources are created.

A rest-hook gets one notification after the other, so it is held against creates over one connection, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import uvloop

from fhir_server.accounts import manage
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.model import fhir_json
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from tests.benchmarks import load
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_rates import observations, requests_file
from tests.benchmarks.processes import cpu_seconds, free_port, running, serve_arguments
from tests.benchmarks.wires import Wire, wire
from tests.fakes.subscribing import subscription, topical

ROUNDS = 3
SECONDS = 1.5
"""Seconds for which is written, each time."""
PATIENCE = 60
TOPIC = "https://bench.example/SubscriptionTopic/observation"
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
Waiting = Callable[[int], Awaitable[float]]
"""Lets go what waits, so many events, and returns how many a second came."""


@dataclass(frozen=True, slots=True)
class Round:
    """What was `created` and `delivered` a second, and the seconds of a core that the server took for a delivery."""

    created: float
    delivered: float
    cpu: float


class Endpoint(asyncio.Protocol):
    """A connection of the server's to an endpoint that takes everything, once it is let go.

    The server keeps it from one round to the next; `taken` is what comes in the round of now.
    """

    def __init__(self, taken: Callable[[], Taken]) -> None:
        self._taken = taken
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or 0):
            self._buffer, taken = b"", self._taken()
            taken.come(head.partition(b" HTTP")[0])
            if taken.open:
                self.transport.write(TAKEN)
            else:
                taken.held.append(self.transport)


class Taken:
    """What has come of a number of events, and how fast."""

    def __init__(self) -> None:
        self.open = False
        self.held: list[asyncio.Transport] = []
        self._seen: set[bytes] = set()
        self._all = asyncio.Event()
        self._number = 0

    def come(self, what: bytes) -> None:
        """Take note of an event."""
        self._seen.add(what)
        if self._number and len(self._seen) >= self._number:
            self._all.set()

    async def rate(self, number: int) -> float:
        """Let them come from now on; return how many a second do until there are so many."""
        self._number, began = number, time.perf_counter()
        self.open = True
        for each in self.held:
            each.write(TAKEN)
        async with asyncio.timeout(PATIENCE):
            await self._all.wait()
        return number / (time.perf_counter() - began)


class Server:
    """The server as its patient sees it."""

    def __init__(self, root: str, token: str, folder: Path, hooks: str, actor: str) -> None:
        self.root, self.token, self.hooks = root, token, hooks
        self.pid = 0
        content = ("Content-Type", "application/fhir+json"), ("Authorization", f"Bearer {token}")
        bodies = (fhir_json.encode({**each, "subject": {"reference": actor}}) for each in observations())
        creates = (load.request(f"{root}/fhir/Observation", "POST", body, content) for body in bodies)
        self._creates = requests_file(folder, "creates", creates)
        self._http = httpx.AsyncClient(base_url=root, headers=dict(content), timeout=30)

    async def write(self, connections: int) -> load.Load:
        """Create resources for a while."""
        many = {"connections": connections, "seconds": SECONDS, "requests": self._creates}
        done = await asyncio.to_thread(load.run, self.root, **many)
        if done.refused:
            raise RuntimeError(f"{done.refused} creates were refused: the figures would mean nothing")
        return done

    async def delivered(self, asked: dict[str, Any], listen: Callable[[str], Waiting]) -> Round:
        """Write, and then let what waits go."""
        calibrated = await self.write(1)
        made = await self._http.post("/fhir/Subscription", json=asked)
        made.raise_for_status()
        id = str(made.json()["id"])
        while (await self._http.get(f"/fhir/Subscription/{id}")).json()["status"] != "active":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        waits = listen(id)
        written = await self.write(32)
        while (await self._pending(id)) < written.answers:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        used = cpu_seconds(self.pid)
        rate = await waits(written.answers)
        used = cpu_seconds(self.pid) - used
        (await self._http.delete(f"/fhir/Subscription/{id}")).raise_for_status()
        return Round(calibrated.rate, rate, used / written.answers)

    async def _pending(self, id: str) -> int:
        """Return how many events there are of a subscription."""
        told = (await self._http.get(f"/fhir/Subscription/{id}/$status")).json()
        rows = told["entry"][0]["resource"]["parameter"]
        return int(next(row["valueString"] for row in rows if row["name"] == "events-since-subscription-start"))


def measure() -> list[Figure]:
    """Return the figures of a rest-hook and of a bound socket."""
    with tempfile.TemporaryDirectory() as name:
        folder, port, hooks = Path(name), free_port(), free_port()
        root = f"http://127.0.0.1:{port}"
        (folder / "topics").mkdir()
        (folder / "topics" / "observation.json").write_text(json.dumps(_topic()))
        os.environ["FHIR_SERVER_SUBSCRIPTION_TOPICS"] = str(folder / "topics")
        os.environ["FHIR_SERVER_FETCH_ORIGINS"] = f"http://127.0.0.1:{hooks}"
        actor, token = asyncio.run(_patient(folder / "fhir.db", root))
        server = Server(root, token, folder, f"http://127.0.0.1:{hooks}", actor)
        with running(serve_arguments(port, folder / "fhir.db", "required"), f"{root}/health") as process:
            server.pid = process.pid
            return uvloop.run(_measured(server, hooks))


async def _patient(store: Path, root: str) -> tuple[str, str]:
    """Open the account of a patient; return who that is, and an access token."""
    async with open_tenant(settings := Settings(store=f"sqlite:///{store}", public_url=root)) as tenant:
        desk = await open_desk(settings, tenant.services)
        account = await manage.add(
            desk, Wanted("bench@example.org", "violet anchor tulip 42"), manage.BY, manage.asker()
        )
        signed = await desk.auth.sessions.begin(account, manage.asker(), ("pwd",))
        await desk.close()
        return account.actor, signed.access


async def _measured(server: Server, port: int) -> list[Figure]:
    hook, socket, taken = [], [], Taken()
    listening = await asyncio.get_running_loop().create_server(lambda: Endpoint(lambda: taken), "127.0.0.1", port)
    async with listening:
        for _ in range(ROUNDS):
            taken = Taken()
            asked = subscription("Observation", f"{server.hooks}/hook")
            hook.append(await server.delivered(asked, partial(_rate, taken)))
            socket.append(await _by_socket(server))
    return [
        _figure("events delivered to one rest-hook, with the resource", hook, 1),
        _figure("notifications on one bound socket, with the resource", socket, 5),
    ]


def _rate(taken: Taken, _id: str) -> Waiting:
    return taken.rate


async def _by_socket(server: Server) -> Round:
    taken = Taken()

    def hear(_wire: Wire, text: bytes) -> None:
        if text.startswith(b"{"):
            taken.come(text.partition(b'"event-number"')[2][:60])

    def listen(id: str) -> Waiting:
        async def waits(number: int) -> float:
            opened = await wire(
                f"{server.root.replace('http', 'ws', 1)}/socket/subscriptions?token={server.token}", hear
            )
            opened.say(f"bind {id}".encode())
            rate = await taken.rate(number)
            opened.close()
            return rate

        return waits

    asked = topical("", "", content="full-resource", channel={"type": "websocket"}) | {"criteria": TOPIC}
    del asked["channel"]["endpoint"]
    return await server.delivered(asked, listen)


def _topic() -> dict[str, Any]:
    return {
        "resourceType": "SubscriptionTopic",
        "url": TOPIC,
        "title": "An observation was made",
        "status": "active",
        "resourceTrigger": [{"resource": "Observation", "supportedInteraction": ["create"]}],
    }


def _figure(work: str, rounds: list[Round], aim: float) -> Figure:
    """Return one row: the median of the ratios round by round."""
    ratio = statistics.median(each.delivered / each.created for each in rounds)
    created, rate, cpu = (statistics.median(values) for values in zip(*map(astuple, rounds), strict=True))
    measured = f"{ratio:.1f} x creates ({rate:,.0f}/s, creates {created:,.0f}/s; {1e6 * cpu:,.0f} µs each)"
    return Figure(work, measured, f"{aim} x creates over one connection", ratio >= aim)
