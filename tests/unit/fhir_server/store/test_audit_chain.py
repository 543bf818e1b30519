"""The hash chain of audit rows."""

from __future__ import annotations

import hashlib
from time import process_time

import msgspec
import pytest

from fhir_server.store import audit_chain
from fhir_server.store.base import AuditRow

ROWS = [AuditRow(n, "alice", "read", f"Patient/{n}", 200, "r", (str(n),), {"b": 1, "a": "é"}) for n in range(4)]


def chained(rows: list[AuditRow] = ROWS) -> list[tuple[int, bytes, bytes]]:
    chain, digest = [], audit_chain.START
    for sequence, row in enumerate(rows, start=1):
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


def test_a_head_that_is_known_tells_of_a_chain_made_anew_and_of_a_lost_end():
    whole = chained()
    other = chained([*ROWS[:1], *(msgspec.structs.replace(row, actor="mallory") for row in ROWS[1:])])
    heads = {3: whole[2][2], 4: whole[3][2]}
    assert audit_chain.verify(other) == []
    assert audit_chain.prove(whole, heads) == (4, [])
    assert audit_chain.prove(other, heads) == (
        2,
        ["The audit chain was rewritten: row 3 is not the one that an anchor tells of."],
    )
    assert audit_chain.prove(whole[:3], heads) == (
        3,
        ["The audit chain has lost its end: it ends at row 3, and an anchor tells of row 4."],
    )


def test_two_hundred_thousand_rows_are_proved_in_a_second():
    rows = chained(ROWS * 12_500)
    best = 9.0
    for _ in range(3):
        started = process_time()
        assert audit_chain.prove(rows).rows == 50_000
        best = min(best, process_time() - started)
    assert best < 0.25
