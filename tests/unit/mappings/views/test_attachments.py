"""Files of a record: what they may be called in a header."""

from __future__ import annotations

import pytest

from mappings.views.attachments import is_media_type


@pytest.mark.parametrize(
    "text",
    [
        "application/pdf",
        "text/plain; charset=utf-8",
        "image/svg+xml",
        'text/plain;charset="utf-8"',
        'application/x; title="a b; \\"c\\"" ; n=1',
        "application/vnd.a&b!c",
    ],
)
def test_a_media_type_fits_into_a_header(text: str) -> None:
    assert is_media_type(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "pdf",
        "text/html\nX: y",
        "text/html\r\nX: y",
        "text/é",
        "text/plain\n",
        "image/*",
        'a/b; c="',
        'a/b; c="\n"',
        'a/b; c="  "',
    ],
)
def test_what_fits_into_no_header_is_no_media_type(text: str | None) -> None:
    assert not is_media_type(text)
