"""Bundles assembled from bytes (http://hl7.org/fhir/R4/bundle.html).

A stored body is JSON already: it is embedded as it is, never parsed. Who needs a Bundle as a dict, or as XML, parses
the result. Entries are made by `search_entries`, `outcome_entry`, `history_entry` or `response_entry`; `searchset`,
`history` and `response` put entries together. An entry begins with the comma that parts it from the one before, so that
it can be several pieces and each body is copied once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote

from fhir_server.model.fhir_json import encode
from fhir_server.model.issues import operation_outcome
from fhir_server.model.resource import instant
from profiles.issues import Issue

SearchMode = Literal["match", "include", "outcome"]
ResponseType = Literal["transaction-response", "batch-response"]
Link = tuple[str, str]

_REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}
_SAFE = ",:/$"
_MODE = {mode: b',"search":{"mode":"%s"}}' % mode.encode() for mode in ("match", "include", "outcome")}


def url_with(url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return `url` with `parameters` as its query, percent-encoded, names repeated where given so."""
    query = "&".join([_pair(name, value) for name, value in parameters])
    return f"{url}?{query}" if query else url


@lru_cache(maxsize=4096)
def _pair(name: str, value: str) -> str:
    return f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}"


def search_entries(
    base: str, keys: Iterable[tuple[str, str]], bodies: Iterable[bytes], mode: SearchMode = "match"
) -> list[bytes]:
    """Return the entries of a searchset with the resources `bodies`, in pieces; `keys` are their types and ids below
    `base`.
    """
    end, pieces = _MODE[mode], list[bytes]()
    openings: dict[str, bytes] = {}
    for (type, id), body in zip(keys, bodies, strict=True):
        opening = openings.get(type) or openings.setdefault(type, _opening(base, type))
        # An id has no character that JSON would escape.
        pieces += (opening, id.encode(), b'","resource":', body, end)
    return pieces


@lru_cache(maxsize=1024)
def _opening(base: str, type: str) -> bytes:
    """Return how an entry begins, up to the id that ends its URL."""
    return b',{"fullUrl":' + encode(f"{base}/{type}/")[:-1]


def search_entry(full_url: str | None, body: bytes, mode: SearchMode = "match") -> bytes:
    """Return an entry of a searchset with the resource `body`; `full_url` None leaves that out."""
    beginning = b",{" if full_url is None else b',{"fullUrl":' + encode(full_url) + b","
    return beginning + b'"resource":' + body + _MODE[mode]


def outcome_entry(issues: Sequence[Issue]) -> bytes:
    """Return the entry of a searchset that tells of `issues` (a truncated include, an ignored parameter)."""
    return b',{"resource":' + encode(operation_outcome(issues)) + _MODE["outcome"]


def history_entry(base: str, type: str, id: str, number: int, time: int, method: str, body: bytes) -> bytes:
    """Return the entry of one version; `time` in microseconds, `body` empty for a tombstone (`method` DELETE)."""
    resource = b',"resource":' + body if body and method != "DELETE" else b""
    url = type if method == "POST" else f"{type}/{id}"
    status = "204 No Content" if method == "DELETE" else "201 Created" if number == 1 else "200 OK"
    facts = {
        "request": {"method": method, "url": url},
        "response": {"status": status, "etag": f'W/"{number}"', "lastModified": instant(time)},
    }
    return b',{"fullUrl":' + encode(f"{base}/{type}/{id}") + resource + b"," + encode(facts)[1:]


def response_entry(
    status: int,
    *,
    full_url: str | None = None,
    body: bytes | None = None,
    location: str | None = None,
    version: str | None = None,
    time: int | None = None,
    outcome: dict[str, Any] | None = None,
) -> bytes:
    """Return the entry that answers one request of a transaction or batch.

    `body` is the JSON of the resource to show, `version` its version id, `time` when it was written (microseconds),
    `outcome` an OperationOutcome about the request.
    """
    response: dict[str, Any] = {"status": f"{status} {_REASONS.get(status, '')}".rstrip()}
    if location is not None:
        response["location"] = location
    if version is not None:
        response["etag"] = f'W/"{version}"'
    if time is not None:
        response["lastModified"] = instant(time)
    if outcome is not None:
        response["outcome"] = outcome
    parts = [b'"fullUrl":' + encode(full_url)] if full_url is not None else []
    if body:
        parts.append(b'"resource":' + body)
    parts.append(b'"response":' + encode(response))
    return b",{" + b",".join(parts) + b"}"


def searchset(total: int | None, links: Sequence[Link], entries: Iterable[bytes]) -> bytes:
    """Return a searchset Bundle; `total` None leaves it out, `links` are (relation, url)."""
    return _bundle("searchset", total, links, entries)


def history(total: int | None, links: Sequence[Link], entries: Iterable[bytes]) -> bytes:
    """Return a history Bundle."""
    return _bundle("history", total, links, entries)


def response(type: ResponseType, entries: Iterable[bytes], links: Sequence[Link] = ()) -> bytes:
    """Return the Bundle that answers a transaction or batch, its entries in the order of the request's."""
    return _bundle(type, None, links, entries)


def _bundle(type: str, total: int | None, links: Sequence[Link], entries: Iterable[bytes]) -> bytes:
    head = b'{"resourceType":"Bundle","type":"%s"' % type.encode()
    if total is not None:
        head += b',"total":%d' % total
    if links:
        head += b',"link":' + encode([{"relation": relation, "url": url} for relation, url in links])
    pieces = list(entries)
    if not pieces:
        return head + b"}"
    pieces[0] = pieces[0][1:]
    return b"".join((head, b',"entry":[', *pieces, b"]}"))
