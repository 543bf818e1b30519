"""Loading files into a store that this process has opened, so that a load can be killed and run again.

What a file has brought in is recorded with the data, in the same transaction: a record in the table `load`, under the
file's digest and the index of the first entry it covers, says up to which entry it reaches (`end`) and which entries
of that stretch were refused (`failed`). A load that meets such a record goes on behind it, and tries again only what
had failed. There is no moment at which data is in and its record is not.

Entries that stand alone share a transaction for speed. When it is refused, halves of it are tried, down to the one
entry at fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice

from fhir_server.errors import Refusal
from fhir_server.interactions.call import Call, Principal, Result, Services
from fhir_server.interactions.entry import Entry
from fhir_server.interactions.transaction import settle
from fhir_server.loading.entries import Item, Json, size, whole
from fhir_server.loading.report import FileReport, Moved, Stopped, reason
from fhir_server.loading.sources import Content, NotFhir, Source, read
from fhir_server.store.base import RecordTable, Transaction
from profiles.restriction import ALL

TABLE = RecordTable("load")
"""Declared when the store is opened."""
GROUP = 1000
GROUP_BYTES = 16 * 1024 * 1024
LOADER = Principal("load", ALL)
SERVER_AT_FAULT = 500
CREATED = 201


async def into_store(services: Services, source: Source, moved: Moved) -> FileReport:
    """Load one file and return what became of it. Raises Stopped when the store is full or gone."""
    report = FileReport(source.path)
    try:
        with ExitStack() as open_files:
            await _Job(services, read(source, open_files), report, moved).run()
    except NotFhir as error:
        report.set_aside(str(error), named=source.named)
    except Refusal as refusal:
        if refusal.status >= SERVER_AT_FAULT:
            raise Stopped(report, reason(refusal.issues)) from refusal
        report.fail(None, reason(refusal.issues), entries=0)
    return report


@dataclass(slots=True)
class _Stretch:
    """The entries from `first`, settled up to `end`; `failed` are those of them that were refused."""

    key: str
    end: int
    failed: list[int] = field(default_factory=list)

    async def record(self, tx: Transaction) -> None:
        """Write the stretch's record."""
        await tx.records.put(TABLE.name, self.key, {"end": self.end, "failed": self.failed})


@dataclass(slots=True)
class _Job:
    """One file on its way into the store."""

    services: Services
    content: Content
    report: FileReport
    moved: Moved

    async def run(self) -> None:
        """Load what is not loaded yet."""
        if self.content.whole is not None:
            await self._whole(self.content.whole)
            return
        first = 0
        while True:
            known = await self._known(first)
            stretch = known or _Stretch(self._key(first), first)
            items = list(islice(self.content.items, known.end - first)) if known else self._take()
            if not items:
                return
            if known:
                await self._again(known, items)
            else:
                await self._group(stretch, items)
            first = stretch.end

    async def _whole(self, bundle: Json) -> None:
        bundle = whole(bundle)
        entries = self.report.entries = size(bundle)
        if await self._known(0):
            self.report.skipped = entries
        else:
            try:
                await self._apply(bundle, _Stretch(self._key(0), entries))
            except Refusal as refusal:
                if refusal.status >= SERVER_AT_FAULT:
                    raise
                self.report.fail(None, f"nothing of it was kept: {reason(refusal.issues)}", entries)
        self.moved(entries, 0)

    async def _group(self, stretch: _Stretch, items: Sequence[Item]) -> None:
        """Settle entries that stand alone and that no record knows."""
        entries: list[tuple[int, Json]] = []
        refused: dict[int, str] = {}
        for item in items:
            if not item.size:
                continue
            try:
                entries.append((item.index, item.entry()))
            except Refusal as refusal:
                refused[item.index] = reason(refusal.issues, alone=True)
        self.report.entries += len(entries) + len(refused)
        await self._settle(stretch, entries, items[-1].index + 1, refused)
        if stretch.end <= items[-1].index or refused:
            stretch.end = items[-1].index + 1
            stretch.failed = sorted(refused)
            await self.services.store.write(stretch.record)
        for index in sorted(refused):
            self.report.fail(index, refused[index])
        self.moved(len(entries) + len(refused), self.content.position())

    async def _settle(
        self, stretch: _Stretch, entries: Sequence[tuple[int, Json]], end: int, refused: dict[int, str]
    ) -> None:
        """Write `entries`, which reach up to `end`, in one transaction, or in halves of it where it is refused."""
        if not entries:
            return
        attempt = _Stretch(stretch.key, end, sorted(index for index in refused if index < end))
        try:
            await self._apply(_transaction([entry for _, entry in entries]), attempt)
        except Refusal as refusal:
            if refusal.status >= SERVER_AT_FAULT:
                raise
            if len(entries) == 1:
                refused[entries[0][0]] = reason(refusal.issues, alone=True)
                return
            middle = len(entries) // 2
            await self._settle(stretch, entries[:middle], entries[middle][0], refused)
            await self._settle(stretch, entries[middle:], end, refused)
        else:
            stretch.end = end

    async def _again(self, known: _Stretch, items: Sequence[Item]) -> None:
        """Pass over a stretch that a record knows, and try again what had failed in it."""
        present = sum(1 for item in items if item.size)
        self.report.entries += present
        self.report.skipped += present - len(known.failed)
        for item in [item for item in items if item.index in known.failed]:
            left = [index for index in known.failed if index != item.index]
            try:
                await self._apply(_transaction([item.entry()]), _Stretch(known.key, known.end, left))
            except Refusal as refusal:
                if refusal.status >= SERVER_AT_FAULT:
                    raise
                self.report.fail(item.index, reason(refusal.issues, alone=True))
            else:
                known.failed = left
        self.moved(present, self.content.position())

    async def _apply(self, bundle: Json, stretch: _Stretch) -> None:
        """Run a transaction that carries its record, and count what it did."""
        call = Call(self.services, LOADER, self.services.new_id(), resource=bundle)
        settled = await settle(call, _told, also=stretch.record)
        for method, created in settled.told.values():
            self.report.count(method, created=created)

    def _take(self) -> list[Item]:
        """Take the next entries off the file: as many as share a transaction."""
        taken: list[Item] = []
        weight = 0
        for item in self.content.items:
            taken.append(item)
            weight += item.size
            if len(taken) == GROUP or weight > GROUP_BYTES:
                break
        return taken

    async def _known(self, first: int) -> _Stretch | None:
        record = await self.services.store.records.get(TABLE.name, self._key(first))
        return _Stretch(record.key, record.value["end"], list(record.value["failed"])) if record else None

    def _key(self, first: int) -> str:
        return f"{self.content.digest}:{first}"


def _told(entry: Entry, result: Result) -> tuple[str, bool]:
    return entry.method, result.status == CREATED


def _transaction(entries: Sequence[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
