"""What became of a file: plain values that the command line shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from profiles.issues import Issue

Moved = Callable[[int, int], None]
"""Told of n more entries settled, and up to which byte of the file they reach."""

SHOWN = 3
"""Findings of one entry that a reason repeats; the rest is a number."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an entry did not go in. `entry` counts from 0 in the file (lines of NDJSON); None is the whole file."""

    entry: int | None
    reason: str


@dataclass(slots=True)
class FileReport:
    """One file's result, in entries.

    `created + updated + skipped + failed + doubtful` is `entries`: `skipped` were there already, `doubtful` were sent
    to another server that never answered. `note` says why a file was left aside.
    """

    path: Path
    entries: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0
    doubtful: int = 0
    failures: list[Failure] = field(default_factory=list)
    note: str | None = None

    @property
    def complete(self) -> bool:
        """Whether everything of the file is in."""
        return not self.failures

    def count(self, method: str, *, created: bool) -> None:
        """Count an entry that asked for `method` and is in."""
        if created:
            self.created += 1
        elif method == "POST":
            self.skipped += 1
        else:
            self.updated += 1

    def fail(self, entry: int | None, reason: str, entries: int = 1) -> None:
        """Count `entries` that failed for one `reason`."""
        self.failed += entries
        self.failures.append(Failure(entry, reason))

    def set_aside(self, why: str, *, named: bool) -> None:
        """Note that the file is not for loading: a failure only when the user `named` it."""
        if named:
            self.fail(None, why, entries=0)
        else:
            self.note = why

    def doubt(self, entry: int | None, reason: str, entries: int) -> None:
        """Count `entries` of which nobody knows whether they are in."""
        self.doubtful += entries
        self.failures.append(Failure(entry, reason))


class Stopped(Exception):
    """No file can be loaded any more; `report` is what became of the one at hand, its last failure says why."""

    def __init__(self, report: FileReport, why: str) -> None:
        super().__init__(why)
        report.fail(None, why, entries=0)
        self.report = report


def reason(issues: Sequence[Issue], *, alone: bool = False) -> str:
    """Return the errors among `issues` in one line; `alone`: they are of a Bundle of one entry, which goes unsaid."""
    told = [issue for issue in issues if issue.severity in ("fatal", "error")] or list(issues)
    sentences = []
    for issue in told[:SHOWN]:
        place = issue.expression or ""
        if alone:
            place = place.removeprefix("Bundle.entry[0]").removeprefix(".resource").removeprefix(".")
        sentences.append(f"{place}: {issue.message}" if place and place not in issue.message else issue.message)
    if len(told) > SHOWN:
        sentences.append(f"and {len(told) - SHOWN} more")
    return "; ".join(sentences)
