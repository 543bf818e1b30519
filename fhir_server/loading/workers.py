"""Who prepares files ahead of the writing, seen from the process that writes: other processes, and it itself.

Each worker gets the next file as soon as it is done with one, a few files ahead of the writing at most. What it sends
waits in memory until its turn comes. A worker that ends, however it ends, costs nothing but its help: the files it had
are prepared by the writing process itself. That takes files too whenever the writing has to wait for somebody, so that
no processor stands idle and one process fewer has to be started.
"""

from __future__ import annotations

import asyncio
import pickle
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from fhir_server.loading.pipe import Done, Early, Head, Piece, Sent
from fhir_server.loading.sources import Source
from fhir_server.preparers.pipe import LENGTH, Setup, frame
from fhir_server.preparers.processes import Processes

if TYPE_CHECKING:
    from fhir_server.interactions.call import Services

WINDOW = 6
"""Files that are prepared ahead at most."""
WAITING = 8
"""Pieces of one file that wait at most."""


class Workers(Processes):
    """Use as `async with`: the processes start at once, and are gone at the end."""

    def __init__(self, number: int, sources: Sequence[Source]) -> None:
        super().__init__("fhir_server.loading.worker", number)
        self._sources = sources
        self._given = 0
        self._reached = -1
        self._room = asyncio.Event()
        self._waits = asyncio.Event()
        self._ahead: dict[int, Ahead] = {}

    async def begin(self, setup: Setup, services: Services | None = None) -> None:
        """Hand out the first files; the store has to be there. With its `services` this process prepares too."""
        self._tasks = [asyncio.create_task(self._drive(process, setup)) for process in self.processes]
        if services is not None and self.processes:
            self._tasks.append(asyncio.create_task(self._help(services)))
        await asyncio.sleep(0)

    def ahead(self) -> Ahead | None:
        """Return what is prepared of the next file, None when no worker has taken it."""
        self._reached += 1
        self._room.set()
        self._given = max(self._given, self._reached + 1)
        return self._ahead.pop(self._reached, None)

    async def _drive(self, process: Process, setup: Setup) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        ahead: Ahead | None = None
        try:
            process.stdin.write(frame(setup))
            while (number := await self._next()) is not None:
                ahead = self._ahead[number] = Ahead(partial(process.stdin.write, _TURN), self._waits)
                process.stdin.write(frame(self._sources[number]))
                while not ahead.ended:
                    size = int.from_bytes(await process.stdout.readexactly(LENGTH))
                    await ahead.arrived(await process.stdout.readexactly(size))
        except (asyncio.IncompleteReadError, OSError):
            if ahead is not None:
                await ahead.lost()

    async def _help(self, services: Services) -> None:
        """Prepare a file here whenever the writing waits for what others have not prepared yet."""
        from fhir_server.loading.pieces import prepare_pieces

        while True:
            await self._waits.wait()
            if (number := await self._next()) is None:
                return
            turn = asyncio.Event()
            ahead = self._ahead[number] = Ahead(turn.set, self._waits)

            async def its_turn(turn: asyncio.Event = turn) -> None:
                await turn.wait()
                turn.clear()

            try:
                await prepare_pieces(services, self._sources[number], ahead.arrived, its_turn)
            except Exception:
                # As when a worker dies: whoever writes meets the same in its own time, and says so.
                await ahead.lost()

    async def _next(self) -> int | None:
        """Return which file may be prepared next, None when there is none left."""
        while self._given > self._reached + WINDOW:
            self._room.clear()
            await self._room.wait()
        if self._given >= len(self._sources):
            return None
        self._given += 1
        return self._given - 1


class Ahead:
    """What is sent of one file. `turn` is called when what could not be prepared early has its turn; `waits` is set
    while somebody wants what is not there yet.
    """

    def __init__(self, turn: Callable[[], object], waits: asyncio.Event) -> None:
        self.ended = False
        self._turn = turn
        self._waits = waits
        self._arrived: asyncio.Queue[bytes | Sent] = asyncio.Queue(WAITING)
        self._left = False

    async def arrived(self, sent: bytes | Sent) -> None:
        """Keep what came in, undecoded until it is wanted; wait when much of it waits already."""
        self.ended = isinstance(sent, Done) or sent in (_DONE, _GIVEN_UP)
        await self._arrived.put(sent)
        if self._left:
            self.leave()

    async def lost(self) -> None:
        """The worker is gone."""
        await self.arrived(_GIVEN_UP)

    async def take(self) -> Head | Piece | Done:
        """Return what comes next, a Done again and again at the end. All before it has to be in the store by now."""
        sent = await self._get()
        if _is_early(sent):
            self._turn()
            sent = await self._get()
        found: Head | Piece | Done = pickle.loads(sent) if isinstance(sent, bytes) else sent  # type: ignore[assignment]
        if isinstance(found, Done):
            self._arrived.put_nowait(found)
        return found

    async def _get(self) -> bytes | Sent:
        if self._arrived.empty():
            self._waits.set()
        try:
            return await self._arrived.get()
        finally:
            self._waits.clear()

    def leave(self) -> None:
        """Want nothing more of this file."""
        self._left = True
        while not self._arrived.empty():
            if _is_early(self._arrived.get_nowait()):
                self._turn()


def _is_early(sent: bytes | Sent) -> bool:
    return sent == _EARLY or isinstance(sent, Early)


_TURN = frame(True)
_EARLY, _DONE, _GIVEN_UP = (frame(each)[LENGTH:] for each in (Early(), Done(True), Done(False)))
