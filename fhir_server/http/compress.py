"""gzip for answers that are worth it."""

from __future__ import annotations

import asyncio
import gzip

LEAST = 1024
"""Bytes below which zipping costs more than it saves."""

LEVEL = 5
IN_THREAD = 256 * 1024
"""Bytes above which the event loop does not wait for zlib, which runs without the interpreter lock."""


def accepts_gzip(header: bytes | None) -> bool:
    """Return whether an Accept-Encoding header admits gzip."""
    if header is None or b"gzip" not in header:
        return False
    if b"q=0" not in header:
        return True
    for part in header.lower().split(b","):
        name, _, parameters = part.partition(b";")
        if name.strip() == b"gzip":
            quality = parameters.replace(b" ", b"").removeprefix(b"q=") or b"1"
            return quality.strip(b"0.") != b""
    return False


async def compress(body: bytes) -> bytes:
    """Return `body` zipped."""
    if len(body) > IN_THREAD:
        return await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
    return gzip.compress(body, LEVEL, mtime=0)
