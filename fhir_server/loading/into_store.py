"""Loading files into a store that this process has opened, so that a load can be killed and run again.

What a file has brought in is recorded with the data, in the same transaction (`loading/settled`). A load that meets
such a record goes on behind it, and tries again only what had failed. There is no moment at which data is in and its
record is not.

Entries that stand alone share a transaction for speed. When it is refused, halves of it are tried, down to the one
entry at fault. What another process has prepared is written as it comes; where the store has moved since, or it is
refused, everything is done here, and only that decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice

from fhir_server.errors import Refusal
from fhir_server.interactions.call import Call, Result, Services
from fhir_server.interactions.conditional import Moved
from fhir_server.interactions.entry import Entry
from fhir_server.interactions.preparing import Portable, steps_of
from fhir_server.interactions.transaction import Settled, Work, settle, write
from fhir_server.loading.entries import Item, Json, size, take, together, usable, whole
from fhir_server.loading.pieces import LOADER
from fhir_server.loading.pipe import Done, Head, Piece
from fhir_server.loading.report import FileReport, Stopped, reason
from fhir_server.loading.report import Moved as Told
from fhir_server.loading.settled import Stretch, key_of, known
from fhir_server.loading.sources import Content, NotFhir, Source, read
from fhir_server.loading.workers import Ahead
from fhir_server.store.base import VersionConflict

SERVER_AT_FAULT = 500
CREATED = 201


async def into_store(services: Services, source: Source, moved: Told, ahead: Ahead | None = None) -> FileReport:
    """Load one file and return what became of it; `ahead` is what another process prepares of it.

    Raises Stopped when the store is full or gone.
    """
    report = FileReport(source.path)
    try:
        with ExitStack() as open_files:
            await _Job(services, source, open_files, report, moved, ahead).run()
    except NotFhir as error:
        report.set_aside(str(error), named=source.named)
    except Refusal as refusal:
        if refusal.status >= SERVER_AT_FAULT:
            raise Stopped(report, reason(refusal.issues)) from refusal
        report.fail(None, reason(refusal.issues), entries=0)
    return report


@dataclass(slots=True)
class _Job:
    """One file on its way into the store. It reads the file itself only where nobody has prepared it."""

    services: Services
    source: Source
    open_files: ExitStack
    report: FileReport
    moved: Told
    ahead: Ahead | None
    content: Content | None = None
    taken: int = 0
    ended: bool = False
    digest: str = ""

    async def run(self) -> None:
        """Load what is not loaded yet."""
        head = await self.ahead.take() if self.ahead else None
        if not isinstance(head, Head):
            self._go_alone()
            content = self._content()
            head = Head(content.digest, content.whole is not None)
        self.digest = head.digest
        await (self._whole() if head.whole else self._stretches())
        self._go_alone()

    async def _stretches(self) -> None:
        first = 0
        while True:
            stretch = await self._known(first)
            if stretch:
                await self._again(stretch, self._items(first, stretch.end))
            else:
                stretch = Stretch(self._key(first), first)
                piece = await self._piece(first)
                if self.ended:
                    return
                if piece is None or not await self._prepared(piece, stretch):
                    items = self._next(first)
                    if not items:
                        return
                    await self._group(stretch, items)
            first = stretch.end

    async def _whole(self) -> None:
        piece = await self._piece(0)
        bundle = None if piece else self._bundle()
        entries = self.report.entries = piece.entries if piece else size(bundle or {})
        stretch = Stretch(self._key(0), entries)
        if await self._known(0):
            self.report.skipped = entries
        elif not (piece and await self._write(piece.made, stretch)):
            try:
                await self._apply(bundle or self._bundle(), stretch)
            except Refusal as refusal:
                if refusal.status >= SERVER_AT_FAULT:
                    raise
                self.report.fail(None, f"nothing of it was kept: {reason(refusal.issues)}", entries)
        self.moved(entries, 0)

    async def _prepared(self, piece: Piece, stretch: Stretch) -> bool:
        """Settle a piece that was prepared elsewhere; return whether that was possible."""
        attempt = Stretch(stretch.key, piece.end, sorted(piece.refused))
        if not await self._write(piece.made, attempt):
            return False
        stretch.end = piece.end
        self.report.entries += piece.entries
        for index in attempt.failed:
            self.report.fail(index, piece.refused[index])
        self.moved(piece.entries, piece.position)
        return True

    async def _write(self, made: Portable | None, stretch: Stretch) -> bool:
        """Write what was prepared elsewhere with its record; return whether it still held."""
        if made is None:
            return False
        call = Call(self.services, LOADER, self.services.new_id())
        steps, links = steps_of(call, made)
        try:
            self._count(await write(call, Work(call, steps, (), links, _told, stretch.record)))
        except (Moved, VersionConflict):
            return False
        except Refusal as refusal:
            if refusal.status >= SERVER_AT_FAULT:
                raise
            return False
        return True

    async def _group(self, stretch: Stretch, items: Sequence[Item]) -> None:
        """Settle entries that stand alone and that no record knows."""
        entries, refused = usable(items)
        self.report.entries += len(entries) + len(refused)
        await self._settle(stretch, entries, items[-1].index + 1, refused)
        if stretch.end <= items[-1].index or refused:
            stretch.end = items[-1].index + 1
            stretch.failed = sorted(refused)
            await self.services.store.write(stretch.record)
        for index in sorted(refused):
            self.report.fail(index, refused[index])
        self.moved(len(entries) + len(refused), self._content().position())

    async def _settle(
        self, stretch: Stretch, entries: Sequence[tuple[int, Json]], end: int, refused: dict[int, str]
    ) -> None:
        """Write `entries`, which reach up to `end`, in one transaction, or in halves of it where it is refused."""
        if not entries:
            return
        attempt = Stretch(stretch.key, end, sorted(index for index in refused if index < end))
        try:
            await self._apply(together([entry for _, entry in entries]), attempt)
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

    async def _again(self, known: Stretch, items: Sequence[Item]) -> None:
        """Pass over a stretch that a record knows, and try again what had failed in it."""
        present = sum(1 for item in items if item.size)
        self.report.entries += present
        self.report.skipped += present - len(known.failed)
        for item in [item for item in items if item.index in known.failed]:
            left = [index for index in known.failed if index != item.index]
            try:
                await self._apply(together([item.entry()]), Stretch(known.key, known.end, left))
            except Refusal as refusal:
                if refusal.status >= SERVER_AT_FAULT:
                    raise
                self.report.fail(item.index, reason(refusal.issues, alone=True))
            else:
                known.failed = left
        self.moved(present, self._content().position())

    async def _apply(self, bundle: Json, stretch: Stretch) -> None:
        """Run a transaction that carries its record, and count what it did."""
        call = Call(self.services, LOADER, self.services.new_id(), resource=bundle)
        self._count(await settle(call, _told, also=stretch.record))

    def _count(self, settled: Settled[tuple[str, bool]]) -> None:
        for method, created in settled.told.values():
            self.report.count(method, created=created)

    async def _piece(self, first: int) -> Piece | None:
        """Return what was prepared from `first` on; None when nothing was, at the end, or when we went another way."""
        found = await self.ahead.take() if self.ahead else None
        if isinstance(found, Piece) and found.first == first:
            return found
        self.ended = isinstance(found, Done) and found.ended
        self._go_alone()
        return None

    def _go_alone(self) -> None:
        if self.ahead:
            self.ahead.leave()
            self.ahead = None

    def _content(self) -> Content:
        if self.content is None:
            self.content = read(self.source, self.open_files)
        return self.content

    def _bundle(self) -> Json:
        return whole(self._content().whole or {})

    def _items(self, first: int, end: int) -> list[Item]:
        """Take the items from `first` up to `end` off the file."""
        items = self._content().items
        for _ in islice(items, first - self.taken):
            pass
        self.taken = end
        return list(islice(items, end - first))

    def _next(self, first: int) -> list[Item]:
        self._items(self.taken, first)
        items = take(self._content().items)
        self.taken = first + len(items)
        return items

    async def _known(self, first: int) -> Stretch | None:
        return await known(self.services.store, self.digest, first)

    def _key(self, first: int) -> str:
        return key_of(self.digest, first)


def _told(entry: Entry, result: Result) -> tuple[str, bool]:
    return entry.method, result.status == CREATED
