"""A request as a `Call` of plain values."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.errors import BadRequest, UnsupportedMediaType
from fhir_server.http import binary, negotiate
from fhir_server.http.body import Receive, read_body, stream_body
from fhir_server.http.headers import Headers, preconditions, prefer, text_of
from fhir_server.http.query import Query, parse_query
from fhir_server.http.routes import Match
from fhir_server.http.spool import Spool
from fhir_server.interactions.binary import SHORT
from fhir_server.interactions.call import Call, Content, Principal, Services
from fhir_server.model import fhir_json
from fhir_server.operations.registry import OPERATIONS

_WITH_BODY = frozenset(("create", "update", "patch", "bundle"))
_RAW = frozenset(("create", "update", "read", "vread"))
_SECURITY_CONTEXT = b"x-security-context"


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bytes: `bundle` for Bundles at the base, `binary` for raw content, `body` for everything else."""

    body: int = 16 * 1024 * 1024
    bundle: int = 256 * 1024 * 1024
    binary: int = 256 * 1024 * 1024


@dataclass(slots=True)
class Incoming:
    """A request whose route is known; `spool` holds what a raw upload brought, and is closed by whoever answers."""

    method: str
    match: Match
    headers: Headers
    query: Query
    receive: Receive
    request_id: str
    address: str = ""
    spool: Spool | None = None


def called(incoming: Incoming, services: Services, principal: Principal) -> Call:
    """Return the call that a URL asks for: who asks for what, without what the headers and the body say of it."""
    match = incoming.match
    call = Call(services, principal, incoming.request_id, match.type, match.id, match.version, incoming.query.pairs)
    call.compartment, call.address = match.compartment, incoming.address
    call.method = match.route.method
    call.protocol = incoming.query.protocol
    return call


async def fill_call(call: Call, incoming: Incoming, limits: BodyLimits) -> None:
    """Take into `call` what headers and body say. Raises the refusal of whatever cannot be read in them."""
    match, headers = incoming.match, incoming.headers
    name = match.route.name
    call.preconditions = preconditions(headers, reading=match.route.method == "GET")
    call.prefer = prefer(headers)
    if match.type == "Binary" and name in _RAW:
        if name not in _WITH_BODY:
            call.streams = True
        elif not negotiate.is_fhir(text_of(headers, b"content-type")):
            await _put_raw(call, incoming, limits.binary)
            return
    if name in _WITH_BODY:
        body = await read_body(incoming.receive, headers, limits.bundle if name == "bundle" else limits.body)
        _put_body(call, name, body, headers)
    elif name[:1] == "$" and _is_raw(name, headers):
        await _spool(call, incoming, limits.binary)
    elif name[:1] == "$":
        body = await read_body(incoming.receive, headers, limits.body) if match.route.method == "POST" else b""
        if body:
            put = _put_raw_body if OPERATIONS[name[1:]].judges else _put_body
            put(call, name, body, headers)
    elif match.route.method == "POST":
        await _put_form(call, incoming, limits.body)


def _put_body(call: Call, name: str, body: bytes, headers: Headers) -> None:
    content_type = text_of(headers, b"content-type")
    if name == "patch" and content_type is not None and _patch(call, body, content_type):
        return
    if negotiate.request_format(content_type, patch=name == "patch") == "xml":
        call.media_type = negotiate.XML
        call.resource = _from_xml(body)
    else:
        call.resource = _object(fhir_json.parse(body))


def _put_raw_body(call: Call, _: str, body: bytes, headers: Headers) -> None:
    """Leave a body as it came to an operation that judges it; what says that it is FHIR must be there all the same."""
    format = negotiate.request_format(text_of(headers, b"content-type"))
    call.raw, call.media_type = body, negotiate.XML if format == "xml" else negotiate.JSON


def _is_raw(name: str, headers: Headers) -> bool:
    """Return whether the body of the operation `$name` is taken as it is."""
    content_type = text_of(headers, b"content-type")
    return content_type is not None and negotiate.media_type(content_type) in OPERATIONS[name[1:]].raw


async def _spool(call: Call, incoming: Incoming, limit: int) -> None:
    incoming.spool = spool = Spool()
    await spool.fill(stream_body(incoming.receive, incoming.headers, limit))
    call.content = Content(spool.length, spool.pieces)


async def _put_raw(call: Call, incoming: Incoming, limit: int) -> None:
    """Take raw content beside the Binary that describes it; what is short goes into it, as it is kept there too."""
    headers = incoming.headers
    call.resource = binary.describe(text_of(headers, b"content-type"), call.id, text_of(headers, _SECURITY_CONTEXT))
    if call.prefer.returns is None:
        call.prefer = replace(call.prefer, returns="minimal")
    incoming.spool = spool = Spool()
    await spool.fill(stream_body(incoming.receive, headers, limit))
    if spool.length > SHORT:
        call.content = Content(spool.length, spool.pieces)
    elif spool.length:
        call.resource["data"] = base64.b64encode(b"".join([piece async for piece in spool.pieces(0)])).decode()


def _patch(call: Call, body: bytes, content_type: str) -> bool:
    """Take a JSON Patch as it came; whatever else patches is a resource (FHIRPath Patch)."""
    type = negotiate.media_type(content_type)
    if type == "application/xml-patch+xml":
        raise UnsupportedMediaType(
            f"XML Patch is not taken here: send {negotiate.JSON_PATCH}, or a FHIRPath Patch as a Parameters resource.",
            expression="http.Content-Type",
        )
    if type != negotiate.JSON_PATCH:
        return False
    call.raw, call.media_type = body, type
    return True


def _from_xml(body: bytes) -> dict[str, Any]:
    # lxml is loaded when the first XML comes: a server that only speaks JSON starts sooner without it.
    from fhir_server.model.fhir_xml import parse_xml

    return parse_xml(body)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest("The body must be one JSON object with a resourceType.", code="structure")
    if not isinstance(value.get("resourceType"), str):
        raise BadRequest(
            "The body has no resourceType: it says which resource this is, such as Patient.",
            expression="resourceType",
            code="structure",
        )
    return value


async def _put_form(call: Call, incoming: Incoming, limit: int) -> None:
    """A search by POST: its parameters are those of the form together with those of the URL."""
    body = await read_body(incoming.receive, incoming.headers, limit)
    content_type = text_of(incoming.headers, b"content-type")
    if body and (content_type is None or negotiate.media_type(content_type) != negotiate.FORM):
        raise UnsupportedMediaType(f"_search takes {negotiate.FORM}.", expression="http.Content-Type")
    form = parse_query(body.strip(), "The form")
    incoming.query = Query(
        (*incoming.query.pairs, *form.pairs), form.format or incoming.query.format, form.pretty or incoming.query.pretty
    )
    call.parameters, call.protocol = incoming.query.pairs, incoming.query.protocol
