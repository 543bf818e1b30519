"""The one writer: a task on the event loop that runs waiting works and makes them durable together.

Works run on the loop, one after the other: their statements take microseconds, and a thread would have to win the
interpreter's lock back after each of them. Only COMMIT, which waits for the disk, runs in a thread, while the next
works queue up. See docs/decisions/0002.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import attrgetter
from time import monotonic
from typing import Any, TypeVar

import apsw

from fhir_server.errors import Refusal, StoreUnavailable
from fhir_server.store import audit_chain
from fhir_server.store.base import AuditRow
from fhir_server.store.sqlite.batch import Batch
from fhir_server.store.sqlite.connection import Connection, Readers, refusal
from fhir_server.store.sqlite.log import WriteAheadLog
from fhir_server.store.sqlite.transaction import SqliteTransaction

T = TypeVar("T")

WORKS = 256
"""Works in one group commit at most."""
GATHERING = 0.004
"""Seconds for which a group that grows waits for more at most."""
APPLYING = 0.005
"""Seconds after which a group takes no further work."""
LOCK_WAIT = 2.0
"""Seconds to wait for another program's lock on the file."""
AUDIT_DELAY = 0.050
"""Seconds an audit row may wait for a group commit to ride on."""
RETRY = 1.0
"""Seconds until audit rows that could not be written are tried again."""
AUDITS_WAITING = 100_000
"""Audit rows in memory at most while the disk refuses them."""
_TIME = attrgetter("time")


@dataclass(slots=True)
class Job:
    """A work that waits, and who waits for it."""

    work: Callable[[SqliteTransaction], Awaitable[Any]]
    future: asyncio.Future[Any]


Done = tuple[Job, SqliteTransaction, Any]
Waiting = tuple[AuditRow, asyncio.Future[None] | None]


class Writer:
    """Runs works in groups. `open_transaction` makes the transaction of one work."""

    def __init__(
        self,
        connection: Connection,
        batch: Batch,
        thread: ThreadPoolExecutor,
        open_transaction: Callable[[], SqliteTransaction],
        readers: Readers,
    ) -> None:
        self._log = WriteAheadLog(connection, thread, readers)
        self._readers = readers
        self._connection = connection.raw
        self._batch = batch
        self._thread = thread
        self._open_transaction = open_transaction
        head = self._connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        self.head: tuple[int, bytes] = head or (0, audit_chain.START)
        self.position = batch.last_v
        self._jobs: deque[Job] = deque()
        self._audits: list[Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._closing = False
        self._committing = False
        # Asking which loop runs is a system call, and there is only this one.
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run(), name="fhir-store-writer")

    async def write(self, work: Callable[[SqliteTransaction], Awaitable[T]]) -> T:
        """Run `work` in the next group and return its value once that is durable."""
        if self._closing or self._task.done():
            raise StoreUnavailable("The store is closed: the server is shutting down.")
        if asyncio.current_task(self._loop) is self._task:
            raise RuntimeError("a work must not wait for another write: it would wait for itself")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append(Job(work, future))
        self._wake.set()
        return await future

    async def audit(self, row: AuditRow, *, wait: bool) -> None:
        """Keep `row` with the next group."""
        if self._closing or self._task.done():
            raise StoreUnavailable("The store is closed: the server is shutting down.")
        if len(self._audits) >= AUDITS_WAITING:
            raise StoreUnavailable("The audit trail cannot be written: no access is possible until it can.")
        future: asyncio.Future[None] | None = self._loop.create_future() if wait else None
        self._audits.append((row, future))
        if future is not None:
            self._wake.set()
            await future
        elif self._timer is None:
            self._timer = self._loop.call_later(AUDIT_DELAY, self._wake.set)

    @property
    def audits_wait(self) -> bool:
        """Whether there are audit rows that are not durable yet."""
        return bool(self._audits) or self._committing

    async def close(self) -> None:
        """Commit what waits and stop."""
        self._closing = True
        self._wake.set()
        # Not awaited itself: at the end of a loop it may have been cancelled already.
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            await self._gather()
            await self._group()
            await self._log.tend(self._wake.set)
            if self._jobs:
                self._wake.set()
        while self._jobs:
            await self._group()
        await self._group()
        self._log.close()

    async def _gather(self) -> None:
        """Wait as long as every turn of the loop brings another work: a larger group writes each page less often."""
        until = monotonic() + GATHERING
        waiting = 0
        while waiting < len(self._jobs) < WORKS and monotonic() < until:
            waiting = len(self._jobs)
            await asyncio.sleep(0)

    async def _group(self) -> None:
        """Run one group. Whatever fails, every caller gets an answer and the next group begins afresh."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not (self._jobs or self._audits):
            return
        try:
            await self._begin()
        except apsw.Error as error:
            self._refuse_all(refusal(error))
            return
        done: list[Done] = []
        audits: list[Waiting] = []
        head = self.head
        self._committing = True
        try:
            await self._apply(done)
            audits, self._audits = self._audits, []
            self._batch.finish()
            head = self._chain([row for _, tx, _ in done for row in tx.audits] + [row for row, _ in audits])
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.execute, "COMMIT")
        except Exception as error:
            self._fail(refusal(error) if isinstance(error, apsw.Error) else error, done, audits)
        else:
            self._succeed(done, audits, head)
        finally:
            self._committing = False

    async def _begin(self) -> None:
        self._rollback()
        until = monotonic() + LOCK_WAIT
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except apsw.BusyError:
                if monotonic() > until:
                    raise
            await asyncio.sleep(0.010)

    async def _apply(self, done: list[Done]) -> None:
        until = monotonic() + APPLYING
        taken = 0
        while self._jobs and taken < WORKS and monotonic() < until:
            taken += 1
            job = self._jobs.popleft()
            if not job.future.done():
                await self._work(job, done)

    async def _work(self, job: Job, done: list[Done]) -> None:
        """Run one work; raise only when the whole group cannot go on."""
        batch = self._batch
        tx = self._open_transaction()
        batch.begin()
        try:
            value = await job.work(tx)
            if batch.broken is None:
                batch.keep()
                done.append((job, tx, value))
                return
            failure: BaseException = batch.broken
        except apsw.Error as error:
            failure = refusal(error)
        except BaseException as error:
            failure = error
        finally:
            tx.over = True
        if batch.broken is not None or not self._connection.in_transaction:
            done.append((job, tx, None))
            raise failure if isinstance(failure, Refusal) else StoreUnavailable("The transaction was lost: repeat it.")
        batch.undo()
        task = asyncio.current_task()
        if isinstance(failure, asyncio.CancelledError) and task is not None and task.cancelling():
            raise failure
        _refuse(job.future, failure)

    def _chain(self, audits: list[AuditRow]) -> tuple[int, bytes]:
        sequence, digest = self.head
        rows = []
        # Rows of reads have waited for the group: in the chain they come where they belong.
        for audit in sorted(audits, key=_TIME):
            data = audit_chain.encode_row(audit)
            sequence, digest = sequence + 1, audit_chain.link(digest, data)
            rows.append((sequence, data, digest))
        if rows:
            self._connection.executemany("INSERT INTO audit VALUES (?, ?, ?)", rows)
        return sequence, digest

    def _succeed(self, done: list[Done], audits: list[Waiting], head: tuple[int, bytes]) -> None:
        self.head = head
        self._batch.end(durable=True)
        self.position = self._batch.last_v
        if done:
            self._log.written()
            self._readers.renew()
        for job, _, value in done:
            if not job.future.done():
                job.future.set_result(value)
        for _, future in audits:
            if future is not None and not future.done():
                future.set_result(None)

    def _fail(self, error: Exception, done: list[Done], audits: list[Waiting]) -> None:
        """Give the group up: its callers hear why; audit rows that nobody waits for stay for the next group."""
        self._batch.end(durable=False)
        try:
            self._rollback()
        except apsw.Error as worse:
            error.add_note(f"and rolling back failed: {worse}")
        for job, _, _ in done:
            _refuse(job.future, error)
        for _, future in audits:
            if future is not None:
                _refuse(future, error)
        self._keep_audits([each for each in audits if each[1] is None])

    def _refuse_all(self, error: Refusal) -> None:
        while self._jobs:
            _refuse(self._jobs.popleft().future, error)
        audits, self._audits = self._audits, []
        for _, future in audits:
            if future is not None:
                _refuse(future, error)
        self._keep_audits([each for each in audits if each[1] is None])

    def _keep_audits(self, audits: list[Waiting]) -> None:
        self._audits[:0] = audits
        if self._audits and self._timer is None and not self._closing:
            self._timer = asyncio.get_running_loop().call_later(RETRY, self._wake.set)

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _refuse(future: asyncio.Future[Any], error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    elif isinstance(error, StopIteration):
        future.set_exception(RuntimeError("a work raised StopIteration"))
    else:
        # Several callers raise it: each needs a traceback of its own.
        future.set_exception(copy.copy(error) if isinstance(error, Refusal) else error)
