"""What the bus makes of what its connections say, in the order in which they say it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from realtime.bus.redis import RedisBus

PREFIX = b"fhir-health-server:test:"


class Scripted:
    """A connection of a bus that confirms subscriptions, and has what comes then in the same read."""

    def __init__(self, then: list[list[Any]]) -> None:
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._then = then

    async def connect(self) -> None:
        """Connect."""

    async def disconnect(self, *, nowait: bool) -> None:
        """Disconnect."""

    async def send_command(self, command: str, *topics: str, check_health: bool) -> None:
        """Answer as Redis does, which takes a SUBSCRIBE whole."""
        for each in [*([command.lower().encode(), topic.encode(), 1] for topic in topics), *self._then]:
            self._answers.put_nowait(each)

    def pack_commands(self, commands: Any) -> Any:
        """Pack."""
        return commands

    async def send_packed_command(self, commands: Any, *, check_health: bool) -> None:
        """Answer that one worker heard each."""
        for _ in commands:
            self._answers.put_nowait(1)

    async def read_response(self) -> Any:
        """Return what is answered next."""
        return await self._answers.get()


async def test_another_worker_is_found_after_the_bus_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    bus, other = RedisBus("redis://127.0.0.1", "test"), uuid4().hex
    then = [[b"message", PREFIX + b"workers", other.encode() + b'{"ends":false}']]
    monkeypatch.setattr(bus, "_connection", lambda: Scripted(then))
    happened: list[tuple[str, str]] = []
    bus.watch(lambda what, who: happened.append((what, who)))
    bus.subscribe("z", lambda message: None)
    await bus.open()
    await asyncio.sleep(0)
    await bus.close()
    assert happened[:2] == [("back", ""), ("found", other)]
