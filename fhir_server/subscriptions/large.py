"""Large notifications: few are held at a time, so that who takes them slowly cannot fill the memory.

Of one owner it is one, so that nobody but an owner waits for their own endpoints and sockets; of all owners it is as
many as `MOST`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

LARGE = 256 * 1024
"""Bytes above which a notification is large."""
MOST = 16


class Large:
    """The turns of large notifications, of one process."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(MOST)
        self._owners: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, owner: str) -> AsyncIterator[None]:
        """Wait for a turn of the owner's, which lasts until the block ends; make the notification within it."""
        own = self._owners.setdefault(owner, asyncio.Lock())
        async with own, self._all:
            yield
