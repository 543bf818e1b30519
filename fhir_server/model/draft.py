"""A resource written before its version is known: everything heavy is done, and the version's own facts go in as bytes.

`stamped` gives what a stored resource looks like: resourceType, id and meta first, in this order, and the client's own
meta behind versionId and lastUpdated (http://hl7.org/fhir/R4/resource.html#Meta).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_server.model.fhir_json import encode

_SERVER_META = ("versionId", "_versionId", "lastUpdated", "_lastUpdated")


def draft(resource: Mapping[str, Any]) -> bytes:
    """Return the JSON of `resource` from behind `meta.lastUpdated` to its end; the input is not changed."""
    rest = dict(resource)
    meta = rest.pop("meta", None)
    rest.pop("resourceType", None)
    rest.pop("id", None)
    own = encode({name: value for name, value in meta.items() if name not in _SERVER_META}) if meta else b"{}"
    head = b"}" if own == b"{}" else b"," + own[1:]
    return head + b"," + encode(rest)[1:] if rest else head + b"}"


def headed(type: str, id: str, resource: dict[str, Any]) -> dict[str, Any]:
    """Return `resource` as `type`/`id`, with resourceType, id and meta first; the input is not changed."""
    first: dict[str, Any] = {"resourceType": type, "id": id}
    if "meta" in resource:
        first["meta"] = resource["meta"]
    return first | resource | {"id": id}


def cut(text: bytes, resource: Mapping[str, Any]) -> bytes:
    """Return the draft of a valid `resource` made by `headed`, whose JSON is `text`: a part of that, mostly."""
    start = len(resource["resourceType"]) + len(resource["id"]) + _HEAD
    meta = resource.get("meta")
    if meta is None:
        return b"}" + text[start:]
    if any(name in meta for name in _SERVER_META):
        return draft(resource)
    return b"," + text[start + _META :]


_HEAD = len('{"resourceType":"","id":""')
_META = len(',"meta":{')


def stamped(draft: bytes, type: str, id: str, number: int, updated: str) -> bytes:
    """Return the JSON of the resource `type`/`id` as version `number`; `updated` is the FHIR instant of its writing.

    `type` and `id` are those of a valid key, so there is nothing in them to escape.
    """
    head = f'{{"resourceType":"{type}","id":"{id}","meta":{{"versionId":"{number}","lastUpdated":"{updated}"'
    return head.encode() + draft
