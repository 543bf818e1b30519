"""import-view: a dump, line by line, into the store; it can be killed at any moment and run again.

Each line is one transaction, and the row of its former id is written in it: there is no moment at which a record is in
and its row is not. A line whose row is there is passed over, wherever it stands in which file. Up to `TOGETHER` lines
wait for the same commit; while it reaches the disk, the next ones are read. Most of them come prepared by other
processes (`workers`). What of that does not hold any more, or is refused, is read again here, and only what comes of it
is told.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from auth.errors import Invalid
from auth.ports import Asker
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.manage import asker
from fhir_server.errors import Refusal
from fhir_server.interactions.call import Result
from fhir_server.interactions.conditional import Moved
from fhir_server.interactions.entry import Entry
from fhir_server.interactions.preparing import Portable, steps_of
from fhir_server.interactions.transaction import Work, settle, write
from fhir_server.moving.arriving import Arrival, Arriving, at_house, fault
from fhir_server.moving.dead_letters import DeadLetters
from fhir_server.moving.dump import Line, Source, lines
from fhir_server.moving.prepare import READERS, Prepared, call_of
from fhir_server.moving.users import open_arrived
from fhir_server.moving.workers import UNREADABLE, Workers
from fhir_server.store.base import RecordConflict, Transaction, VersionConflict
from fhir_server.views.acting import Also
from fhir_server.views.booked import mark_slots
from fhir_server.views.former import TABLE, former_key, moved
from mappings.errors import Unfit
from mappings.views.former import FAULT, former_text, former_value
from mappings.views.registry import VIEWS
from profiles.issues import Issue

TOGETHER = 64
"""Lines that may wait for the same commit, and how many bytes they may have."""
TOGETHER_BYTES = 8 * 1024 * 1024
SERVER_AT_FAULT = 500
ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]\.resource\.(.+)")
DIFFERENT = "was moved in before with another content: that stays, and this line is not taken"


@dataclass(slots=True)
class Report:
    """What became of the lines of a file: `moved` in now, `present` from before, `refused` and told of."""

    kind: str
    file: str
    moved: int = 0
    present: int = 0
    refused: int = 0


class Unreadable(Exception):
    """A file that cannot be read to its end; what was read of it is in."""


Told = Callable[[Report, int], None]
"""Told of the report as it is, and up to which byte of the file it reaches."""


async def import_view(
    desk: Desk, folder: Path, sources: Sequence[Source], letters: DeadLetters, told: Told, workers: Workers
) -> list[Report]:
    """Move a dump in, with the help of `workers`, which have not begun yet.

    Raises Unreadable, and a Refusal when the store is full or gone.
    """
    arriving = Arriving(desk.services, folder, desk.notice.uri)
    await workers.begin(arriving)
    reports = []
    for source in sources:
        report = Report(source.kind, source.path.name)
        reports.append(report)
        await _File(desk, asker(), arriving, source, letters, report, told, workers).run()
    return reports


@dataclass(slots=True)
class _Ready:
    """A line that is ready to be written; `made` is what another process has prepared of it."""

    line: Line
    former: str
    arrival: Arrival
    made: Portable | None = None


@dataclass(slots=True)
class _File:
    """One file on its way in; `waiting` lines are written together, `under_way` are those before them."""

    desk: Desk
    asker: Asker
    arriving: Arriving
    source: Source
    letters: DeadLetters
    report: Report
    told: Told
    workers: Workers
    waiting: list[_Ready] = field(default_factory=list)
    claims: set[str] = field(default_factory=set)
    weight: int = 0
    under_way: asyncio.Task[None] | None = None
    held: set[str] = field(default_factory=set)
    untold: list[tuple[Line, str | None, Sequence[Issue]]] = field(default_factory=list)

    async def run(self) -> None:
        """Move its lines in."""
        try:
            async for line, prepared in self.workers.prepared(self.source.kind, lines(self.source)):
                await self._line(line, prepared)
                self.told(self.report, line.position)
        except UNREADABLE as error:
            await self._settled()
            raise Unreadable(f"{self.source.path.name} cannot be read to its end: {error}") from error
        await self._settled()
        self.told(self.report, self.source.size)

    async def _line(self, line: Line, prepared: Prepared | None = None) -> None:
        former: str | None = None
        try:
            value = line.value() if prepared is None else {}
            former = former_text(value.get("id")) if prepared is None else prepared.former
            if former is None:
                raise Unfit([fault("id", FAULT if "id" in value else "is needed")])
            key = former_key(self.source.kind, former)
            if key in self.claims or key in self.held:
                await self._settled()
            if await self._is_in(line, former):
                return
            if prepared is None:
                arrival = await READERS[self.source.kind](self.arriving, former, value)
                await self._take(_Ready(line, former, arrival))
            else:
                await self._take(_Ready(line, former, prepared.arrival, prepared.made))
        except Unfit as unfit:
            self._refuse(line, former, unfit.issues)

    async def _is_in(self, line: Line, former: str) -> bool:
        """Whether a line is in from before. Raises Unfit when the one that is in said something else."""
        row = await moved(self.desk.services.store.records, self.source.kind, former)
        if row is None:
            return False
        if row["line"] != line.digest:
            raise Unfit([fault("id", DIFFERENT)])
        self.report.present += 1
        return True

    async def _take(self, ready: _Ready) -> None:
        claims = {*ready.arrival.claims, *ready.arrival.rows}
        if claims & self.claims or claims & self.held:
            # Read again when the lines before it are in: they may exclude it.
            await self._settled()
            await self._line(ready.line)
            return
        self.waiting.append(ready)
        self.claims |= claims
        self.weight += len(ready.line.raw)
        if len(self.waiting) >= TOGETHER or self.weight > TOGETHER_BYTES:
            await self._write()

    async def _settled(self) -> None:
        """Write what waits, and wait for that too."""
        await self._write()
        await self._write()

    async def _write(self) -> None:
        """Begin to write what waits, once what is under way is written."""
        if self.under_way is not None:
            await self.under_way
        self._tell(before=self.waiting[0].line.number if self.waiting else None)
        waiting, self.waiting, self.weight = self.waiting, [], 0
        self.held, self.claims = self.claims, set()
        self.under_way = asyncio.create_task(self._together(waiting)) if waiting else None

    async def _together(self, waiting: Sequence[_Ready]) -> None:
        ended = await asyncio.gather(*(self._one(each) for each in waiting), return_exceptions=True)
        for ready, error in zip(waiting, ended, strict=True):
            if error is None:
                self.report.moved += 1
            elif isinstance(error, Refusal) and error.status < SERVER_AT_FAULT:
                self._refuse(ready.line, ready.former, self._by_field(ready.arrival, error.issues))
            elif isinstance(error, Invalid):
                issues = [fault(name, reason) for name, reasons in error.fields.items() for reason in reasons]
                self._refuse(ready.line, ready.former, issues)
            elif isinstance(error, Unfit):
                self._refuse(ready.line, ready.former, error.issues)
            elif isinstance(error, RecordConflict):
                self._refuse(
                    ready.line, ready.former, [fault("id", "or that of one of its files is that of another line")]
                )
            else:
                raise error

    async def _one(self, ready: _Ready) -> None:
        if ready.made is not None:
            if await self._as_prepared(ready, ready.made):
                return
            # What is to be said of it is found out here, as things stand now.
            ready.arrival = await READERS[self.source.kind](self.arriving, ready.former, ready.line.value())
        await settle(call_of(self.desk.services, ready.arrival, self.asker.request), _nothing, self._also(ready))

    async def _as_prepared(self, ready: _Ready, made: Portable) -> bool:
        """Write what another process has prepared; return whether it still held."""
        call = call_of(self.desk.services, ready.arrival, self.asker.request)
        steps, links = steps_of(call, made)
        try:
            await write(call, Work(call, steps, (), links, _nothing, self._also(ready)))
        except (Moved, VersionConflict, RecordConflict, Invalid):
            return False
        except Refusal as refusal:
            if refusal.status >= SERVER_AT_FAULT:
                raise
            return False
        return True

    def _also(self, ready: _Ready) -> Also:
        arrival = ready.arrival

        async def also(tx: Transaction) -> None:
            for key, row in arrival.rows.items():
                await tx.records.put(TABLE.name, key, {**row, "line": ready.line.digest}, expect=0)
            if arrival.account is not None:
                await open_arrived(self.desk, tx, arrival.account, self.asker)
            if arrival.booked is not None:
                await mark_slots(at_house(self.desk, self.asker), tx, arrival.booked, "busy")

        return also

    def _by_field(self, arrival: Arrival, issues: Sequence[Issue]) -> list[Issue]:
        """Return issues about a transaction as issues about the line, by the names of its fields."""
        return [replace(each, expression=self._field(arrival, each.expression or "")) for each in issues]

    def _field(self, arrival: Arrival, expression: str) -> str:
        found = ENTRY.fullmatch(expression)
        if found is None:
            return expression
        path = f"{arrival.entries[int(found[1])]['resource']['resourceType']}.{found[2]}"
        view = VIEWS.get(self.source.kind)
        fields = view.fields if view else ()
        return next((each.name for each in fields if any(place.path == path for place in each.at)), path)

    def _refuse(self, line: Line, former: str | None, issues: Sequence[Issue]) -> None:
        self.report.refused += 1
        self.untold.append((line, former, issues))

    def _tell(self, before: int | None) -> None:
        """Tell of refused lines in their order: those before a line that is not settled yet, or all."""
        told = sorted(self.untold, key=lambda each: each[0].number)
        self.untold = [each for each in told if before is not None and each[0].number >= before]
        for line, former, issues in told[: len(told) - len(self.untold)]:
            id = None if former is None else former_value(former)
            self.letters.add(self.source.path.name, line.number, id, issues)


def _nothing(entry: Entry, result: Result) -> None:
    """Tell nothing of an entry: nobody is answered."""
