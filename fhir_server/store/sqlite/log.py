"""When the write-ahead log is copied into the database file: when it is long, and sooner when nobody writes.

A long log makes reads slower, and a file that is never written anew grows. https://sqlite.org/wal.html#ckpt
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import apsw

from fhir_server.store.sqlite.connection import Connection, Readers

FULL = 50_000
"""Pages at which the log is copied whatever else waits."""
WORTH = 1_000
"""Pages at which it is copied once nobody has written for `QUIET`, and by which it must grow before another attempt."""
QUIET = 0.2
"""Seconds without a work that count as quiet."""

log = logging.getLogger("fhir_server")


class WriteAheadLog:
    """The log of the writing connection; the writer's task tends it between two groups."""

    def __init__(self, connection: Connection, thread: ThreadPoolExecutor, readers: Readers) -> None:
        self._connection = connection
        self._thread = thread
        self._readers = readers
        self._copied = 0
        self._written = monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def written(self) -> None:
        """Somebody has written: it is not quiet."""
        self._written = monotonic()

    async def tend(self, wake: Callable[[], None]) -> None:
        """Copy the log if it is time to, else have `wake` called when it may be."""
        pages = self._connection.log_pages
        if pages < self._copied:
            self._copied = 0
        grown = pages - self._copied
        if grown < WORTH:
            return
        quiet = monotonic() - self._written
        if grown >= FULL or quiet >= QUIET:
            await self._copy()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(QUIET - quiet, self._ring, wake)

    def _ring(self, wake: Callable[[], None]) -> None:
        self._timer = None
        wake()

    async def _copy(self) -> None:
        # A snapshot that is kept would hold back what came after it.
        self._readers.renew(keeps=False)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.checkpoint)
        except apsw.Error as error:
            # Nothing is lost: the log has all of it, and the next attempt may find more space.
            log.warning("the write-ahead log could not be copied: %s", type(error).__name__)
        finally:
            self._readers.renew(keeps=True)
        self._copied = self._connection.log_pages

    def close(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
