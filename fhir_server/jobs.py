"""Background jobs of a tenant: begun when something is due, resumed when the server starts, left alone when it stops.

What a job is to do and how far it is stands in its record (`reindexing.TABLE`), written with every piece of its work:
nothing here needs to be told twice, and nothing is lost when the process dies. One job runs at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.interactions.call import Services
from fhir_server.operations import reindexing, relating_anew
from fhir_server.store.base import Record, RecordConflict, Snapshot

RETRY = 1.0
"""Seconds until a job goes on whose store was away."""
SHARE = 1.0
"""Seconds left to others for each second that a job has worked, while the server runs."""

Moved = Callable[[Record], None]

log = logging.getLogger("fhir_server")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of jobs: `due` requests what has to be done unasked, `advance` does one piece and writes how far it is."""

    due: Callable[[Services], Awaitable[None]]
    unfinished: Callable[[Snapshot], Awaitable[list[Record]]]
    advance: Callable[[Services, Record], Awaitable[Record]]


KINDS = (
    Kind(reindexing.due, reindexing.unfinished, reindexing.advance),
    Kind(relating_anew.due, relating_anew.unfinished, relating_anew.advance),
)


class Jobs:
    """The jobs of one tenant, in a task of their own between `begin` and `stop`."""

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look for something to do, as soon as what runs is done."""
        self._wake.set()

    def begin(self, services: Services) -> None:
        """Go on with what is not finished, and from now on with what comes."""
        self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._run(services), name="fhir-jobs")

    async def stop(self) -> None:
        """Stop between two pieces of work, or within one: the next start goes on from there."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, services: Services) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                for kind in KINDS:
                    await kind.due(services)
                    while jobs := await kind.unfinished(services.store):
                        await finish(services, jobs[0], kind.advance, share=SHARE)
            except (StoreUnavailable, StoreFull):
                await asyncio.sleep(RETRY)
                self._wake.set()
            except RecordConflict:
                self._wake.set()
            except Exception as error:
                # Its text may quote what it failed on. The job stays as it is, and is tried again at the next occasion.
                log.error("a background job failed", extra={"error": type(error).__name__})


async def finish(
    services: Services,
    job: Record,
    advance: Callable[[Services, Record], Awaitable[Record]],
    *,
    moved: Moved | None = None,
    share: float = 0.0,
) -> Record:
    """Do a job to its end and return its record; `moved` is told after each piece, `share` is the time for others."""
    registry = services.registry
    try:
        while job.value["status"] in reindexing.OPEN:
            started = monotonic()
            job = await advance(services, job)
            if job.value["kind"] == reindexing.KIND:
                registry.progress = reindexing.figures(job)
            if moved is not None:
                moved(job)
            await asyncio.sleep(share * (monotonic() - started))
    finally:
        registry.progress = None
    log.info("a background job has ended", extra={"job": job.key, "status": job.value["status"]})
    return job
