"""The web origins of registered apps, known at once: asked for at every request that a page of another site makes."""

from __future__ import annotations

import asyncio

from auth.ports import Store
from auth.smart.registry import Registry


class Origins:
    """What is known; `learn` once before, `look_again` when apps have changed."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._known: frozenset[bytes] = frozenset()
        self._looking: asyncio.Task[None] | None = None

    async def learn(self) -> None:
        """Read the origins of all apps that are let in."""
        found: set[bytes] = set()
        async for client in self._registry.every(self._store.records):
            if not client.disabled:
                found |= {origin.encode() for origin in client.origins}
        self._known = frozenset(found)

    def look_again(self) -> None:
        """Read them again, beside what is being done; after the reading that is under way, which may miss a change."""
        self._looking = asyncio.get_running_loop().create_task(self._look_after(self._looking))

    async def settle(self) -> None:
        """Wait until they have been read again."""
        if self._looking is not None:
            await self._looking

    async def _look_after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        await self.learn()

    def registered(self, origin: bytes) -> bool:
        """Return whether an app of that origin is registered."""
        return origin in self._known
