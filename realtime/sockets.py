"""All sockets of a tenant: opened for who is let in, closed when their grants end or the server stops."""

from __future__ import annotations

from typing import Generic, TypeVar

from realtime.attendance import Attendance
from realtime.channel import Channels
from realtime.limits import Limits
from realtime.phoenix import Version
from realtime.ports import Clock, Doorkeeper, Member
from realtime.socket import Receive, Socket, Transmit

P = TypeVar("P")


class Sockets(Generic[P]):
    """The sockets that are open."""

    def __init__(self, doorkeeper: Doorkeeper[P], channels: Channels[P], now: Clock, limits: Limits) -> None:
        self._doorkeeper = doorkeeper
        self._channels = channels
        self._now = now
        self._limits = limits
        self.attendance: Attendance[Socket[P]] = Attendance(limits.sockets)

    async def serve(self, member: Member[P], version: Version, receive: Receive, transmit: Transmit) -> None:
        """Serve an accepted connection to its end."""
        socket = Socket(member, version, self._channels, self._doorkeeper, self._now, self._limits)
        with self.attendance.present(socket):
            await socket.live(receive, transmit)
