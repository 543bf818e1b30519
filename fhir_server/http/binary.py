"""Raw content in and out of Binary (http://hl7.org/fhir/R4/binary.html#rest).

Content never runs in the server's own origin: it is sandboxed, its type is not guessed, and what a browser would
execute is offered as a download.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator
from typing import Any

from fhir_server.errors import Unprocessable, UnsupportedMediaType
from fhir_server.http.negotiate import media_type
from fhir_server.interactions.call import Content

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+\-]+/[A-Za-z0-9!#$&^_.+\-]+( ?; ?[^\x00-\x1f\x7f-\uffff]+)?")
_PASSIVE = ("image/", "audio/", "video/")
_HARMLESS = frozenset(("text/plain", "application/dicom", "application/octet-stream", "application/json"))

_SANDBOX: list[tuple[bytes, bytes]] = [
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_DOWNLOAD = (b"content-disposition", b"attachment")

_DATA, _END = b',"data":"', b'"}'

Header = tuple[bytes, bytes]


def describe(content_type: str | None, id: str | None, security_context: str | None) -> dict[str, Any]:
    """Return the Binary of a raw upload but for its data. Raises UnsupportedMediaType without a usable Content-Type."""
    content_type = (content_type or "").strip()
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise UnsupportedMediaType(
            "Raw content needs a Content-Type that says what it is, such as application/pdf.",
            expression="http.Content-Type",
        )
    resource: dict[str, Any] = {"resourceType": "Binary"}
    if id is not None:
        resource["id"] = id
    resource["contentType"] = content_type
    if security_context:
        resource["securityContext"] = {"reference": security_context.strip()}
    return resource


def content_type_of(resource: dict[str, Any]) -> str:
    """Return the type of a Binary's content; what could not stand in a header is `application/octet-stream`."""
    content_type = str(resource.get("contentType") or "")
    return content_type if _MEDIA_TYPE.fullmatch(content_type) else "application/octet-stream"


def unwrap(resource: dict[str, Any]) -> tuple[bytes, list[Header]]:
    """Return the content of a Binary and the headers it travels with. Raises Unprocessable when it is not base64."""
    content_type = content_type_of(resource)
    try:
        content = base64.b64decode(str(resource.get("data") or ""))
    except (binascii.Error, ValueError):
        raise Unprocessable("The data of this Binary is not base64: ask for it as FHIR.") from None
    headers: list[Header] = [(b"content-type", content_type.encode()), *_SANDBOX]
    context = resource.get("securityContext")
    if isinstance(context, dict) and isinstance(context.get("reference"), str):
        headers.append((b"x-security-context", context["reference"].encode("ascii", "ignore")))
    if not _is_passive(media_type(content_type)):
        headers.append(_DOWNLOAD)
    return content, headers


def json_length(body: bytes, content: Content) -> int:
    """Return the bytes that `in_json` yields."""
    return len(body) - 1 + len(_DATA) + (content.length + 2) // 3 * 4 + len(_END)


async def in_json(body: bytes, content: Content) -> AsyncIterator[bytes]:
    """Yield the JSON of a Binary with `content` put into it as its data."""
    yield body[:-1] + _DATA
    rest = b""
    async for piece in content.pieces(0):
        data = rest + piece
        # Three bytes are four characters: what is left over begins the next piece.
        whole = len(data) // 3 * 3
        rest = data[whole:]
        yield base64.b64encode(memoryview(data)[:whole])
    yield base64.b64encode(rest) + _END


def _is_passive(type: str) -> bool:
    return type in _HARMLESS or (type.startswith(_PASSIVE) and type != "image/svg+xml")
