"""Bodies at rest: one codec byte, then the body in that codec. Nothing else reads or writes that byte.

0 is the body as it is, 1 is a zstd frame (needs the package `zstandard`), 2 is reserved for authenticated encryption
with a key id. A body that compression does not make smaller is kept as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = b"\x00"
ZSTD = b"\x01"

PLAIN_HEAD = len(PLAIN)
"""Bytes that a body kept by `encode` takes beyond its own, so that its length is known without reading it."""

_SMALL = 256
"""Bytes below which compressing a body is not worth its time."""


def encode(body: bytes) -> bytes:
    """Return `body` as it is kept."""
    return PLAIN + body


def compressor(level: int = 3) -> Callable[[bytes], bytes]:
    """Return an `encode` that compresses. Raises ImportError without `zstandard`."""
    import zstandard

    compress = zstandard.ZstdCompressor(level=level).compress

    def encode_compressed(body: bytes) -> bytes:
        if len(body) < _SMALL:
            return PLAIN + body
        frame = compress(body)
        return ZSTD + frame if len(frame) < len(body) else PLAIN + body

    return encode_compressed


def decode(data: bytes) -> bytes:
    """Return the body kept as `data`.

    Raises ValueError for a codec this code does not know, ImportError for zstd without `zstandard`.
    """
    codec = data[:1]
    if codec == PLAIN:
        return data[1:]
    if codec == ZSTD:
        import zstandard

        return zstandard.ZstdDecompressor().decompress(data[1:])
    raise ValueError(f"the body has codec {codec.hex() or 'none'}, which this version does not read")
