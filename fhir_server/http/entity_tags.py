"""Preconditions by the strong entity tag of what is asked for (RFC 9110, 13.1.1 and 13.1.2)."""

from __future__ import annotations

import re

from fhir_server.http.headers import Headers

_TAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def refusal(headers: Headers, tag: bytes) -> int | None:
    """Return the status that a read is answered with in place of its content: 412, 304, or None for none of them."""
    wanted, known = headers.get(b"if-match"), headers.get(b"if-none-match")
    if wanted is not None and not _lists(wanted, tag, weakly=False):
        return 412
    return 304 if known is not None and _lists(known, tag, weakly=True) else None


def _lists(value: bytes, tag: bytes, *, weakly: bool) -> bool:
    found = _TAG.findall(value)
    return value.strip() == b"*" or any(each == tag and (weakly or not weak) for weak, each in found)
