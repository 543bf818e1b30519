"""Raw content in and out of Binary (http://hl7.org/fhir/R4/binary.html#rest).

Content never runs in the server's own origin: it is sandboxed, its type is not guessed, and what a browser would
execute is offered as a download.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from fhir_server.errors import Unprocessable, UnsupportedMediaType
from fhir_server.http.negotiate import media_type

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+\-]+/[A-Za-z0-9!#$&^_.+\-]+( ?; ?[^\x00-\x1f\x7f-\uffff]+)?")
_PASSIVE = ("image/", "audio/", "video/")
_HARMLESS = frozenset(("text/plain", "application/dicom", "application/octet-stream", "application/json"))

_SANDBOX: list[tuple[bytes, bytes]] = [
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
_DOWNLOAD = (b"content-disposition", b"attachment")

Header = tuple[bytes, bytes]


def wrap(raw: bytes, content_type: str | None, id: str | None, security_context: str | None) -> dict[str, Any]:
    """Return the Binary that holds `raw`. Raises UnsupportedMediaType without a usable Content-Type."""
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
    if raw:
        resource["data"] = base64.b64encode(raw).decode()
    return resource


def unwrap(resource: dict[str, Any]) -> tuple[bytes, list[Header]]:
    """Return the content of a Binary and the headers it travels with. Raises Unprocessable when it is not base64."""
    content_type = str(resource.get("contentType") or "application/octet-stream")
    if not _MEDIA_TYPE.fullmatch(content_type):
        content_type = "application/octet-stream"
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


def _is_passive(type: str) -> bool:
    return type in _HARMLESS or (type.startswith(_PASSIVE) and type != "image/svg+xml")
