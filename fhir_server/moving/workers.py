"""Who prepares lines ahead of the writing, seen from the process that writes: other processes, and it itself.

The lines of a file go out in blocks, a few blocks ahead of the writing at most. A worker that ends, however it ends,
costs nothing but its help: whoever writes prepares its lines. This process takes blocks too, whenever the writing has
to wait for somebody. Only lines of one file are out at a time: those of the next one name what they have made.
"""

from __future__ import annotations

import asyncio
import pickle
import zlib
from asyncio.subprocess import Process
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence

from fhir_server.moving.arriving import Arriving
from fhir_server.moving.dump import Line
from fhir_server.moving.prepare import Begun, Prepared, prepare
from fhir_server.preparers.pipe import LENGTH, Setup, frame
from fhir_server.preparers.processes import Processes
from fhir_server.store.connect import shareable

BLOCK = 32
"""Lines that are handed out together, and how many bytes they may have."""
BLOCK_BYTES = 1024 * 1024
IN_HAND = 2
"""Blocks that a worker has at a time, so that it need not wait for the next one."""
UNREADABLE = (OSError, EOFError, zlib.error)


class _Block:
    """Lines that are prepared together, in the order of the file."""

    def __init__(self, kind: str, lines: Sequence[Line]) -> None:
        self.kind = kind
        self.lines = lines
        self.done: asyncio.Future[Sequence[Prepared | None]] = asyncio.get_running_loop().create_future()

    def end(self, found: Sequence[Prepared | None] = ()) -> None:
        """Tell what the lines have become; nothing, where nobody could say."""
        if not self.done.done():
            self.done.set_result(found or [None] * len(self.lines))


class Workers(Processes):
    """Use as `async with`: the processes start at once, and are gone at the end."""

    def __init__(self, store: str, jobs: int) -> None:
        """`jobs` processes prepare what goes into the store at an address, this one among them."""
        self._store = store
        super().__init__("fhir_server.moving.worker", jobs - 1 if shareable(store) else 0)
        self._waiting: deque[_Block] = deque()
        self._more = asyncio.Event()
        self._wanted = asyncio.Event()

    async def begin(self, arriving: Arriving) -> None:
        """Let the workers begin; the store has to be there."""
        services = arriving.services
        setup = Setup(self._store, services.base, services.limits, services.registry.additions, services.policy)
        begun = Begun(setup, arriving.folder, arriving.notice)
        self._tasks = [asyncio.create_task(self._drive(process, begun)) for process in self.processes]
        if self.processes:
            self._tasks.append(asyncio.create_task(self._help(arriving)))
        await asyncio.sleep(0)

    async def prepared(self, kind: str, lines: Iterator[Line]) -> AsyncIterator[tuple[Line, Prepared | None]]:
        """Yield the lines of a file in order, each with what it was made ahead of time.

        Raises what reading them raises, once those before it were yielded.
        """
        ahead: deque[_Block] = deque()
        window = IN_HAND * self._number + 2
        broken: BaseException | None = None
        while True:
            while broken is None and len(ahead) < window:
                taken, broken = _take(lines)
                if not taken:
                    break
                ahead.append(_Block(kind, taken))
                self._waiting.append(ahead[-1])
                self._more.set()
            if not ahead:
                break
            await asyncio.sleep(0)  # Let who waits for work take it.
            block = ahead.popleft()
            for line, found in zip(block.lines, await self._result(block), strict=True):
                yield line, found
        if broken is not None:
            raise broken

    async def _result(self, block: _Block) -> Sequence[Prepared | None]:
        """Return what became of a block; of one that nobody has begun yet, that whoever writes is to find out."""
        if block in self._waiting:
            self._waiting.remove(block)
            block.end()
        if not block.done.done():
            self._wanted.set()
        try:
            return await block.done
        finally:
            self._wanted.clear()

    async def _next(self) -> _Block:
        while not self._waiting:
            self._more.clear()
            await self._more.wait()
        return self._waiting.popleft()

    async def _drive(self, process: Process, begun: Begun) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        in_hand: deque[_Block] = deque()
        try:
            process.stdin.write(frame(begun))
            while True:
                while not in_hand or (len(in_hand) < IN_HAND and self._waiting):
                    # Who has something in hand waits for nothing else.
                    in_hand.append(self._waiting.popleft() if in_hand else await self._next())
                    process.stdin.write(frame((in_hand[-1].kind, list(in_hand[-1].lines))))
                size = int.from_bytes(await process.stdout.readexactly(LENGTH))
                found = pickle.loads(await process.stdout.readexactly(size))
                in_hand.popleft().end(found)
        except (asyncio.IncompleteReadError, OSError):
            for block in in_hand:
                block.end()

    async def _help(self, arriving: Arriving) -> None:
        """Prepare a block here whenever the writing waits for what others have not prepared yet."""
        while True:
            await self._wanted.wait()
            if not self._waiting:
                self._wanted.clear()
                continue
            block = self._waiting.popleft()
            try:
                block.end(await prepare(arriving, block.kind, block.lines))
            except Exception:
                # As when a worker dies: whoever writes meets the same in its own time, and says so.
                block.end()


def _take(lines: Iterator[Line]) -> tuple[list[Line], BaseException | None]:
    """Return the next lines, and what kept from reading more of them."""
    found: list[Line] = []
    size = 0
    try:
        while len(found) < BLOCK and size < BLOCK_BYTES and (line := next(lines, None)) is not None:
            found.append(line)
            size += len(line.raw)
    except UNREADABLE as error:
        return found, error
    return found, None
