"""The content of a raw upload while it arrives: a little of it in memory, the rest in a file without a name.

The file lies in the system's folder for temporary files (`TMPDIR`) and is gone with the request, however that ends.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.store.base import CHUNK

MEMORY = 1024 * 1024
"""Bytes up to which content stays in memory."""

_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))


class Spool:
    """Content that is written once and read as often as it takes; `length` is what has arrived."""

    def __init__(self) -> None:
        self.length = 0
        self._file = SpooledTemporaryFile(max_size=MEMORY)  # noqa: SIM115 - it lives as long as the request

    async def fill(self, parts: AsyncIterator[bytes]) -> None:
        """Take all of `parts`. Raises StoreFull, StoreUnavailable, and whatever `parts` raise."""
        waiting = bytearray()
        async for part in parts:
            waiting += part
            if len(waiting) >= CHUNK:
                await self._append(bytes(waiting))
                waiting.clear()
        await self._append(bytes(waiting))

    async def pieces(self, start: int) -> AsyncIterator[bytes]:
        """Yield the content from byte `start` on in pieces of `CHUNK` bytes, the last one shorter."""
        while start < self.length:
            piece = await asyncio.to_thread(self._read, start)
            start += len(piece)
            yield piece

    def close(self) -> None:
        """Forget the content."""
        self._file.close()

    async def _append(self, data: bytes) -> None:
        try:
            await asyncio.to_thread(self._file.write, data)
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise StoreFull(
                    "The disk for temporary files is full: nothing of this request was kept. Free some space and "
                    "repeat it."
                ) from None
            raise StoreUnavailable("The upload could not be written to a temporary file: see the server's log.") from (
                error
            )
        self.length += len(data)

    def _read(self, start: int) -> bytes:
        self._file.seek(start)
        return self._file.read(CHUNK)
