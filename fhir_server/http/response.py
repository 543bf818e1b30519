"""A `Result` as status, headers and bytes (http://hl7.org/fhir/R4/http.html#2.21.0.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from msgspec import Struct

from fhir_server.http import binary
from fhir_server.http.headers import Headers
from fhir_server.http.negotiate import Format
from fhir_server.http.ranges import byte_range, cut
from fhir_server.interactions.call import NO_PREFERENCE, Prefer, Result
from fhir_server.model import fhir_json
from fhir_server.model.issues import operation_outcome
from fhir_server.model.resource import http_date
from profiles.issues import Issue

Header = tuple[bytes, bytes]

# On every answer. Nothing may be kept by a cache, so no answer needs to say what it varies with.
_ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
_HTTPS_ONLY: Header = (b"strict-transport-security", b"max-age=31536000")

# On what a browser may show as a document or embed in one: XML, pages, raw content. With `nosniff`, JSON it never does,
# and each header costs a read 1 to 3 %.
DOCUMENT: tuple[Header, ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

_TYPE: dict[Format, Header] = {
    "json": (b"content-type", b"application/fhir+json; charset=utf-8"),
    "xml": (b"content-type", b"application/fhir+xml; charset=utf-8"),
}
_WITHOUT_BODY = frozenset((204, 304))
_WRITING = frozenset(("create", "update", "patch", "delete"))


def security(*, https: bool) -> tuple[Header, ...]:
    """Return the headers of every answer; `https` says that clients reach the server so, and shall in no other way."""
    return (*_ALWAYS, _HTTPS_ONLY) if https else _ALWAYS


class Wanted(Struct, frozen=True):
    """How the answer shall look: for which interaction, in what format, and what Prefer asks for."""

    name: str
    method: str
    format: Format
    pretty: bool = False
    prefer: Prefer = NO_PREFERENCE


@dataclass(slots=True)
class Answer:
    """What goes out, Content-Length and the headers of every answer not yet among it.

    With a `stream` that is the body, of `length` bytes.
    """

    status: int
    headers: list[Header]
    body: bytes
    stream: AsyncIterator[bytes] | None = None
    length: int = 0


def render(result: Result, wanted: Wanted, base: str) -> Answer:
    """Return the answer that tells `result`; `base` is what its location is relative to."""
    status = result.status
    headers: list[Header] = []
    body = b""
    content = _content(result, wanted)
    if content is not None:
        status = 200 if status == 204 else status
        body = encode(content, wanted.format, wanted.pretty)
        headers.append(_TYPE[wanted.format])
        if wanted.format == "xml":
            headers += DOCUMENT
    if result.version is not None:
        headers.append((b"etag", b'W/"%b"' % result.version.encode()))
    if result.time is not None:
        headers.append((b"last-modified", http_date(result.time).encode()))
    if result.location is not None:
        name = b"location" if wanted.method == "POST" or status == 201 else b"content-location"
        headers.append((name, f"{base}/{result.location}".encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in result.headers.items()]
    return Answer(status, headers, body)


def render_stored(result: Result) -> Answer:
    """Return the answer to a read whose stored bytes go out as they are."""
    assert result.version is not None
    assert result.time is not None
    assert result.body is not None
    etag = b'W/"%b"' % result.version.encode()
    modified = http_date(result.time).encode()
    return Answer(200, [_TYPE["json"], (b"etag", etag), (b"last-modified", modified)], result.body)


def render_searchset(body: bytes) -> Answer:
    """Return the answer to a search, a Bundle that goes out as it is."""
    return Answer(200, [_TYPE["json"]], body)


def render_raw(result: Result, resource: dict[str, Any], asked: Headers) -> Answer:
    """Return the answer that is the content of the Binary in `result`, or the part of it that `asked` names.

    `resource` is that Binary parsed, without the content when that is beside it.
    """
    content, headers = binary.unwrap(resource)
    answer = render(Result(result.status, version=result.version, time=result.time), Wanted("read", "GET", "json"), "")
    length = len(content) if result.content is None else result.content.length
    wanted = byte_range(asked, length)
    if wanted is not None and not wanted:
        return _unsatisfiable(length)
    bounds = range(length) if wanted is None else wanted
    answer.headers = [*headers, *answer.headers, (b"accept-ranges", b"bytes")]
    if wanted is not None:
        answer.status = 206
        answer.headers.append((b"content-range", b"bytes %d-%d/%d" % (bounds[0], bounds[-1], length)))
    if result.content is None:
        answer.body = content[bounds.start : bounds.stop]
    else:
        answer.stream, answer.length = cut(result.content.pieces(bounds.start), len(bounds)), len(bounds)
    return answer


def _unsatisfiable(length: int) -> Answer:
    """Return the answer to a Range beyond the content's end (RFC 9110, 15.5.17)."""
    issue = Issue("error", "invalid", f"The Range asks for bytes beyond the {length} there are.", "http.Range")
    answer = render(Result(416, resource=operation_outcome([issue])), Wanted("read", "GET", "json"), "")
    answer.headers.append((b"content-range", b"bytes */%d" % length))
    return answer


async def render_beside(result: Result, wanted: Wanted, base: str) -> Answer:
    """Return the answer that tells `result`, a Binary whose content is beside it, as FHIR with the content in it."""
    content = result.content
    if content is None or (wanted.name in _WRITING and wanted.prefer.returns != "representation"):
        return render(result, wanted, base)
    if wanted.format == "json" and not wanted.pretty:
        answer = render(result, wanted, base)
        answer.stream, answer.length = binary.in_json(answer.body, content), binary.json_length(answer.body, content)
        return answer
    assert result.body is not None
    whole = b"".join([piece async for piece in binary.in_json(result.body, content)])
    return render(replace(result, body=whole, content=None), wanted, base)


def encode(content: bytes | dict[str, Any], format: Format, pretty: bool) -> bytes:
    """Return a resource, as JSON bytes or a dict, in the format asked for."""
    if format == "json":
        if isinstance(content, bytes):
            return fhir_json.encode_pretty(fhir_json.parse(content)) if pretty else content
        return fhir_json.encode_pretty(content) if pretty else fhir_json.encode(content)
    from fhir_server.model.fhir_xml import encode_xml

    return encode_xml(fhir_json.parse(content) if isinstance(content, bytes) else content, pretty=pretty)


def _content(result: Result, wanted: Wanted) -> bytes | dict[str, Any] | None:
    if wanted.name in _WRITING:
        if wanted.prefer.returns == "minimal":
            return None
        if wanted.prefer.returns == "OperationOutcome":
            return operation_outcome(result.issues)
    if result.status in _WITHOUT_BODY:
        return None
    return result.resource if result.body is None else result.body
