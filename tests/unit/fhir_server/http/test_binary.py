"""Raw content of Binary (http://hl7.org/fhir/R4/binary.html#rest)."""

from __future__ import annotations

import pytest

from fhir_server.errors import UnsupportedMediaType
from fhir_server.http.binary import unwrap, wrap


def test_content_is_wrapped_with_its_type_id_and_security_context() -> None:
    assert wrap(b"\x00\xff", "application/pdf", "b1", "Patient/1") == {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "application/pdf",
        "securityContext": {"reference": "Patient/1"},
        "data": "AP8=",
    }


@pytest.mark.parametrize("content_type", [None, "", "pdf", "a/b\r\nx: y", "text/html; \x00"])
def test_a_type_that_is_none_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        wrap(b"x", content_type, None, None)


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
    content, headers = unwrap(wrap(b"x", content_type, None, None))
    assert content == b"x"
    assert headers[0] == (b"content-type", content_type.encode())
    assert ((b"content-disposition", b"attachment") in headers) is download
    assert b"sandbox" in dict(headers)[b"content-security-policy"]


def test_a_stored_type_cannot_smuggle_a_header() -> None:
    _, headers = unwrap({"contentType": "text/html\r\nset-cookie: a=b", "data": ""})
    assert headers[0] == (b"content-type", b"application/octet-stream")
