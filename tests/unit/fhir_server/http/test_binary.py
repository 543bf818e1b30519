"""Raw content of Binary (http://hl7.org/fhir/R4/binary.html#rest)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest

from fhir_server.errors import UnsupportedMediaType
from fhir_server.http.binary import describe, in_json, json_length, unwrap
from fhir_server.interactions.call import Content


def test_an_upload_is_described_by_its_type_id_and_security_context() -> None:
    assert describe("application/pdf", "b1", " Patient/1 ") == {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "application/pdf",
        "securityContext": {"reference": "Patient/1"},
    }
    assert describe("application/pdf", None, None) == {"resourceType": "Binary", "contentType": "application/pdf"}


@pytest.mark.parametrize("content_type", [None, "", "pdf", "a/b\r\nx: y", "text/html; \x00"])
def test_a_type_that_is_none_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        describe(content_type, None, None)


@pytest.mark.parametrize(
    ("content_type", "download"),
    [
        ("image/png", False),
        ("text/plain; charset=utf-8", False),
        ("image/svg+xml", True),
        ("text/html", True),
        ("application/pdf", True),
        ("application/xhtml+xml", True),
    ],
)
def test_what_a_browser_would_run_is_a_download(content_type: str, download: bool) -> None:
    content, headers = unwrap(describe(content_type, None, None) | {"data": "AP8="})
    assert content == b"\x00\xff"
    assert headers[0] == (b"content-type", content_type.encode())
    assert ((b"content-disposition", b"attachment") in headers) is download
    assert b"sandbox" in dict(headers)[b"content-security-policy"]


def test_a_stored_type_cannot_smuggle_a_header() -> None:
    _, headers = unwrap({"contentType": "text/html\r\nset-cookie: a=b", "data": ""})
    assert headers[0] == (b"content-type", b"application/octet-stream")


@pytest.mark.parametrize("sizes", [[1], [2], [3], [4, 4, 4], [5, 1, 1], [262144, 262144, 7], [262144, 262143]])
def test_pieces_of_any_size_are_one_base64_text_in_the_json(sizes: list[int]) -> None:
    parts = [bytes([64 + n]) * size for n, size in enumerate(sizes)]

    async def pieces(start: int) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def joined() -> bytes:
        return b"".join([piece async for piece in in_json(body, content)])

    body, content = b'{"resourceType":"Binary"}', Content(sum(sizes), pieces)
    shown = asyncio.run(joined())
    assert len(shown) == json_length(body, content)
    assert json.loads(shown) == {"resourceType": "Binary", "data": base64.b64encode(b"".join(parts)).decode()}
