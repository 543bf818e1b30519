"""One entry of a batch or transaction Bundle: which interaction it asks for, as a Call of its own.

http://hl7.org/fhir/R4/bundle.html and http://hl7.org/fhir/R4/http.html#transaction. URLs are relative to the base, or
absolute below the server's own base.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from fhir_server.errors import BadRequest, NotSupported, Unprocessable
from fhir_server.interactions.call import NO_PRECONDITIONS, Call, Preconditions, Resource
from fhir_server.interactions.conditional import Identity, pairs
from fhir_server.model.compartments import ALL_TYPES, check_type
from fhir_server.model.resource import is_id
from profiles.datatypes.temporal import date_range
from profiles.definitions import is_resource_type

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
JSON_PATCH = "application/json-patch+json"
_PROTOCOL = frozenset({"_format", "_pretty"})
_REQUEST = frozenset({"method", "url", "ifNoneMatch", "ifModifiedSince", "ifMatch", "ifNoneExist"})
_PLAIN = frozenset({"method", "url"})
_SEARCHES = frozenset({("GET", ""), ("HEAD", ""), ("POST", "_search")})
"""How a compartment is searched: method and tail."""
_POSTS = {(True, False, ""): "create", (True, False, "_search"): "search", (False, False, "_search"): "search"}
_ENTRY = frozenset({"fullUrl", "resource", "request", "link", "search", "response"})
_FULL_URL = re.compile(r"[^\s]+")
_ANYWHERE = frozenset({"id", "extension", "modifierExtension"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL below the base points; `tail` is `_history`, `_search`, `metadata`, `$name` or empty.

    `compartment` is the (type, id) of the resource whose compartment it is.
    """

    type: str | None = None
    id: str | None = None
    version: str | None = None
    tail: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    compartment: tuple[str, str] | None = None


@dataclass(slots=True)
class Entry:
    """An entry read: its place in the Bundle, its interaction, its call, and in a transaction what it writes."""

    index: int
    method: str
    interaction: str
    call: Call
    full_url: str | None
    identity: Identity | None = None

    @property
    def name(self) -> str:
        """The FHIRPath of the entry."""
        return f"Bundle.entry[{self.index}]"


def read_entry(call: Call, raw: Any, index: int) -> Entry:
    """Return the entry `raw` at `index`, as part of the Bundle that `call` brought. Raises BadRequest."""
    name = f"Bundle.entry[{index}]"
    if not isinstance(raw, dict):
        raise BadRequest("An entry must be an object with a request.", expression=name)
    request = raw.get("request")
    if not isinstance(request, dict):
        raise BadRequest("The entry has no request: give it a method and a url.", expression=f"{name}.request")
    _known_names(raw, _ENTRY, "Bundle.entry", name)
    _known_names(request, _REQUEST, "Bundle.entry.request", f"{name}.request")
    method, url = request.get("method"), request.get("url")
    if method not in METHODS:
        raise BadRequest(f"The method must be one of {', '.join(METHODS)}.", expression=f"{name}.request.method")
    if not isinstance(url, str):
        raise BadRequest("The request has no url.", expression=f"{name}.request.url")
    full_url = raw.get("fullUrl")
    if full_url is not None and not (isinstance(full_url, str) and _FULL_URL.fullmatch(full_url)):
        raise BadRequest("fullUrl must be an address without blanks.", expression=f"{name}.fullUrl")
    where = address(url, call.services.base, f"{name}.request.url")
    own = Call(
        call.services,
        call.principal,
        call.request_id,
        where.type,
        where.id,
        where.version,
        where.parameters,
        _resource(raw, name),
        call.raw,
        call.media_type,
        NO_PRECONDITIONS if request.keys() <= _PLAIN else _preconditions(request, name, method in ("GET", "HEAD")),
        call.prefer,
        call.transaction,
    )
    own.compartment, own.address = where.compartment, call.address
    interaction = interaction_of(method, where, f"{name}.request")
    if interaction == "patch":
        _patch_body(own, name)
    return Entry(index, method, interaction, own, full_url)


def address(url: str, base: str, name: str) -> Address:
    """Return where `url` points: relative, or absolute below `base`. Raises BadRequest (`name` is the expression)."""
    # Most entries are plain creates and updates: what is nothing but a type and an id needs no parsing.
    type, slash, id = url.partition("/")
    if is_resource_type(type) and (is_id(id) if slash else True):
        return Address(type, id or None)
    if url == base or url.startswith((base + "/", base + "?")):
        url = url[len(base) :]
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadRequest("The url of the request is not a URL.", expression=name) from None
    if parts.scheme or parts.netloc:
        raise BadRequest("The url of the request belongs to another server: make it relative.", expression=name)
    parameters = tuple(p for p in pairs(parts.query) if p[0] not in _PROTOCOL)
    match [unquote(step) for step in parts.path.strip("/").split("/")]:
        case [""]:
            return Address(parameters=parameters)
        case ["metadata" | "_history" | "_search" as tail]:
            return Address(tail=tail, parameters=parameters)
        case [*_, tail] if tail.startswith("$"):
            return Address(tail=tail)
        case [type]:
            return Address(_type(type, name), parameters=parameters)
        case [type, "_history" | "_search" as tail]:
            return Address(_type(type, name), tail=tail, parameters=parameters)
        case [type, id]:
            return Address(_type(type, name), id, parameters=parameters)
        case [type, id, "_history"]:
            return Address(_type(type, name), id, tail="_history", parameters=parameters)
        case [type, id, "_search"]:
            return _inside(type, id, ALL_TYPES, "_search", parameters)
        case [type, id, inside]:
            return _inside(type, id, inside, "", parameters)
        case [type, id, inside, "_search"]:
            return _inside(type, id, inside, "_search", parameters)
        case [type, id, "_history", version]:
            return Address(_type(type, name), id, version, "_history", parameters)
    raise BadRequest("The url of the request is not one of this server: see [base]/metadata.", expression=name)


def _inside(compartment: str, id: str, type: str, tail: str, parameters: tuple[tuple[str, str], ...]) -> Address:
    check_type(compartment, id, type)
    return Address(None if type == ALL_TYPES else type, tail=tail, parameters=parameters, compartment=(compartment, id))


def interaction_of(method: str, where: Address, name: str) -> str:
    """Return the name of the interaction. Raises BadRequest when the method does not go with the URL."""
    if where.tail.startswith("$"):
        raise NotSupported("Operations ($name) are not in this release.", expression=name)
    shape = (where.type is not None, where.id is not None, where.tail)
    found: str | None = None
    if where.compartment is not None:
        found = "search" if (method, where.tail) in _SEARCHES else None
    elif method in ("GET", "HEAD"):
        found = _reading(where, shape)
    elif method == "POST":
        found = _POSTS.get(shape)
    elif shape in ((True, True, ""), (True, False, "")):
        found = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]
    if found is None:
        raise BadRequest(f"{method} does not go with the url of the request.", expression=name)
    return found


def _reading(where: Address, shape: tuple[bool, bool, str]) -> str | None:
    if where.version is not None:
        return "vread"
    if where.tail == "_history":
        return "history"
    if where.tail == "metadata":
        return "capabilities"
    return {(True, True, ""): "read", (True, False, ""): "search", (False, False, ""): "search"}.get(shape)


def _type(name: str, expression: str) -> str:
    if not is_resource_type(name):
        raise BadRequest("The url of the request names no R4 resource type.", expression=expression)
    return name


def _known_names(given: Mapping[str, Any], known: Set[str], what: str, name: str) -> None:
    """Refuse what is no element of an entry or its request: a misspelt ifNoneExist would write twice without a word."""
    for key in given:
        if key not in known and key not in _ANYWHERE and key.removeprefix("_") not in known:
            raise BadRequest(
                f"{what} has no such element. It has: {', '.join(sorted(known))}.", expression=name, code="structure"
            )


def _resource(raw: Mapping[str, Any], name: str) -> Resource | None:
    resource = raw.get("resource")
    if resource is None:
        return None
    if not isinstance(resource, dict):
        raise BadRequest("resource must be an object.", expression=f"{name}.resource", code="structure")
    return resource


def _preconditions(request: Mapping[str, Any], name: str, reading: bool) -> Preconditions:
    values: dict[str, str | None] = {}
    for key in ("ifMatch", "ifNoneMatch", "ifNoneExist", "ifModifiedSince"):
        value = request.get(key)
        if value is not None and not (isinstance(value, str) and value):
            raise BadRequest(f"{key} must be a string with a value.", expression=f"{name}.request.{key}")
        values[key] = value
    since = values["ifModifiedSince"]
    return Preconditions(
        if_match=version_id(values["ifMatch"]),
        if_none_match=_none_match(values["ifNoneMatch"], name, reading),
        if_none_exist=values["ifNoneExist"],
        if_modified_since=None if since is None else _instant(since, name),
    )


def _none_match(etags: str | None, name: str, reading: bool) -> str | None:
    """Return the version id, on a read several separated by commas. Raises BadRequest for several on a write."""
    if etags is None or "," not in etags:
        return version_id(etags)
    if not reading:
        raise BadRequest("ifNoneMatch of a write must be one ETag, or *.", expression=f"{name}.request.ifNoneMatch")
    return ",".join(version_id(etag) or "" for etag in etags.split(","))


def _instant(text: str, name: str) -> int:
    try:
        return date_range(text)[0]
    except ValueError:
        raise BadRequest(
            "ifModifiedSince must be an instant such as 2024-05-01T09:30:00Z.",
            expression=f"{name}.request.ifModifiedSince",
        ) from None


def version_id(etag: str | None) -> str | None:
    """Return the version id of an ETag such as `W/"2"`; `*` and a bare id stay as they are."""
    if etag is None:
        return None
    return etag.strip().removeprefix("W/").strip('"')


def _patch_body(call: Call, name: str) -> None:
    """A JSON Patch travels in a Bundle as the data of a Binary; a FHIRPath Patch is a Parameters resource."""
    resource = call.resource
    if resource is None or resource.get("resourceType") != "Binary":
        return
    if resource.get("contentType") != JSON_PATCH:
        raise Unprocessable(
            f"A patch in a Bundle is a Parameters resource, or a Binary with contentType {JSON_PATCH}.",
            expression=f"{name}.resource.contentType",
        )
    try:
        call.raw = base64.b64decode(str(resource.get("data", "")), validate=False)
    except binascii.Error:
        raise BadRequest("The data of the Binary is not base64.", expression=f"{name}.resource.data") from None
    call.media_type, call.resource = JSON_PATCH, None
