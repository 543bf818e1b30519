"""Uploads while they arrive: whole, repeatable, gone afterwards."""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.http.spool import MEMORY, Spool
from fhir_server.store.base import CHUNK


async def each(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def joined(spool: Spool, start: int = 0) -> list[bytes]:
    return [piece async for piece in spool.pieces(start)]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, MEMORY, MEMORY + 1, 3 * MEMORY + 7])
def test_what_arrives_comes_back_in_chunks_as_often_as_asked(size: int) -> None:
    data = random.Random(size).randbytes(size)

    async def run() -> None:
        spool = Spool()
        await spool.fill(each(data[at : at + 65536] for at in range(0, size, 65536)))
        first, again = await joined(spool), await joined(spool)
        spool.close()
        assert (spool.length, b"".join(first), first == again) == (size, data, True)
        assert all(len(piece) == CHUNK for piece in first[:-1])

    asyncio.run(run())


def test_pieces_begin_where_asked() -> None:
    async def run() -> None:
        spool = Spool()
        await spool.fill(each([b"abcdef"]))
        assert await joined(spool, 4) == [b"ef"]
        assert await joined(spool, 6) == []
        spool.close()

    asyncio.run(run())


def test_a_closed_spool_gives_nothing_away() -> None:
    async def run() -> None:
        spool = Spool()
        await spool.fill(each([b"x" * (MEMORY + 1)]))
        spool.close()
        with pytest.raises(ValueError, match="closed"):
            await joined(spool)

    asyncio.run(run())


@pytest.mark.parametrize(("number", "refusal"), [(errno.ENOSPC, StoreFull), (errno.EIO, StoreUnavailable)])
def test_a_disk_that_refuses_is_told(number: int, refusal: type[Exception]) -> None:
    def write(data: bytes) -> None:
        raise OSError(number, "no")

    async def run() -> None:
        spool = Spool()
        spool.close()
        spool._file = cast(Any, SimpleNamespace(write=write))
        with pytest.raises(refusal):
            await spool.fill(each([b"x"]))
        assert spool.length == 0

    asyncio.run(run())
