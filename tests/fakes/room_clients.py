"""Clients of one consultation room over a transport of the test's; they keep presence as phoenix's library does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from realtime.ports import Entrance, Member, Message
from realtime.sockets import Sockets

TOPIC = "consultation:1"
PATIENT = "u1"
"""The user who is a patient, and waits until somebody admits them."""


class Doorkeeper:
    """Knows everybody."""

    async def admit(self, token: str) -> Member[str]:
        return member(token)

    async def recall(self, known: Member[str]) -> Member[str] | None:
        return known


class Consultations:
    """Lets everybody in, after a moment in which others may come and go; patients `wait`."""

    def __init__(self, *, wait: bool = True) -> None:
        self._wait = wait
        self.begun: list[tuple[str, ...]] = []

    async def enter(self, member: Member[str], appointment: str) -> Entrance:
        await asyncio.sleep(0)
        patient = member.account == PATIENT and self._wait
        return Entrance("patient" if patient else "doctor", patient)

    async def begin(self, member: Member[str], appointment: str, users: Sequence[str]) -> None:
        await asyncio.sleep(0)
        self.begun.append(tuple(sorted(users)))

    async def admitted(self, member: Member[str], appointment: str, user: str) -> None:
        await asyncio.sleep(0)

    async def keeps(self, member: Member[str], file: Any) -> bool:
        return False

    async def keep(self, member: Member[str], file: Any, message: Message) -> bool:
        raise AssertionError("nothing is to be kept here")

    async def not_admitted(self, member: Member[str], appointment: str, file: Any) -> None:
        await asyncio.sleep(0)

    async def leave(self, member: Member[str], appointment: str, file: Any) -> None:
        await asyncio.sleep(0)

    async def end(self, member: Member[str], appointment: str) -> None:
        await asyncio.sleep(0)

    async def stays(self, member: Member[str], appointment: str) -> bool:
        return True


def member(user: str) -> Member[str]:
    return Member(user, "doctor", "g", 10**16, "")


class RoomClient:
    """A client with one connection at a time; there are three users."""

    def __init__(self, number: int, sockets: Sockets[str]) -> None:
        self.number = number
        self.user = f"u{number % 3}"
        self._refs = 0
        self._join = ""
        self.open(sockets)

    def open(self, sockets: Sockets[str]) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.joined, self.joining, self.waiting = False, False, False
        self.known: dict[str, set[str]] = {}
        self.heard: list[tuple[str, Any]] = []
        serving = sockets.serve(member(self.user), "2.0.0", self.incoming.get, self._hear)
        self.task = asyncio.get_running_loop().create_task(serving)

    def say(self, event: str, payload: Any = None) -> None:
        self._refs += 1
        if event == "phx_join":
            self._join = str(self._refs)
            self.joined, self.joining = False, True
        text = json.dumps([self._join, str(self._refs), TOPIC, event, payload or {}])
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def cut(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def events(self, *names: str) -> list[tuple[str, Any]]:
        return [each for each in self.heard if each[0] in names]

    async def _hear(self, message: Any) -> None:
        if message["type"] != "websocket.send":
            return
        join_ref, ref, _, event, payload = json.loads(message["text"])
        self.heard.append((event, payload))
        if event == "phx_reply" and ref == self._join:
            self.joined, self.joining, self.known = payload["status"] == "ok", False, {}
            self.waiting = self.joined and payload["response"]["waiting"]
        elif join_ref != self._join:
            return
        elif event == "phx_close":
            self.joined = False
        elif event == "admitted":
            self.waiting = False
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
