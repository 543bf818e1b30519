"""A file is sent whole, in part, or told of only (RFC 9110: HEAD 9.3.2, ranges 14, 206 15.3.7, 416 15.5.17)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import Request
from starlette.exceptions import HTTPException

from fhir_server.api.download import download
from fhir_server.interactions.call import Content
from fhir_server.views.medical_records import Download

BYTES = bytes(range(100)) * 100
TAG = '"b.1"'


class File:
    """A file in pieces, that counts how many are read."""

    def __init__(self) -> None:
        self.read = 0

    async def pieces(self, start: int) -> AsyncIterator[bytes]:
        for at in range(start, len(BYTES), 999):
            self.read += 1
            yield BYTES[at : at + 999]


def sent(method: str = "GET", **asked: str) -> tuple[int, dict[str, str], bytes, int]:
    """Return status, headers and body of an answer, and how many pieces were read."""
    file, parts = File(), [(name.replace("_", "-").encode(), value.encode()) for name, value in asked.items()]
    request = Request({"type": "http", "method": method, "headers": parts})
    answer = download(request, Download("é.mp4", "video/mp4", Content(len(BYTES), file.pieces), TAG))
    body: list[bytes] = []
    status: list[int] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            status.append(int(str(message["status"])))
        else:
            body.append(bytes(message.get("body", b"")))  # type: ignore[call-overload]

    async def receive() -> dict[str, object]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    asyncio.run(answer({"type": "http", "method": method, "asgi": {"spec_version": "2.4"}}, receive, send))  # type: ignore[arg-type]
    return status[0], dict(answer.headers), b"".join(body), file.read


def test_a_file_comes_whole_and_says_that_parts_are_to_be_had() -> None:
    status, headers, body, _ = sent()
    assert (status, body) == (200, BYTES)
    assert headers == {
        "etag": TAG,
        "accept-ranges": "bytes",
        "content-disposition": "attachment; filename*=UTF-8''%C3%A9.mp4",
        "content-type": "video/mp4",
        "content-length": "10000",
    }


@pytest.mark.parametrize("asked", [{}, {"range": "bytes=0-9"}, {"range": "bytes=99999-"}])
def test_head_says_the_same_of_the_whole_and_reads_nothing(asked: dict[str, str]) -> None:
    """A Range that comes with HEAD is ignored (RFC 9110, 14.2)."""
    assert sent("HEAD", **asked) == (200, sent()[1], b"", 0)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-499", 0, 499), ("bytes=9500-", 9500, 9999), ("bytes=-500", 9500, 9999), ("bytes=500-600", 500, 600)],
)
@pytest.mark.parametrize("more", [{}, {"if_range": TAG}, {"if_match": TAG}, {"if_none_match": '"b.2"'}])
def test_a_part_says_which_it_is_and_has_its_own_length(
    asked: str, first: int, last: int, more: dict[str, str]
) -> None:
    status, headers, body, _ = sent(range=asked, **more)
    assert (status, body) == (206, BYTES[first : last + 1])
    assert headers["content-range"] == f"bytes {first}-{last}/10000"
    assert headers["content-length"] == str(last - first + 1)
    assert (headers["etag"], headers["content-type"]) == (TAG, "video/mp4")


@pytest.mark.parametrize(
    "asked",
    [
        {"range": "bytes=0-1,5-6"},
        {"range": "lines=1-2"},
        {"range": "bytes=5-1"},
        {"range": "bytes=0-1", "if_range": '"b.2"'},
        {"range": "bytes=0-1", "if_range": f"W/{TAG}"},
        {"range": "bytes=99999-", "if_range": '"b.2"'},
    ],
)
def test_what_is_no_one_part_of_these_bytes_comes_whole(asked: dict[str, str]) -> None:
    status, headers, body, _ = sent(**asked)
    assert (status, body, "content-range" in headers) == (200, BYTES, False)


@pytest.mark.parametrize(
    ("asked", "status", "headers"),
    [
        ({"range": "bytes=10000-"}, 416, {"Content-Range": "bytes */10000", "Accept-Ranges": "bytes"}),
        ({"if_match": '"b.2"', "range": "bytes=0-1"}, 412, {"ETag": TAG, "Accept-Ranges": "bytes"}),
    ],
)
def test_what_cannot_be_had_is_refused(asked: dict[str, str], status: int, headers: dict[str, str]) -> None:
    with pytest.raises(HTTPException) as caught:
        sent(**asked)
    assert (caught.value.status_code, caught.value.headers) == (status, headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_has_the_bytes_is_sent_none(method: str) -> None:
    status, headers, body, read = sent(method, if_none_match=TAG, range="bytes=0-1")
    assert (status, body, read, headers) == (304, b"", 0, {"etag": TAG, "accept-ranges": "bytes"})
