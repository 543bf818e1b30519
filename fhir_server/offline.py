"""What commands do in a store that no server holds: load into it, index it anew, check it.

What a command needs is imported when it runs, and where other processes help, after they were started.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from fhir_server.interactions.call import Services
    from fhir_server.loading.progress import LoadProgress
    from fhir_server.loading.report import FileReport, Moved
    from fhir_server.loading.sources import Source
    from fhir_server.settings import Settings
    from fhir_server.store.base import Record


async def into_store(settings: Settings, sources: list[Source], progress: LoadProgress, jobs: int) -> list[FileReport]:
    """Load `sources` with `jobs` processes that prepare, and return what became of each."""
    from fhir_server.loading.workers import Workers
    from fhir_server.preparers.pipe import Setup
    from fhir_server.store.connect import shareable

    # A load makes millions of objects, none of them in cycles: seldom looking for cycles saves a tenth of the time.
    gc.set_threshold(100_000, 50, 100)
    async with Workers(jobs - 1 if shareable(settings.store) else 0, sources) as workers:
        # What this process needs is loaded while the others load theirs.
        from fhir_server.app import open_tenant
        from fhir_server.loading.into_store import into_store
        from fhir_server.loading.load import load as load_files

        async with open_tenant(settings) as tenant:
            services = tenant.services
            additions = services.registry.additions
            setup = Setup(settings.store, services.base, services.limits, additions, services.policy)
            await workers.begin(setup, services)

            async def one(source: Source, moved: Moved) -> FileReport:
                return await into_store(services, source, moved, workers.ahead())

            return await load_files(sources, one, progress)


async def reindex(settings: Settings, types: Sequence[str], console: Console) -> str:
    """Index the resources of `types` anew, all of them without any, and show how far it is on `console`.

    Return what went wrong, "" when nothing did. Jobs that a server began are finished first. Raises StoreUnavailable
    when another process writes the store.
    """
    from fhir_server.app import open_tenant
    from fhir_server.operations import reindexing

    gc.set_threshold(100_000, 50, 100)
    async with open_tenant(settings) as tenant:
        services = tenant.services
        if not services.store.indexed:
            console.print("The index is of an older format: everything is indexed anew.")
        begun = await reindexing.unfinished(services.store)
        for job in begun:
            if error := await _finish(services, job, console):
                return error
        if types or not begun:
            return await _finish(services, await reindexing.request(services, types), console)
    return ""


async def check_store(settings: Settings) -> list[str]:
    """Return what is wrong with the settings' store."""
    from fhir_server.store.connect import connect

    store = await connect(settings.store)
    try:
        return await store.check()
    finally:
        await store.close()


async def _finish(services: Services, job: Record, console: Console) -> str:
    from fhir_server.jobs import finish
    from fhir_server.operations.reindexing import advance, figures

    with ExitStack() as shown:
        bar = shown.enter_context(_bar(console)) if console.is_terminal else None
        task = bar.add_task("Indexing", total=None, figures="") if bar else TaskID(0)

        def moved(now: Record) -> None:
            done, total = figures(now)
            at, kinds = now.value["at"], now.value["types"]
            if bar is not None:
                name = kinds[at][0] if at < len(kinds) else "Indexing"
                bar.update(
                    task, completed=done, total=total or None, description=name, figures=f"{done:,} of {total:,}"
                )

        job = await finish(services, job, advance, moved=moved)
    if "error" in job.value:
        return f"the indexing failed: {job.value['error']}"
    console.print(f"Indexed: {figures(job)[0]:,} resources of {len(job.value['types'])} types.")
    return ""


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=console,
    )
