"""Request headers read into plain values (http://hl7.org/fhir/R4/http.html#Http-Headers)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import NO_PRECONDITIONS, NO_PREFERENCE, Preconditions, Prefer, Return
from fhir_server.model.resource import parse_http_date

Headers = Mapping[bytes, bytes]
Pairs = Iterable[tuple[bytes, bytes]]

_ETAG = re.compile(rb'(?:W/)?"([A-Za-z0-9\-.]{1,64})"')
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:\-]{1,64}")
_RETURNS = {"minimal": "minimal", "representation": "representation", "operationoutcome": "OperationOutcome"}
_CONDITIONAL = frozenset((b"if-match", b"if-none-match", b"if-none-exist", b"if-modified-since"))


def collect(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by lower-case name; a repeated one is joined by a comma, as RFC 9110 reads it."""
    headers = dict(pairs)
    if len(headers) != len(pairs):
        headers = {}
        for name, value in pairs:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def text_of(headers: Headers, name: bytes) -> str | None:
    """Return a header as text, None without it."""
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def own_request_id(headers: Headers) -> str | None:
    """Return the request id that the client chose, None when it chose none or one that is not fit for a log."""
    value = headers.get(b"x-request-id")
    return value.decode() if value is not None and _REQUEST_ID.fullmatch(value) else None


def preconditions(headers: Headers, *, reading: bool) -> Preconditions:
    """Return the conditional headers. Raises BadRequest for an If-Match or If-None-Match that cannot be read.

    On a read If-None-Match may name several versions; what is unreadable matches nothing, so that the answer is whole.
    """
    if _CONDITIONAL.isdisjoint(headers):
        return NO_PRECONDITIONS
    since = text_of(headers, b"if-modified-since")
    exist = headers.get(b"if-none-exist")
    return Preconditions(
        if_match=None if reading else _version(headers.get(b"if-match"), "If-Match"),
        if_none_match=_known(headers.get(b"if-none-match"))
        if reading
        else _version(headers.get(b"if-none-match"), "If-None-Match"),
        if_none_exist=None if exist is None else _criteria(exist),
        if_modified_since=None if since is None else parse_http_date(since),
    )


def _version(value: bytes | None, name: str) -> str | None:
    if value is None:
        return None
    value = value.strip()
    if value == b"*":
        return "*"
    found = _ETAG.fullmatch(value)
    if found is None:
        raise BadRequest(
            f'{name} must be one ETag as the server sent it, such as W/"3", or *.', expression=f"http.{name}"
        )
    return found[1].decode()


def _known(value: bytes | None) -> str | None:
    if value is None:
        return None
    return "*" if value.strip() == b"*" else ",".join(found.decode() for found in _ETAG.findall(value))


def _criteria(value: bytes) -> str:
    try:
        return value.strip().decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("If-None-Exist is not UTF-8: percent-encode its values.") from None


def prefer(headers: Headers) -> Prefer:
    """Return the Prefer header; what is unknown in it is ignored, as RFC 7240 demands."""
    value = headers.get(b"prefer")
    if value is None:
        return NO_PREFERENCE
    returns: Return | None = None
    lenient = False
    for preference in value.decode("latin-1").replace(";", ",").split(","):
        name, _, wanted = preference.partition("=")
        name, wanted = name.strip().lower(), wanted.strip().strip('"').lower()
        if name == "return" and wanted in _RETURNS:
            returns = cast(Return, _RETURNS[wanted])
        elif name == "handling":
            lenient = wanted == "lenient"
    return Prefer(returns, lenient)
