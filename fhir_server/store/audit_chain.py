"""The audit chain: each row's hash covers the row and the hash before it, so that no row can change unseen.

`hash(n) = SHA-256(hash(n-1) || length of row as 8 bytes, big-endian || row)`; sequence numbers have no gaps and begin
with 1; before the first row stands `START`. A row is compact JSON with sorted keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from fhir_server.store.base import AuditRow

START = bytes(32)

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(AuditRow).decode


def encode_row(row: AuditRow) -> bytes:
    """Return `row` as the bytes that are kept and hashed; equal rows give equal bytes."""
    return _encode(row)


def decode_row(data: bytes) -> AuditRow:
    """Return the row kept as `data`."""
    row = _decode(data)
    return msgspec.structs.replace(row, patients=tuple(row.patients))


def link(previous: bytes, row: bytes) -> bytes:
    """Return the hash of `row` after the row with hash `previous`."""
    return hashlib.sha256(previous + len(row).to_bytes(8, "big") + row).digest()


def verify(rows: Iterable[tuple[int, bytes, bytes]]) -> list[str]:
    """Return what is wrong with a whole chain of (sequence, row, hash), in sentences; stops at the first break."""
    previous, expected = START, 1
    for sequence, row, digest in rows:
        if sequence != expected:
            return [f"The audit chain has a gap: row {expected} is missing."]
        previous = link(previous, row)
        if digest != previous:
            return [f"The audit chain breaks at row {sequence}: its hash does not follow from the rows before it."]
        expected += 1
    return []
