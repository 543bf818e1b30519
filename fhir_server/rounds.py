"""Rounds: what is done again and again beside all requests, in a task of its own.

Nothing that fails in a round ends them: it is logged, and the next round begins a moment later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("fhir_server")


class Rounds:
    """Does `round` every so many seconds between `begin` and `stop`; `what` is what waits when one fails."""

    def __init__(self, what: str, round: Callable[[], Awaitable[None]], every: float) -> None:
        self._what = what
        self._round = round
        self._every = every
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Do one now, and from now on one after the other."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"fhir-{self._what}")

    async def stop(self) -> None:
        """Stop, within a round too."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            try:
                await self._round()
            except Exception as error:
                # Its text may quote what it failed on.
                log.error(f"{self._what} wait for the next round", extra={"error": type(error).__name__})
            await asyncio.sleep(self._every)
