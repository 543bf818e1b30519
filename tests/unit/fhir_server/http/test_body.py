"""Bodies: limits before and after unzipping."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable

import pytest

from fhir_server.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from fhir_server.http.body import STEP, Disconnected, Receive, read_body, stream_body, unzip


def stream(parts: Iterable[bytes], ends: bool = True) -> Receive:
    """Return a receive that hands out `parts`; a stream that does not end breaks off."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request", "body": b""} if ends else {"type": "http.disconnect"})
    left = iter(messages)

    async def receive() -> dict[str, object]:
        return next(left)

    return receive


def read(parts: Iterable[bytes], limit: int = 100, ends: bool = True, **headers: str) -> bytes:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return asyncio.run(read_body(stream(parts, ends), given, limit))


def streamed(parts: Iterable[bytes], limit: int = 100, ends: bool = True, **headers: str) -> list[bytes]:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}

    async def collect() -> list[bytes]:
        return [part async for part in stream_body(stream(parts, ends), given, limit)]

    return asyncio.run(collect())


def test_a_stream_passes_parts_on_up_to_the_limit() -> None:
    assert b"".join(streamed([b"x" * 60, b"y" * 40])) == b"x" * 60 + b"y" * 40
    with pytest.raises(PayloadTooLarge):
        streamed([b"x" * 60, b"y" * 41])
    with pytest.raises(PayloadTooLarge):
        streamed([b"x" * 101], content_length="101")
    with pytest.raises(Disconnected):
        streamed([b"ab"], ends=False)
    with pytest.raises(UnsupportedMediaType):
        streamed([b"x"], content_encoding="br")


@pytest.mark.parametrize("cut", [1, 7, 1000, 1_000_000])
def test_a_stream_is_unzipped_however_it_is_cut(cut: int) -> None:
    data = bytes(range(256)) * 4000
    zipped = gzip.compress(data) + gzip.compress(b"end")
    parts = [zipped[at : at + cut] for at in range(0, len(zipped), cut)]
    found = streamed(parts, len(data) + 3, content_encoding="gzip")
    assert b"".join(found) == data + b"end"
    assert max(map(len, found)) <= STEP


def test_a_zipped_stream_keeps_the_limit_and_its_form() -> None:
    assert streamed([], content_encoding="gzip") == []
    with pytest.raises(PayloadTooLarge):
        streamed([gzip.compress(b"\0" * 1_000_001)], 1_000_000, content_encoding="gzip")
    for broken in (b"no gzip", gzip.compress(b"x" * 50)[:-5], gzip.compress(b"x") + b"rest"):
        with pytest.raises(BadRequest):
            streamed([broken], 1000, content_encoding="gzip")


def test_parts_are_joined_up_to_the_limit() -> None:
    assert read([b"ab", b"", b"cd"]) == b"abcd"
    assert read([b"x" * 60, b"y" * 40]) == b"x" * 60 + b"y" * 40


def test_one_byte_more_is_refused_whether_announced_or_not() -> None:
    with pytest.raises(PayloadTooLarge):
        read([b"x" * 60, b"y" * 41])
    with pytest.raises(PayloadTooLarge):
        read([b"x" * 101], content_length="101")


def test_a_client_that_leaves_is_noticed() -> None:
    with pytest.raises(Disconnected):
        read([b"ab"], ends=False)


def test_gzip_is_undone_in_all_its_members() -> None:
    assert read([gzip.compress(b"ab") + gzip.compress(b"cd")], content_encoding="gzip") == b"abcd"


def test_a_bomb_is_cut_off_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    with pytest.raises(PayloadTooLarge):
        unzip(bomb, 1_000_000)
    assert len(unzip(gzip.compress(b"\0" * 1000), 1000)) == 1000


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b"x" * 50)[:-5], gzip.compress(b"x") + b"rest"], ids=["none", "cut", "more"]
)
def test_broken_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        unzip(body, 1000)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        read([b"x"], content_encoding="br")
