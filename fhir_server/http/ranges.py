"""A part of raw content: the Range header with one range of bytes (RFC 9110, 14.2).

What asks for several ranges, or for none that can be read, is answered whole, as the RFC allows. So is what comes with
an If-Range that is not the strong validator of the content (13.1.5); a version id is a weak one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from fhir_server.http.headers import Headers

_RANGE = re.compile(rb"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))", re.I)


def byte_range(headers: Headers, length: int, tag: bytes = b"") -> range | None:
    """Return the bytes that the headers ask for out of `length`, empty when there are none such; None for all.

    `tag` is the strong entity tag of the content, where it has one.
    """
    asked = headers.get(b"range")
    if asked is None or not _is_same(headers.get(b"if-range"), tag):
        return None
    found = _RANGE.fullmatch(asked.strip())
    if found is None:
        return None
    first, last, suffix = (None if part is None else int(part) for part in found.groups())
    if first is None:
        return range(max(length - (suffix or 0), 0), length)
    if last is not None and last < first:
        return None
    return range(first, length if last is None else min(last + 1, length))


def _is_same(held: bytes | None, tag: bytes) -> bool:
    return held is None or (held.strip() == tag and tag.startswith(b'"'))


async def cut(pieces: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """Yield the first `length` bytes of `pieces`."""
    async for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return
