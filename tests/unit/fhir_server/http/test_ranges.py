"""The Range header (RFC 9110, 14.1 and 14.2; the examples of 14.1.2 are over 10,000 bytes)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fhir_server.http.ranges import byte_range, cut


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        (b"bytes=0-499", 0, 499),
        (b"bytes=500-999", 500, 999),
        (b"bytes=-500", 9500, 9999),
        (b"bytes=9500-", 9500, 9999),
        (b"bytes=0-0", 0, 0),
        (b"bytes=-1", 9999, 9999),
        (b"bytes=0-99999", 0, 9999),
        (b"bytes=-99999", 0, 9999),
    ],
)
def test_a_range_names_bytes(asked: bytes, first: int, last: int) -> None:
    assert byte_range({b"range": asked}, 10_000) == range(first, last + 1)


@pytest.mark.parametrize("asked", [b"bytes=0-0,-1", b"bytes=", b"bytes=-", b"bytes=9-8", b"pages=1-2", b"bytes=a-b"])
def test_what_is_no_single_range_of_bytes_means_all(asked: bytes) -> None:
    assert byte_range({b"range": asked}, 10_000) is None


def test_without_a_range_or_with_a_validator_that_cannot_hold_all_comes() -> None:
    assert byte_range({}, 10) is None
    assert byte_range({b"range": b"bytes=0-1", b"if-range": b'W/"1"'}, 10) is None


@pytest.mark.parametrize(
    ("held", "part"),
    [(b'"1"', True), (b' "1" ', True), (b'"2"', False), (b'W/"1"', False), (b'"1", "2"', False), (b"1", False)],
)
def test_a_part_is_sent_to_who_has_the_rest_of_the_same_bytes(held: bytes, part: bool) -> None:
    asked = {b"range": b"bytes=0-1", b"if-range": held}
    assert byte_range(asked, 10, b'"1"') == (range(2) if part else None)
    assert byte_range({b"range": b"bytes=0-1", b"if-range": b'W/"1"'}, 10, b'W/"1"') is None, "weak tags never match"


def test_a_date_holds_nothing() -> None:
    date = b"Thu, 26 Nov 2026 18:00:00 GMT"
    assert byte_range({b"range": b"bytes=0-1", b"if-range": date}, 10, b'"1"') is None


@pytest.mark.parametrize("asked", [b"bytes=10-", b"bytes=10-11", b"bytes=-0"])
def test_beyond_the_end_there_is_nothing(asked: bytes) -> None:
    found = byte_range({b"range": asked}, 10)
    assert found is not None
    assert not found


@pytest.mark.parametrize(("length", "kept"), [(1, b"a"), (3, b"abc"), (4, b"abcd"), (6, b"abcdef"), (9, b"abcdef")])
def test_pieces_are_cut_at_a_length(length: int, kept: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"abc", b"de", b"f"):
            yield piece

    async def run() -> bytes:
        return b"".join([piece async for piece in cut(pieces(), length)])

    assert asyncio.run(run()) == kept
