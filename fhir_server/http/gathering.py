"""A transport for which what one turn of the event loop writes is one write, at the turn's end.

An ASGI server hands head and body to the socket apart, and each while the next request waits to be looked at. Written
together they are one packet, and a client that reads many answers (a proxy, a load generator) is woken once for all
of a turn: waking it costs more than looking a resource up.
"""

from __future__ import annotations

import asyncio
from typing import Any

APART = 64 * 1024
"""Bytes beyond which copying a part next to another costs more than a write of its own."""


class Gathering:
    """Keeps what is written until the event loop comes round; everything else is `transport`'s."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._soon = loop.call_soon
        self._parts: list[bytes] = []
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write when the loop comes round; what is large, at once, so that flow control is told of it."""
        if len(data) > APART:
            self.flush()
            self._transport.write(data)
            return
        if not self._parts:
            self._soon(self.flush)
        self._parts.append(data)

    def flush(self) -> None:
        """Write what is kept."""
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        """Write what is kept and close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
