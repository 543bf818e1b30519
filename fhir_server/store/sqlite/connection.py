"""Connections to the database file: how they are opened, what they may cost, and what their errors mean.

https://sqlite.org/pragma.html
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any

import apsw

from fhir_server.errors import Refusal, StoreFull, StoreUnavailable, TooCostly

INLINE = 0.020
"""Seconds a query may hold the event loop before it is moved to a thread."""
BUDGET = 5.0
"""Seconds a query may take in a thread."""
CHECKPOINT = 50_000
"""Pages in the write-ahead log at which a commit also copies them into the database file."""

_WRITER_CACHE = 64 << 10
_READER_CACHE = 32 << 10
_STEPS = 2000
_THREADS = 2


class Connection:
    """One connection with a budget for its queries."""

    def __init__(self, path: Path, *, writes: bool) -> None:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE if writes else apsw.SQLITE_OPEN_READONLY
        self.raw = apsw.Connection(str(path), flags=flags, statementcachesize=500)
        # Waiting for a lock inside SQLite would hold the event loop: the writer waits outside.
        self.raw.set_busy_timeout(0)
        if writes:
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                f"wal_autocheckpoint = {CHECKPOINT}",
                "secure_delete = ON",
            ):
                self.raw.execute(f"PRAGMA {pragma}")
        self.raw.execute(f"PRAGMA cache_size = -{_WRITER_CACHE if writes else _READER_CACHE}")
        self.raw.execute("PRAGMA temp_store = MEMORY")
        self._deadline = math.inf
        self.raw.set_progress_handler(self._late, _STEPS)

    def _late(self) -> bool:
        return monotonic() > self._deadline

    def rows(self, sql: str, arguments: Sequence[Any], seconds: float) -> list[Any]:
        """Return all rows of a query that takes less than `seconds`. Raises apsw.InterruptError."""
        self._deadline = monotonic() + seconds
        try:
            return self.raw.execute(sql, arguments).fetchall()
        finally:
            self._deadline = math.inf

    def close(self) -> None:
        """Close; a connection that wrote leaves an empty write-ahead log."""
        self.raw.close()


class Runner:
    """Runs queries: inline on the event loop while they are short, in a thread when they are not."""

    def __init__(self, inline: Connection, threads: ThreadPoolExecutor) -> None:
        self.connection = inline.raw
        self._inline = inline
        self._threads = threads

    async def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query. Raises TooCostly when it exceeds its budget, and StoreUnavailable."""
        try:
            return self._inline.rows(sql, arguments, INLINE)
        except apsw.InterruptError:
            pass
        except apsw.Error as error:
            raise refusal(error) from error
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._again, sql, arguments)
        except apsw.InterruptError as error:
            raise TooCostly(
                f"The search was stopped after {BUDGET:g} seconds: narrow it with more or more selective parameters."
            ) from error
        except apsw.Error as error:
            raise refusal(error) from error

    def row(self, sql: str, arguments: Sequence[Any] = ()) -> Any | None:
        """Return the only row of a lookup by key, None without one. Raises StoreUnavailable."""
        try:
            return self.connection.execute(sql, arguments).fetchone()
        except apsw.Error as error:
            raise refusal(error) from error

    def _again(self, sql: str, arguments: Sequence[Any]) -> list[Any]:
        return self._inline.rows(sql, arguments, BUDGET)

    def close(self) -> None:
        """Release the connections."""


class Readers(Runner):
    """The runner of readers: queries that are not short run in threads that have connections of their own."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            Connection(path, writes=False), ThreadPoolExecutor(_THREADS, thread_name_prefix="fhir-store-read")
        )
        self._path = path
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self._opened: list[Connection] = []

    def _again(self, sql: str, arguments: Sequence[Any]) -> list[Any]:
        # At most _THREADS calls run at once, so that is how many connections there will be.
        if self._idle.empty():
            connection = Connection(self._path, writes=False)
            self._opened.append(connection)
        else:
            connection = self._idle.get()
        try:
            return connection.rows(sql, arguments, BUDGET)
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Wait for running queries and release the connections."""
        self._threads.shutdown()
        for connection in (*self._opened, self._inline):
            connection.close()


def refusal(error: apsw.Error) -> Refusal:
    """Return what `error` means to a caller."""
    if isinstance(error, apsw.FullError):
        return StoreFull(
            "The disk of the store is full: nothing of this request was kept. Free some space and repeat it."
        )
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreUnavailable(
            "Another program holds a lock on the database file: repeat the request when it is done."
        )
    if isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _NO_SPACE:
        return StoreFull("The store could not write to its disk, most likely because it is full: nothing was kept.")
    return StoreUnavailable(
        f"The database file cannot be used ({type(error).__name__}): see the server's log.", code="exception"
    )


_NO_SPACE = frozenset({apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMSIZE})
