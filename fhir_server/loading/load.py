"""Loading files one after the other, whatever they go into."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fhir_server.loading.progress import LoadProgress
from fhir_server.loading.report import FileReport, Moved, Stopped
from fhir_server.loading.sources import Source

LoadOne = Callable[[Source, Moved], Awaitable[FileReport]]


async def load(sources: Sequence[Source], one: LoadOne, progress: LoadProgress) -> list[FileReport]:
    """Load `sources` in order with `one`; the result is shorter than `sources` when nothing goes any more."""
    reports: list[FileReport] = []
    for source in sources:
        progress.begin(source)
        try:
            report = await one(source, progress.moved)
        except Stopped as stopped:
            return [*reports, stopped.report]
        reports.append(report)
        progress.done(source, report)
    return reports
