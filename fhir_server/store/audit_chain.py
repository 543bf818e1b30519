"""The audit chain: each row's hash covers the row and the hash before it, so that no row can change unseen.

`hash(n) = SHA-256(hash(n-1) || length of row as 8 bytes, big-endian || row)`; sequence numbers have no gaps and begin
with 1; before the first row stands `START`. A row is compact JSON with sorted keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from fhir_server.store.audit import AuditRow

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


class Proof(NamedTuple):
    """What a walk along a whole chain has found: the last row that follows, and what is wrong, in sentences."""

    rows: int
    findings: list[str]


def verify(rows: Iterable[tuple[int, bytes, bytes]]) -> list[str]:
    """Return what is wrong with a whole chain of (sequence, row, hash), in sentences; stops at the first break."""
    return prove(rows).findings


def prove(rows: Iterable[tuple[int, bytes, bytes]], heads: Mapping[int, bytes] = MappingProxyType({})) -> Proof:
    """Walk along a whole chain of (sequence, row, hash) and stop at the first broken link.

    `heads` are hashes that rows are known to have had: a chain that was made anew, or has lost its end, differs there.
    """
    previous, expected = START, 1
    digest_of, known = hashlib.sha256, dict(heads)
    for sequence, row, digest in rows:
        if sequence != expected:
            return Proof(expected - 1, [f"The audit chain has a gap: row {expected} is missing."])
        previous = digest_of(previous + len(row).to_bytes(8, "big") + row).digest()
        if digest != previous:
            told = f"The audit chain breaks at row {sequence}: its hash does not follow from the rows before it."
            return Proof(expected - 1, [told])
        if sequence in known and known.pop(sequence) != digest:
            told = f"The audit chain was rewritten: row {sequence} is not the one that an anchor tells of."
            return Proof(expected - 1, [told])
        expected += 1
    if known:
        told = (
            f"The audit chain has lost its end: it ends at row {expected - 1}, and an anchor tells of row {max(known)}."
        )
        return Proof(expected - 1, [told])
    return Proof(expected - 1, [])
