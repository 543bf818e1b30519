"""Connections to the database file: how they are opened, what they may cost, and what their errors mean.

https://sqlite.org/pragma.html
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from time import monotonic, thread_time
from typing import Any, NamedTuple

import apsw

from fhir_server.errors import Refusal, StoreFull, StoreUnavailable, TooCostly
from fhir_server.search.geometry import distance
from fhir_server.store.migrate import schema_of
from fhir_server.store.one_budget import Spent, spent
from fhir_server.store.sql.rule_views import rule_views
from profiles.terminology.patterns import matches

LOG_KEPT = 64 << 20
"""Bytes of the write-ahead log's file that stay for later use once all of it was copied."""
GLANCE = 0.005
"""Seconds of work that a query may take which only serves to plan another."""
GLANCES = 0.05
"""Seconds for all such queries of one search: then the rest of it is planned without looking."""
WAITING = 4
"""Of the time in which such a query waits (for a page of the file, for its turn on a busy machine), so much counts as
one: what it waits for says nothing of how much there is to look at."""
LONG = 32_768
"""Characters from which on a statement takes long before it begins: no budget stops its preparation."""

_WRITER_CACHE = 64 << 10
_READER_CACHE = 32 << 10
_MAPPED = 64 << 30
"""Bytes of the database file that readers see as memory; what lies beyond is read page by page."""
_STEPS = 2000
_THREADS = 2


class Budgets(NamedTuple):
    """Seconds: `inline` a query may take on the event loop, before it is moved to a thread, and `thread` all queries
    of one request together."""

    inline: float = 0.020
    thread: float = 5.0


BUDGETS = Budgets()


class Connection:
    """One connection with a budget for its queries."""

    def __init__(self, path: Path, *, writes: bool) -> None:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE if writes else apsw.SQLITE_OPEN_READONLY
        self.raw = apsw.Connection(str(path), flags=flags, statementcachesize=500)
        # A statement is planned once, not again whenever its arguments change: which way it goes is said in it, and to
        # plan a long one takes longer than to run it.
        self.raw.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        # Waiting for a lock inside SQLite would hold the event loop: the writer waits outside.
        self.raw.set_busy_timeout(0)
        if writes:
            # What is not ours is left as it is: the journal's mode would stay.
            schema_of(self.raw)
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                f"journal_size_limit = {LOG_KEPT}",
                "secure_delete = ON",
            ):
                self.raw.execute(f"PRAGMA {pragma}")
            # This replaces SQLite's own checkpoints: the writer decides when there is one.
            self.raw.set_wal_hook(self._logged)
        else:
            # Pages are looked at where the system keeps them: what a reader has cached is void with every commit.
            self.raw.execute(f"PRAGMA mmap_size = {_MAPPED}")
        self.raw.execute(f"PRAGMA cache_size = -{_WRITER_CACHE if writes else _READER_CACHE}")
        self.raw.execute("PRAGMA temp_store = MEMORY")
        self.raw.create_scalar_function("distance", _distance, 4, deterministic=True)
        self.raw.create_scalar_function("matches", _matches, 2, deterministic=True)
        if not writes:
            self.make_views()
        self.log_pages = 0
        self._deadline = self._work_done = math.inf
        self.raw.set_progress_handler(self._late, _STEPS)

    def make_views(self) -> None:
        """Make the views that statements rest on, once the tables are as they should be: SQLite renames none under a
        view that is out of date.
        """
        for name, query in rule_views():
            self.raw.execute(f"CREATE TEMP VIEW {name} AS {query}")

    def _logged(self, _connection: apsw.Connection, _schema: str, pages: int) -> int:
        self.log_pages = pages
        return apsw.SQLITE_OK

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the database file, as far as no snapshot needs an older state of that.

        When all of it is copied, the next commit begins the log anew. The page cache is given back: what a long write
        has filled it with is seldom what is wanted next.
        """
        self.raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self.raw.release_memory()

    def _late(self) -> bool:
        return monotonic() > self._deadline or (self._work_done < math.inf and thread_time() > self._work_done)

    def rows(self, sql: str, arguments: Sequence[Any], seconds: float, together: Spent | None = None) -> list[Any]:
        """Return all rows of a query that takes less than `seconds`; what it takes is added to what runs `together`.

        Raises apsw.InterruptError.
        """
        began = monotonic()
        self._deadline = began + seconds
        try:
            return self.raw.execute(sql, arguments).fetchall()
        finally:
            self._deadline = math.inf
            if together is not None:
                together.running += monotonic() - began

    def glance(self, sql: str, arguments: Sequence[Any], work: float) -> list[Any] | None:
        """Return all rows of a query that takes less than `work` seconds of the processor, else None."""
        self._work_done = thread_time() + work
        try:
            return self.rows(sql, arguments, WAITING * work)
        except apsw.InterruptError:
            return None
        finally:
            self._work_done = math.inf

    def close(self) -> None:
        """Close; a connection that wrote leaves an empty write-ahead log."""
        self.raw.close()


class Runner:
    """Runs queries: inline on the event loop while they are short, in a thread when they are not."""

    def __init__(self, inline: Connection, threads: ThreadPoolExecutor, budgets: Budgets = BUDGETS) -> None:
        self.connection = inline.raw
        self._inline = inline
        self._threads = threads
        self._budgets = budgets
        self._looking = True

    async def rows(self, sql: str, arguments: Sequence[Any] = (), *, long: bool = False) -> list[Any]:
        """Return all rows of a query. Raises TooCostly when it exceeds its budget, and StoreUnavailable.

        One that is known to be `long` does not begin on the event loop.
        """
        if not self._looking:
            self._look()
        together = spent()
        try:
            if not long and len(sql) <= LONG:
                return self._inline.rows(sql, arguments, min(self._budgets.inline, self._left(together)), together)
        except apsw.InterruptError:
            pass
        except apsw.Error as error:
            raise refusal(error) from error
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._again, sql, arguments, together)
        except apsw.InterruptError as error:
            raise self._too_costly() from error
        except apsw.Error as error:
            raise refusal(error) from error

    def _left(self, together: Spent) -> float:
        left = self._budgets.thread - together.running
        if left <= 0:
            raise self._too_costly()
        return left

    def _too_costly(self) -> TooCostly:
        return TooCostly(
            f"The search was stopped after {self._budgets.thread:g} seconds: narrow it with more or more selective "
            "parameters."
        )

    def glance(self, sql: str, arguments: Sequence[Any]) -> list[Any] | None:
        """Return the rows of a query that plans another, None when it is not quick. Raises StoreUnavailable."""
        together = spent()
        if len(sql) > LONG or together.glancing >= GLANCES:
            return None
        if not self._looking:
            self._look()
        began, worked = monotonic(), thread_time()
        try:
            return self._inline.glance(sql, arguments, GLANCE)
        except apsw.Error as error:
            raise refusal(error) from error
        finally:
            together.glancing += max(thread_time() - worked, (monotonic() - began) / WAITING)

    def row(self, sql: str, arguments: Sequence[Any] = ()) -> Any | None:
        """Return the only row of a lookup by key, None without one. Raises StoreUnavailable."""
        if not self._looking:
            self._look()
        try:
            return self.connection.execute(sql, arguments).fetchone()
        except apsw.Error as error:
            raise refusal(error) from error

    def _look(self) -> None:
        """Take a snapshot, where there is one to take."""

    def _again(self, sql: str, arguments: Sequence[Any], together: Spent) -> list[Any]:
        return self._inline.rows(sql, arguments, self._left(together), together)

    def close(self) -> None:
        """Release the connections."""


class Readers(Runner):
    """The runner of readers: queries that are not short run in threads that have connections of their own.

    Inline reads share one snapshot from the first of them until `renew`: whoever writes calls it when there is
    something new to see. A commit that only adds audit rows then does not empty the page cache under every reader.
    """

    def __init__(self, path: Path, budgets: Budgets = BUDGETS, *, keeps: bool = False) -> None:
        """`keeps` says that somebody will call `renew`; otherwise each read sees the newest commit."""
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="fhir-store-read")
        super().__init__(Connection(path, writes=False), threads, budgets)
        self._looking = not keeps
        self._keeps = keeps
        self._path = path
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self._opened: list[Connection] = []

    def _look(self) -> None:
        self._looking = True
        self.row("BEGIN")

    def renew(self, *, keeps: bool | None = None) -> None:
        """Let the next read see the newest commit; `keeps` says whether reads share a snapshot from now on."""
        if keeps is not None:
            self._keeps = keeps
        # An error while reading may have ended the snapshot already.
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")
        self._looking = not self._keeps

    def _again(self, sql: str, arguments: Sequence[Any], together: Spent) -> list[Any]:
        # At most _THREADS calls run at once, so that is how many connections there will be.
        if self._idle.empty():
            connection = Connection(self._path, writes=False)
            self._opened.append(connection)
        else:
            connection = self._idle.get()
        try:
            return connection.rows(sql, arguments, self._left(together), together)
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Wait for running queries and release the connections."""
        self._threads.shutdown()
        for connection in (*self._opened, self._inline):
            connection.close()


def _distance(*degrees: Any) -> float:
    return distance(*degrees)


def _matches(*texts: Any) -> bool | None:
    return matches(*texts)


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
    if isinstance(error, apsw.NotADBError | apsw.CorruptError):
        return StoreUnavailable(
            "The database file is no SQLite database, or it is damaged: name another file, or restore a backup.",
            code="exception",
        )
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError):
        return StoreUnavailable(
            "The database file cannot be opened for writing: see that its folder is there and belongs to this process.",
            code="exception",
        )
    if isinstance(error, apsw.TooBigError) or (isinstance(error, apsw.SQLError) and _LIMIT.search(str(error))):
        return TooCostly(
            "The search is larger than the database takes: ask for fewer values and chains, in several searches."
        )
    return StoreUnavailable(
        f"The database file cannot be used ({type(error).__name__}): see the server's log.", code="exception"
    )


# SQLite has one code for every statement that it cannot prepare; only the text tells a limit from a fault.
# https://sqlite.org/limits.html
_LIMIT = re.compile("^too many |too large|^at most |Recursion limit|stack overflow|nested too deep")
_NO_SPACE = frozenset({apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMSIZE})
