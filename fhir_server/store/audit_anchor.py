"""Anchors of the audit chain: its head at some moment, signed, so that the whole of it cannot be rewritten unseen.

A chain proves that its rows follow each other. Whoever can write the file can also cut off its end, or make a new
chain; an anchor that was kept elsewhere tells. It is one line of JSON: `seq`, `hash`, `time` (microseconds since 1970),
`key` (the public key) and `signature` (Ed25519, RFC 8032), bytes in hexadecimal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_FORMAT = b"fhir-server audit anchor 1\n"


class Anchor(Struct, frozen=True, forbid_unknown_fields=True):
    """The head of a chain, signed."""

    seq: int
    hash: str
    time: int
    key: str
    signature: str

    @property
    def line(self) -> bytes:
        """The anchor as one line of JSON, without its end."""
        return msgspec.json.encode(self)


def sign(key: Ed25519PrivateKey, seq: int, digest: bytes, time: int) -> Anchor:
    """Return the anchor of the row `seq` with the hash `digest`."""
    public = key.public_key().public_bytes_raw().hex()
    return Anchor(seq, digest.hex(), time, public, key.sign(_signed(seq, digest, time)).hex())


def read_anchor(line: bytes | str) -> Anchor | None:
    """Return the anchor in a line, None when it is none."""
    try:
        return msgspec.json.decode(line, type=Anchor)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def is_signed(anchor: Anchor) -> bool:
    """Return whether an anchor is what the owner of its key has signed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(anchor.key))
        key.verify(bytes.fromhex(anchor.signature), _signed(anchor.seq, bytes.fromhex(anchor.hash), anchor.time))
    except (ValueError, OverflowError, InvalidSignature):
        return False
    return True


def _signed(seq: int, digest: bytes, time: int) -> bytes:
    return _FORMAT + seq.to_bytes(8, "big") + digest + time.to_bytes(8, "big")
