"""import-view: a dump, line by line, into the store; it can be killed at any moment and run again.

Each line is one transaction, and the row of its former id is written in it: there is no moment at which a record is in
and its row is not. A line whose row is there is passed over, wherever it stands in which file. Up to `TOGETHER` lines
wait for the same commit; while it reaches the disk, the next ones are read.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auth.errors import Invalid
from auth.rights import EVERYTHING
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.manage import asker
from fhir_server.errors import Refusal
from fhir_server.interactions.call import Call, Principal
from fhir_server.interactions.transaction import settle
from fhir_server.moving.arriving import Arrival, Arriving, fault
from fhir_server.moving.dead_letters import DeadLetters
from fhir_server.moving.dump import Line, Source, lines
from fhir_server.moving.others import appointment, consent, notification
from fhir_server.moving.records import medical_record
from fhir_server.moving.users import user
from fhir_server.store.base import RecordConflict, Transaction
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
READERS: Mapping[str, Callable[[Arriving, str, Mapping[str, Any]], Awaitable[Arrival]]] = {
    "user": user,
    "consent": consent,
    "appointment": appointment,
    "medical_record": medical_record,
    "notification": notification,
}


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
    desk: Desk, folder: Path, sources: Sequence[Source], letters: DeadLetters, told: Told
) -> list[Report]:
    """Move a dump in. Raises Unreadable, and a Refusal when the store is full or gone."""
    arriving = Arriving(desk, folder, asker())
    reports = []
    for source in sources:
        report = Report(source.kind, source.path.name)
        reports.append(report)
        await _File(arriving, source, letters, report, told).run()
    return reports


@dataclass(slots=True)
class _Ready:
    """A line that is ready to be written."""

    line: Line
    former: str
    arrival: Arrival


@dataclass(slots=True)
class _File:
    """One file on its way in; `waiting` lines are written together, `under_way` are those before them."""

    arriving: Arriving
    source: Source
    letters: DeadLetters
    report: Report
    told: Told
    waiting: list[_Ready] = field(default_factory=list)
    claims: set[str] = field(default_factory=set)
    weight: int = 0
    under_way: asyncio.Task[None] | None = None
    held: set[str] = field(default_factory=set)
    untold: list[tuple[Line, str | None, Sequence[Issue]]] = field(default_factory=list)

    async def run(self) -> None:
        """Move its lines in."""
        read = lines(self.source)
        while True:
            try:
                line = next(read, None)
            except (OSError, EOFError, zlib.error) as error:
                await self._settled()
                raise Unreadable(f"{self.source.path.name} cannot be read to its end: {error}") from error
            if line is None:
                break
            await self._line(line)
            self.told(self.report, line.position)
        await self._settled()
        self.told(self.report, self.source.size)

    async def _line(self, line: Line) -> None:
        value: Mapping[str, Any] = {}
        try:
            value = line.value()
            former = former_text(value.get("id"))
            if former is None:
                raise Unfit([fault("id", FAULT if "id" in value else "is needed")])
            key = former_key(self.source.kind, former)
            if key in self.claims or key in self.held:
                await self._settled()
            if not await self._is_in(line, former):
                await self._take(_Ready(line, former, await READERS[self.source.kind](self.arriving, former, value)))
        except Unfit as unfit:
            self._refuse(line, former_text(value.get("id")), unfit.issues)

    async def _is_in(self, line: Line, former: str) -> bool:
        """Whether a line is in from before. Raises Unfit when the one that is in said something else."""
        row = await moved(self.arriving.desk.services.store.records, self.source.kind, former)
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
            elif isinstance(error, RecordConflict):
                self._refuse(
                    ready.line, ready.former, [fault("id", "or that of one of its files is that of another line")]
                )
            else:
                raise error

    async def _one(self, ready: _Ready) -> None:
        arrival, arriving = ready.arrival, self.arriving
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(arrival.entries)}
        principal = Principal(arrival.actor, EVERYTHING)
        call = Call(arriving.desk.services, principal, arriving.asker.request, resource=bundle)

        async def also(tx: Transaction) -> None:
            for key, row in arrival.rows.items():
                await tx.records.put(TABLE.name, key, {**row, "line": ready.line.digest}, expect=0)
            for each in arrival.also:
                await each(tx)

        await settle(call, lambda entry, result: None, also)

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
