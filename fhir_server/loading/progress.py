"""How a load shows itself: a bar on a terminal, plain lines elsewhere, and a table of results at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from fhir_server.loading.report import FileReport
from fhir_server.loading.sources import Source

FIGURES = (
    ("entries", "Entries"),
    ("created", "Created"),
    ("updated", "Updated"),
    ("skipped", "Already there"),
    ("failed", "Failed"),
    ("doubtful", "In doubt"),
)
ALWAYS = ("entries", "created", "failed")
FIGURE = 7
"""Characters of a figure."""
GAP = 3
"""Characters between two columns."""
SHORTEST = 16
"""Characters of a file's name at least."""
LISTED = 60
REASONS = 20
QUIET = 10.0


class LoadProgress:
    """A running display; `moved` and `position` are told of progress, `done` of a finished file."""

    def __init__(self, console: Console, sources: Sequence[Source]) -> None:
        self.console = console
        self.entries = 0
        self.finished = 0
        self.files = 0
        self.total = len(sources)
        self.started = self.spoken = time.monotonic()
        self.bar: Progress | None = None
        if console.is_terminal:
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[entries]:,} resources, {task.fields[rate]:,}/s"),
                TimeRemainingColumn(),
                console=console,
            )
            total = sum(source.size for source in sources)
            self.task = self.bar.add_task("Loading", total=total, entries=0, rate=0)

    def __enter__(self) -> LoadProgress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    @property
    def rate(self) -> int:
        """Resources a second since the start."""
        return int(self.entries / max(time.monotonic() - self.started, 0.001))

    def begin(self, source: Source) -> None:
        """Show which file comes next."""
        if self.bar:
            self.bar.update(self.task, description=escape(source.path.name))

    def moved(self, entries: int, position: int = 0) -> None:
        """Count `entries` more; `position` bytes of the present file are behind us."""
        self.entries += entries
        if self.bar:
            done = self.finished + position
            self.bar.update(self.task, completed=done, entries=self.entries, rate=self.rate)
        elif time.monotonic() - self.spoken > QUIET:
            self._say(f"{self.entries:,} resources so far, {self.rate:,}/s")

    def done(self, source: Source, report: FileReport) -> None:
        """Count a file that is finished."""
        self.finished += source.size
        self.files += 1
        self.moved(0)
        if not self.bar:
            self._say(f"{self.files}/{self.total} {source.path.name}: {_sentence(report)}; {self.rate:,} resources/s")

    def _say(self, line: str) -> None:
        self.spoken = time.monotonic()
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def show(console: Console, reports: Sequence[FileReport], seconds: float) -> None:
    """Print what became of each file: of all of them when they are few, else of those with a failure.

    A file takes one line: its name is shortened in the middle, and columns in which nothing happened are left out.
    """
    whole = _sum(reports)
    columns = [(name, title) for name, title in FIGURES if name in ALWAYS or getattr(whole, name)]
    table = Table(title="What was loaded", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("File", no_wrap=True)
    for _, title in columns:
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    room = console.width - sum(max(len(title), FIGURE) + GAP for _, title in columns) - GAP
    for report in reports:
        if report.note is None and (len(reports) <= LISTED or not report.complete):
            name = escape(_short(report.path.name, max(room, SHORTEST)))
            table.add_row(name, *_figures(report, columns), style=None if report.complete else "red")
    table.add_section()
    files = sum(1 for report in reports if report.note is None)
    table.add_row("1 file" if files == 1 else f"{files} files", *_figures(whole, columns), style="bold")
    console.print(table)
    rate = int(whole.entries / max(seconds, 0.001))
    console.print(f"{whole.entries:,} resources in {seconds:.1f} s, {rate:,}/s", highlight=False)
    for report in reports:
        _explain(console, report)


def _short(name: str, room: int) -> str:
    """Return `name` in `room` characters at most: its beginning and its end say most."""
    if len(name) <= room:
        return name
    end = (room - 1) // 2
    return f"{name[: room - 1 - end]}…{name[-end:]}"


def _explain(console: Console, report: FileReport) -> None:
    lines = [f"{report.path.name} was left aside: {report.note}"] if report.note else []
    for failure in report.failures[:REASONS]:
        place = f", entry {failure.entry + 1}" if failure.entry is not None else ""
        lines.append(f"{report.path.name}{place}: {failure.reason}")
    if len(report.failures) > REASONS:
        lines.append(f"{report.path.name}: and {len(report.failures) - REASONS:,} more failures")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _figures(report: FileReport, columns: Sequence[tuple[str, str]]) -> list[str]:
    figures = [getattr(report, name) for name, _ in columns]
    return [f"{figure:,}" if figure else "-" for figure in figures]


def _sum(reports: Sequence[FileReport]) -> FileReport:
    whole = FileReport(Path())
    for report in reports:
        for name, _ in FIGURES:
            setattr(whole, name, getattr(whole, name) + getattr(report, name))
    return whole


def _sentence(report: FileReport) -> str:
    if report.note:
        return f"left aside. {report.note.rstrip('.')}"
    parts = [
        f"{number:,} {name}"
        for number, name in (
            (report.created, "created"),
            (report.updated, "updated"),
            (report.skipped, "already there"),
            (report.failed, "failed"),
            (report.doubtful, "in doubt"),
        )
        if number
    ]
    return ", ".join(parts) or ("nothing in it" if report.complete else "failed")
