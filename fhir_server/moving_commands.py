"""`fhir-server import-view` and `export-view`: a platform moves in, and out again, while no server holds the store."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fhir_server.account_commands import at_desk
from fhir_server.command_line import FAILED, USAGE, ConfigOption, Line, StoreOption
from fhir_server.errors import Refusal
from fhir_server.preparers.processes import jobs_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_server.accounts.desk import Desk
    from fhir_server.moving.import_view import Report
    from fhir_server.settings import Settings

T = TypeVar("T")

LettersOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where refused lines are told of.", show_default="in the dump's folder"),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Processes that prepare lines.", show_default="as many as processors, up to 4"
    ),
]
WEEK = 7 * 24 * 3600
"""Seconds for which the walks of an export may go on."""


def import_view_command(line: Line) -> Callable[..., None]:
    """Return the command."""

    def import_view(
        folder: Annotated[Path, typer.Argument(metavar="DUMP_FOLDER", help="The dump.", show_default=False)],
        dead_letters: LettersOption = None,
        jobs: JobsOption = None,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Move a platform in: users, consents, appointments, medical records and notifications, as JSON lines.

        It may be stopped at any moment: the same command goes on, and passes over what is in. Lines that cannot be
        taken are told of in the dead-letter file, by line number, field and rule.

        [dim]Example[/dim]

        [cyan]fhir-server import-view dump/ --store sqlite:///./data/clinic.db[/cyan]
        """
        from fhir_server.moving.dead_letters import DeadLetters
        from fhir_server.moving.dump import LETTERS, find
        from fhir_server.moving.import_view import Unreadable
        from fhir_server.moving.import_view import import_view as move_in
        from fhir_server.moving.workers import Workers

        settings = line.settings(config, store=store)
        try:
            sources = find(folder)
        except ValueError as error:
            line.stop(str(error), USAGE)
        letters = DeadLetters(dead_letters or folder / LETTERS)
        bar = _bar(line)
        task = bar.add_task("Moving in", total=sum(each.size for each in sources), figures="")
        behind, begun = {each.kind: 0 for each in sources}, time.monotonic()

        def told(report: Report, position: int) -> None:
            behind[report.kind] = position
            lines = report.moved + report.present + report.refused
            bar.update(task, completed=sum(behind.values()), description=report.file, figures=f"{lines:,} lines")

        async def work(desk: Desk) -> list[Report]:
            await _index(desk)
            async with Workers(settings.store, jobs or jobs_for(sources)) as workers:
                return await move_in(desk, folder, sources, letters, told, workers)

        gc.set_threshold(100_000, 50, 100)
        try:
            with bar:
                reports = _done(line, settings, work)
        except Unreadable as error:
            line.stop(str(error), FAILED)
        except KeyboardInterrupt:
            line.stop("stopped. What is in stays; the same command goes on from there.", FAILED)
        finally:
            letters.close()
        _show(line, reports, time.monotonic() - begun)
        if letters.count:
            line.stop(f"{letters.count:,} lines were refused; {letters.path} says which, and why.", FAILED)

    return import_view


def export_view_command(line: Line) -> Callable[..., None]:
    """Return the command."""

    def export_view(
        folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the dump goes.", show_default=False)],
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Write what the JSON views hold as a dump, password hashes included: for its owner's eyes only.

        [dim]Example[/dim]

        [cyan]fhir-server export-view dump/ --store sqlite:///./data/clinic.db[/cyan]
        """
        from fhir_server.moving.export_view import export_view as move_out

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            line.stop(f"{folder} is not empty: name a folder that is, or that is not there yet.", USAGE)
        bar = _bar(line)
        task = bar.add_task("Moving out", total=None, figures="")

        def told(kind: str, lines: int) -> None:
            bar.update(task, description=kind, figures=f"{lines:,} lines")

        async def work(desk: Desk) -> dict[str, int]:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return await move_out(desk, folder, told)

        with bar:
            counts = _done(line, settings.model_copy(update={"cursor_lifetime_s": WEEK}), work)
        for kind, lines in counts.items():
            line.out.print(f"{kind:<16}{lines:>10,}")

    return export_view


def _done(line: Line, settings: Settings, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Do `work` at the desk of the store, or stop with what is wrong: a server that runs on the store, a full disk."""
    from fhir_server.settings import SettingsError

    try:
        return asyncio.run(at_desk(settings, work))
    except Refusal as refusal:
        line.stop(str(refusal), FAILED)
    except SettingsError as error:
        line.stop(str(error), USAGE)


async def _index(desk: Desk) -> None:
    """Index by what a server would have to index by first: in an empty store that takes no time."""
    from fhir_server.jobs import finish
    from fhir_server.operations.reindexing import advance, due, unfinished

    await due(desk.services)
    for job in await unfinished(desk.services.store):
        await finish(desk.services, job, advance)


def _bar(line: Line) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=line.out,
        disable=not line.out.is_terminal,
    )


def _show(line: Line, reports: Sequence[Report], seconds: float) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("File", "Moved in", "Already there", "Refused"):
        table.add_column(name, justify="left" if name == "File" else "right")
    for each in reports:
        table.add_row(each.file, *(f"{figure:,}" for figure in (each.moved, each.present, each.refused)))
    line.out.print(table)
    moved = sum(each.moved for each in reports)
    line.out.print(f"{moved:,} lines in {seconds:.1f} s, {int(moved / max(seconds, 0.001)):,}/s")
