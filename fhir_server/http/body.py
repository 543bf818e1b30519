"""The body of a request: read as it streams in, never beyond its limit, unzipped under the same limit."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from fhir_server.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from fhir_server.http.headers import Headers

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

DRAIN = 64 * 1024 * 1024
"""How much of a body that is too large is still read and dropped, so that its sender sees the answer."""

STEP = 256 * 1024
"""Bytes that are unzipped at once where a body is passed on as it arrives."""

_GZIP = 16 + zlib.MAX_WBITS


class Disconnected(Exception):
    """The client went away before its body was whole; there is nobody to answer."""


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Return the whole body, unzipped when `Content-Encoding: gzip`.

    Raises PayloadTooLarge for more than `limit` bytes, before or after unzipping, UnsupportedMediaType for another
    encoding, BadRequest for broken gzip, Disconnected when the client left.
    """
    encoding = await _admitted(receive, headers, limit)
    body = await _collect(receive, limit)
    return body if encoding == b"identity" else unzip(body, limit)


async def stream_body(receive: Receive, headers: Headers, limit: int) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, under the same rules as `read_body`."""
    encoding = await _admitted(receive, headers, limit)
    parts = _parts(receive, limit)
    async for part in parts if encoding == b"identity" else _unzipped(parts, limit):
        yield part


async def _admitted(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Return the encoding of a body that may be read. Raises as `read_body` does."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b"gzip", b"x-gzip"):
        raise UnsupportedMediaType("Content-Encoding must be gzip, or the body sent as it is.")
    announced = int(length) if (length := headers.get(b"content-length", b"0")).isdigit() else 0
    if announced > limit:
        if b"expect" not in headers and announced <= DRAIN + limit:
            await _drain(receive, announced)
        raise _too_large(limit)
    return encoding


async def _parts(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(part)
        if size > limit:
            if more:
                await _drain(receive, DRAIN)
            raise _too_large(limit)
        yield part


async def _unzipped(parts: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    member, whole, left = zlib.decompressobj(_GZIP), True, limit
    async for part in parts:
        while part:
            try:
                piece = member.decompress(part, min(left + 1, STEP))
            except zlib.error:
                raise _no_gzip() from None
            left -= len(piece)
            if left < 0:
                raise _too_large(limit)
            yield piece
            whole = member.eof
            part = member.unused_data if whole else member.unconsumed_tail
            if whole:
                member = zlib.decompressobj(_GZIP)
    if not whole:
        raise _cut_gzip()


async def _collect(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(first) > limit:
            raise _too_large(limit)
        return first
    parts, size = [first], len(first)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            parts.clear()
            await _drain(receive, DRAIN)
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


async def _drain(receive: Receive, most: int) -> None:
    while most > 0:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
        most -= len(message.get("body", b""))


def unzip(body: bytes, limit: int) -> bytes:
    """Return the gzip members of `body` unzipped, at most `limit` bytes: a bomb is cut off where it passes that."""
    parts: list[bytes] = []
    left = limit
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(body, left + 1)
        except zlib.error:
            raise _no_gzip() from None
        left -= len(part)
        if left < 0:
            raise _too_large(limit)
        if not member.eof:
            raise _cut_gzip()
        parts.append(part)
        body = member.unused_data
    return b"".join(parts)


def _no_gzip() -> BadRequest:
    return BadRequest("The body is not the gzip that Content-Encoding announces.", code="structure")


def _cut_gzip() -> BadRequest:
    return BadRequest("The gzip of the body ends too early.", code="structure")


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is larger than the {limit} bytes this server takes here. Split it, or ask for a higher limit."
    )
