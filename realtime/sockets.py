"""All sockets of a tenant: opened for who is let in, closed when their grants end or the server stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Generic, TypeVar

from realtime.channel import Channels
from realtime.limits import Limits
from realtime.phoenix import Version
from realtime.ports import Clock, Doorkeeper, Member
from realtime.socket import POLICY, Receive, Socket, Transmit

P = TypeVar("P")
RESTARTS = 1012
"""Close code: the service restarts (RFC 6455, IANA registry)."""


class Sockets(Generic[P]):
    """The sockets that are open."""

    def __init__(self, doorkeeper: Doorkeeper[P], channels: Channels[P], now: Clock, limits: Limits) -> None:
        self._doorkeeper = doorkeeper
        self._channels = channels
        self._now = now
        self._limits = limits
        self._open: dict[Socket[P], asyncio.Task[None] | None] = {}
        self._accounts: Counter[str] = Counter()
        self._recalls: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    async def serve(self, member: Member[P], version: Version, receive: Receive, transmit: Transmit) -> None:
        """Serve an accepted connection to its end."""
        socket = Socket(member, version, self._channels, self._doorkeeper, self._now, self._limits)
        account = member.account
        if self._accounts[account] >= self._limits.sockets:
            socket.close(POLICY, "too many sockets")
        self._open[socket] = asyncio.current_task()
        self._accounts[account] += 1
        # What was revoked between the door and here was told of to nobody.
        self._look_at(socket)
        try:
            await socket.live(receive, transmit)
        finally:
            del self._open[socket]
            self._accounts[account] -= 1
            if not self._accounts[account]:
                del self._accounts[account]

    def recall(self, grant: str | None = None, account: str | None = None) -> None:
        """Look again at who is there by that grant or account, because it has changed; at all when none is named."""
        for socket in tuple(self._open):
            if (grant or account) and socket.member.grant != grant and socket.member.account != account:
                continue
            self._look_at(socket)

    def _look_at(self, socket: Socket[P]) -> None:
        task = asyncio.get_running_loop().create_task(socket.recall())
        self._recalls.add(task)
        task.add_done_callback(self._recalls.discard)

    async def close(self) -> None:
        """Close all of them; clients come back by themselves."""
        tasks = [task for task in self._open.values() if task is not None]
        for socket in tuple(self._open):
            socket.close(RESTARTS, "the server stops")
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)
