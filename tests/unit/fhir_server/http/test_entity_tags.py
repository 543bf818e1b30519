"""If-Match compares strongly, If-None-Match weakly, and the first comes first (RFC 9110, 8.8.3.2, 13.1 and 13.2.2)."""

from __future__ import annotations

import pytest

from fhir_server.http.entity_tags import refusal

TAG = b'"b.1"'


@pytest.mark.parametrize(
    ("match", "none_match", "status"),
    [
        (None, None, None),
        (b'"b.1"', None, None),
        (b'"a", "b.1"', None, None),
        (b"*", None, None),
        (b'W/"b.1"', None, 412),
        (b'"b.2"', None, 412),
        (b"b.1", None, 412),
        (None, b'"b.1"', 304),
        (None, b'W/"b.1"', 304),
        (None, b'"a" , W/"b.1"', 304),
        (None, b"*", 304),
        (None, b'"b.2"', None),
        (None, b"", None),
        (b'"b.1"', b'"b.1"', 304),
        (b'"b.2"', b'"b.1"', 412),
    ],
)
def test_what_a_read_is_answered_with(match: bytes | None, none_match: bytes | None, status: int | None) -> None:
    asked = {b"if-match": match, b"if-none-match": none_match}
    assert refusal({name: value for name, value in asked.items() if value is not None}, TAG) == status
