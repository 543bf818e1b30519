"""What waits to be sent to one socket: bounded, so that who reads slowly costs little and holds up nobody."""

from __future__ import annotations

import asyncio
from collections import deque


class Outbox:
    """A queue of texts. Who would exceed `most` messages or `most_bytes` has it closed and emptied."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: deque[str] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()
        self.closed = False
        self.overflown = False

    def put(self, text: str) -> None:
        """Queue a text, unless the box is closed."""
        if self.closed:
            return
        self._bytes += len(text)
        if len(self._waiting) >= self._most or self._bytes > self._most_bytes:
            self.overflown = True
            self._waiting.clear()
            self.close()
            return
        self._waiting.append(text)
        self._ready.set()

    def close(self) -> None:
        """Take nothing more; what waits can still be got."""
        self.closed = True
        self._ready.set()

    async def get(self) -> str | None:
        """Return the next text, None when the box is closed and empty."""
        while not self._waiting:
            if self.closed:
                return None
            self._ready.clear()
            await self._ready.wait()
        text = self._waiting.popleft()
        self._bytes -= len(text)
        return text
