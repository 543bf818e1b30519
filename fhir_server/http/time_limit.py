"""How long a request may take, kept by one timer for all of them: only the oldest can be the next to be late.

A timer for each request, set and never rung, costs as much as reading the resource it is set for.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class TimeLimit:
    """The requests of one server that are under way, oldest first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[Limited, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def limited(self) -> Limited:
        """Return what to run a request in, as `with`: a late one is cancelled and ends with TimeoutError."""
        return Limited(self)

    def begin(self, request: Limited, loop: asyncio.AbstractEventLoop) -> None:
        """Let a request's time begin."""
        request.until = loop.time() + self._seconds
        self._running[request] = None
        if self._timer is None:
            self._timer = loop.call_at(request.until, self._ring, loop)

    def end(self, request: Limited) -> None:
        """Forget a request that is done. The timer stays for the next: setting one costs more than its ringing."""
        self._running.pop(request, None)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        for request in list(self._running):
            if request.until > loop.time():
                self._timer = loop.call_at(request.until, self._ring, loop)
                return
            del self._running[request]
            request.stop()


class Limited:
    """One request within its time. Entered and left by the task that answers it."""

    __slots__ = ("_asked", "_late", "_limit", "_task", "until")

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self._late = False
        self.until = 0.0

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._asked = task.cancelling()
        self._limit.begin(self, loop)

    def stop(self) -> None:
        """Cancel the request: it is late."""
        self._late = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.end(self)
        # Others may have asked the task to stop as well: then it stops, and this is not the reason.
        if self._late and self._task.uncancel() <= self._asked and kind is asyncio.CancelledError:
            raise TimeoutError from value
