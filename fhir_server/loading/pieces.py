"""Files prepared in pieces, apart from the process that writes them.

A piece is what shares one transaction: a Bundle that goes in whole, or a stretch of entries that stand alone. It is
prepared against the newest commit. Where a conditional reference finds nothing yet, that may be because the files
before are still on their way: the piece says so, waits for its turn and is prepared again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from itertools import islice
from typing import NamedTuple

from auth.rights import EVERYTHING
from fhir_server.errors import PreconditionFailed, Refusal
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.interactions.preparing import Portable, Preparing, portable
from fhir_server.loading.entries import Json, size, take, together, usable, whole
from fhir_server.loading.pipe import Done, Early, Head, Piece, Sent
from fhir_server.loading.settled import known
from fhir_server.loading.sources import Content, NotFhir, Source, read

LOADER = Principal("load", EVERYTHING)


Send = Callable[[Sent], Awaitable[None]]
Turn = Callable[[], Awaitable[None]]


async def prepare_pieces(services: Services, source: Source, send: Send, turn: Turn) -> None:
    """Prepare `source` piece by piece, passing over what is in already; `turn` waits for its turn after an Early."""
    try:
        with ExitStack() as open_files:
            content = read(source, open_files)
            await send(Head(content.digest, content.whole is not None))
            preparer = _Preparer(services, content, send, turn)
            if content.whole is not None:
                await preparer.whole(whole(content.whole))
            else:
                await preparer.items()
    except (Refusal, NotFhir):
        # Whoever writes meets the same and says so.
        await send(Done(False))
    else:
        await send(Done(True))


class _Preparer(NamedTuple):
    services: Services
    content: Content
    send: Send
    turn: Turn

    async def whole(self, bundle: Json) -> None:
        entries = size(bundle)
        made = None if await known(self.services.store, self.content.digest, 0) else await self._made(bundle)
        await self.send(Piece(0, entries, entries, {}, 0, made))

    async def items(self) -> None:
        first = 0
        while True:
            stretch = await known(self.services.store, self.content.digest, first)
            if stretch:
                for _ in islice(self.content.items, stretch.end - first):
                    pass
                first = stretch.end
                continue
            items = take(self.content.items)
            if not items:
                return
            entries, refused = usable(items)
            made = await self._made(together([entry for _, entry in entries])) if entries else None
            end = items[-1].index + 1
            await self.send(Piece(first, end, len(entries) + len(refused), refused, self.content.position(), made))
            first = end

    async def _made(self, bundle: Json) -> Portable | None:
        call = Call(self.services, LOADER, "", resource=bundle)
        try:
            preparing = await Preparing.read(call)
            try:
                return portable(await preparing.steps(), preparing)
            except PreconditionFailed:
                preparing.links.restore()
            await self.send(Early())
            await self.turn()
            return portable(await preparing.steps(), preparing)
        except Refusal:
            return None
