"""The answer to what is no HTTP request, so that nobody further in is ever asked: an OperationOutcome like any other.

It is a whole response, head and body, after which the connection is closed.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fhir_server.model.fhir_json import encode
from fhir_server.model.issues import operation_outcome
from profiles.issues import Issue

URL_MAX = 64 * 1024 - 1
"""Bytes that the path and query of a request may have: the most that they can be told apart in."""

Fault = Literal["url", "method", "other"]

_FAULTS: dict[Fault, tuple[HTTPStatus, Issue]] = {
    "url": (
        HTTPStatus.REQUEST_URI_TOO_LONG,
        Issue(
            "error",
            "too-long",
            f"The URL has more than {URL_MAX} bytes. Send a search by POST [base]/[type]/_search, with its parameters "
            "as the form in the body.",
        ),
    ),
    "method": (
        HTTPStatus.BAD_REQUEST,
        Issue(
            "error",
            "not-supported",
            "The request does not begin with a method of HTTP: see [base]/metadata for what this server does, and that "
            "no TLS is spoken to a plain port.",
        ),
    ),
    "other": (
        HTTPStatus.BAD_REQUEST,
        Issue(
            "error",
            "structure",
            "This is no HTTP/1.1 request: see that the request line and the headers are well formed and not too large.",
        ),
    ),
}


def unreadable(fault: Fault) -> bytes:
    """Return the response to a request that could not be read, for its `fault`."""
    status, issue = _FAULTS[fault]
    body = encode(operation_outcome([issue]))
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/fhir+json; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
