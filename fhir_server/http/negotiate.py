"""Which format a request is in and its answer shall be in (http://hl7.org/fhir/R4/http.html#mime-type).

JSON and XML, under FHIR's own media types and the generic ones; `_format` wins over Accept. `fhirVersion` may be 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from fhir_server.errors import NotAcceptable, UnsupportedMediaType

Format = Literal["json", "xml"]

JSON = "application/fhir+json"
XML = "application/fhir+xml"
FORM = "application/x-www-form-urlencoded"
JSON_PATCH = "application/json-patch+json"

_FORMATS: dict[str, Format] = {
    "application/fhir+json": "json",
    "application/json+fhir": "json",
    "application/json": "json",
    "text/json": "json",
    "json": "json",
    "application/fhir+xml": "xml",
    "application/xml+fhir": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "xml": "xml",
}
_EXPLICIT = frozenset(
    ("application/fhir+json", "application/fhir+xml", "application/json+fhir", "application/xml+fhir")
)
_ANY = frozenset(("*/*", "application/*"))
_VERSIONS = frozenset(("4.0", "4.0.1"))


class Range(NamedTuple):
    """One media range of an Accept header."""

    type: str
    quality: float
    version: str


def response_format(accept: str | None, override: str | None) -> Format:
    """Return the format of the answer: `_format` if given, else the best of Accept, else JSON. Raises NotAcceptable."""
    if override is not None:
        # A plus sign in a query is a space: _format=application/fhir+xml arrives without it.
        type, version = _media_type(override.strip().replace("fhir xml", "fhir+xml").replace("fhir json", "fhir+json"))
        if type in _FORMATS and (not version or version in _VERSIONS):
            return _FORMATS[type]
        raise NotAcceptable(
            f"_format must be json, xml, {JSON} or {XML}, with no fhirVersion other than 4.0.", expression="_format"
        )
    if accept is None or not accept.strip():
        return "json"
    for found in ranges(accept):
        if found.type in _ANY or (found.type == "text/*"):
            return "json"
        if found.type in _FORMATS and (not found.version or found.version in _VERSIONS):
            return _FORMATS[found.type]
    raise NotAcceptable(
        f"Nothing in Accept is a format of this server. It answers with {JSON} and {XML}, fhirVersion 4.0.",
        expression="http.Accept",
    )


@lru_cache(256)
def request_format(content_type: str | None, *, patch: bool = False) -> Format:
    """Return the format of a body by its Content-Type; `patch` says that a JSON Patch would have been taken too.

    Raises UnsupportedMediaType.
    """
    ways = f"{JSON_PATCH}, {JSON} or {XML}" if patch else f"{JSON} or {XML}"
    if content_type is None:
        raise UnsupportedMediaType(
            f"The request has no Content-Type, which says what its body is: send {ways}.",
            expression="http.Content-Type",
        )
    type, version = _media_type(content_type)
    if type not in _FORMATS or "/" not in type:
        raise UnsupportedMediaType(f"This Content-Type is not read here: send {ways}.", expression="http.Content-Type")
    if version and version not in _VERSIONS:
        raise UnsupportedMediaType("This server reads fhirVersion 4.0 only.", expression="http.Content-Type")
    if (charset := parameter(content_type, "charset")) not in ("", "utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(
            f"FHIR is UTF-8 on the wire, not {charset[:40]}: encode the body so and say charset=utf-8.",
            expression="http.Content-Type",
        )
    return _FORMATS[type]


def is_fhir(content_type: str | None) -> bool:
    """Return whether a Content-Type is FHIR's own, so that the body is a resource even where raw content may come."""
    return content_type is not None and _media_type(content_type)[0] in _EXPLICIT


def media_type(content_type: str) -> str:
    """Return a Content-Type without its parameters, in lower case."""
    return _media_type(content_type)[0]


def wants_raw(accept: str | None, override: str | None, content_type: str) -> bool:
    """Return whether a Binary with `content_type` is asked for as its content (http://hl7.org/fhir/R4/binary.html#rest).

    It is, unless FHIR's own types are named before what admits the content.
    """
    if override is not None:
        return False
    own = media_type(content_type)
    for found in ranges(accept or "*/*"):
        if found.type in _EXPLICIT:
            return False
        if found.type in ("*/*", own, own.partition("/")[0] + "/*"):
            return True
    return False


def ranges(accept: str) -> list[Range]:
    """Return the media ranges of an Accept header, best first; what has quality 0 is left out."""
    found = [each for each in _ranges(accept) if each.quality > 0]
    return sorted(found, key=lambda each: (-each.quality, each.type == "*/*"))


def _ranges(accept: str) -> Iterator[Range]:
    for part in accept.split(","):
        if part.strip():
            type, version = _media_type(part)
            yield Range(type, _quality(parameter(part, "q")), version)


def _quality(text: str) -> float:
    try:
        return min(max(float(text or "1"), 0.0), 1.0)
    except ValueError:
        return 0.0


def _media_type(text: str) -> tuple[str, str]:
    type = text.partition(";")[0].strip().lower()
    return type, parameter(text, "fhirversion")


def parameter(text: str, name: str) -> str:
    """Return a media type's parameter in lower case, "" without it."""
    for part in text.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"').lower()
    return ""
