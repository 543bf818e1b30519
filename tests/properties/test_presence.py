"""Whoever joins, leaves, joins again or is cut off, in any order: rooms are what their open sockets are.

Each client keeps presence as phoenix's own library does; at the end all of them must know the same, and be right.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.bus.memory import Bus
from realtime.consultations import ConsultationChannel
from realtime.limits import Limits
from realtime.ports import Entrance, Member
from realtime.sockets import Sockets

TOPIC = "consultation:1"
ACT = st.tuples(st.sampled_from(("join", "leave", "cut", "open", "pause")), st.integers(0, 4))


class Doorkeeper:
    """Knows everybody."""

    async def admit(self, token: str) -> Member[str]:
        return member(token)

    async def recall(self, known: Member[str]) -> Member[str] | None:
        return known


class Consultations:
    """Lets everybody in, after a moment in which others may come and go."""

    async def enter(self, member: Member[str], appointment: str) -> Entrance:
        await asyncio.sleep(0)
        return Entrance("doctor")

    async def begin(self, member: Member[str], appointment: str, users: Sequence[str]) -> None:
        await asyncio.sleep(0)

    async def leave(self, member: Member[str], appointment: str) -> None:
        await asyncio.sleep(0)

    async def end(self, member: Member[str], appointment: str) -> None:
        await asyncio.sleep(0)

    async def stays(self, member: Member[str], appointment: str) -> bool:
        return True


def member(user: str) -> Member[str]:
    return Member(user, "doctor", "g", 10**16, "")


class Client:
    """A client with one connection at a time; three users have five of them."""

    def __init__(self, number: int, sockets: Sockets[str]) -> None:
        self.user = f"u{number % 3}"
        self._sockets = sockets
        self._refs = 0
        self._join = ""
        self.open()

    def open(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.joined = False
        self.known: dict[str, set[str]] = {}
        serving = self._sockets.serve(member(self.user), "2.0.0", self.incoming.get, self._hear)
        self.task = asyncio.get_running_loop().create_task(serving)

    def say(self, event: str) -> None:
        self._refs += 1
        if event == "phx_join":
            self._join = str(self._refs)
        text = json.dumps([self._join, str(self._refs), TOPIC, event, {}])
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def cut(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def _hear(self, message: Any) -> None:
        if message["type"] != "websocket.send":
            return
        join_ref, ref, _, event, payload = json.loads(message["text"])
        if event == "phx_reply" and ref == self._join:
            self.joined, self.known = payload["status"] == "ok", {}
        elif join_ref != self._join:
            return
        elif event == "phx_close":
            self.joined = False
        elif event == "presence_state":
            self.known = {user: {meta["phx_ref"] for meta in its["metas"]} for user, its in payload.items()}
        elif event == "presence_diff":
            self._learn(payload)

    def _learn(self, diff: Any) -> None:
        for user, its in diff["joins"].items():
            self.known.setdefault(user, set()).update(meta["phx_ref"] for meta in its["metas"])
        for user, its in diff["leaves"].items():
            self.known[user] -= {meta["phx_ref"] for meta in its["metas"]}
            if not self.known[user]:
                del self.known[user]


async def live(acts: list[tuple[str, int]]) -> None:
    channel = ConsultationChannel(Consultations(), Bus(), lambda: 0)
    sockets = Sockets(Doorkeeper(), {"consultation": channel}, lambda: 0, Limits(sockets=100, messages_a_second=1e6))
    clients = [Client(number, sockets) for number in range(5)]
    for what, number in acts:
        client = clients[number]
        if what in ("join", "leave"):
            client.say(f"phx_{what}")
        elif what == "cut":
            client.cut()
        elif what == "open" and client.task.done():
            client.open()
        else:
            await asyncio.sleep(0)
    for _ in range(400):
        await asyncio.sleep(0)
    there = [client for client in clients if client.joined and not client.task.done()]
    users = {client.user: sum(each.user == client.user for each in there) for client in there}
    for client in there:
        assert client.known == there[0].known
        assert {user: len(refs) for user, refs in client.known.items()} == users
    assert len(sockets) == sum(not client.task.done() for client in clients)
    for client in clients:
        client.cut()
    await asyncio.wait({client.task for client in clients}, timeout=5)
    assert (len(sockets), channel.rooms) == (0, 0)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACT, max_size=40))
def test_presence_is_what_is_open(acts: list[tuple[str, int]]) -> None:
    asyncio.run(live(acts))
