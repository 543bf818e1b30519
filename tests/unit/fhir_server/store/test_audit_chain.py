"""The hash chain of audit rows."""

from __future__ import annotations

import hashlib

import pytest

from fhir_server.store import audit_chain
from fhir_server.store.base import AuditRow

ROWS = [AuditRow(n, "alice", "read", f"Patient/{n}", 200, "r", (str(n),), {"b": 1, "a": "é"}) for n in range(4)]


def chained() -> list[tuple[int, bytes, bytes]]:
    chain, digest = [], audit_chain.START
    for sequence, row in enumerate(ROWS, start=1):
        data = audit_chain.encode_row(row)
        digest = audit_chain.link(digest, data)
        chain.append((sequence, data, digest))
    return chain


def test_a_row_is_compact_json_with_sorted_keys_and_comes_back():
    data = audit_chain.encode_row(ROWS[0])
    assert data == (
        b'{"action":"read","actor":"alice","details":{"a":"\xc3\xa9","b":1},"patients":["0"],'
        b'"request":"r","status":200,"target":"Patient/0","time":0}'
    )
    assert audit_chain.decode_row(data) == ROWS[0]


def test_a_hash_covers_the_hash_before_the_length_and_the_row():
    assert audit_chain.link(b"p" * 32, b"row") == hashlib.sha256(b"p" * 32 + bytes(7) + b"\x03" + b"row").digest()


def test_a_whole_chain_verifies():
    assert audit_chain.verify(chained()) == []
    assert audit_chain.verify([]) == []


@pytest.mark.parametrize(
    ("at", "row"),
    [
        (1, lambda s, data, h: (s, data.replace(b"alice", b"mallo"), h)),
        (1, lambda s, data, h: (s, data, bytes(32))),
        (0, lambda s, data, h: (s, data + b" ", h)),
    ],
)
def test_a_changed_row_breaks_it_where_it_was_changed(at, row):
    chain = chained()
    chain[at] = row(*chain[at])
    assert audit_chain.verify(chain) == [
        f"The audit chain breaks at row {at + 1}: its hash does not follow from the rows before it."
    ]


def test_a_missing_row_is_a_gap_and_a_swapped_one_a_break():
    chain = chained()
    assert audit_chain.verify(chain[:1] + chain[2:]) == ["The audit chain has a gap: row 2 is missing."]
    swapped = [chain[0], (2, *chain[2][1:]), (3, *chain[1][1:]), chain[3]]
    assert "breaks at row 2" in audit_chain.verify(swapped)[0]
