"""Binary: the content is kept in chunks beside the JSON, and put back into it where the JSON is shown.

http://hl7.org/fhir/R4/binary.html. So that a document costs its own bytes and not a third more, and that neither index
nor summaries carry it. Content that is short, or whose base64 is not spelt the one canonical way, stays in the JSON.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterator, Sequence

from msgspec.structs import replace

from fhir_server.errors import Forbidden, TooCostly
from fhir_server.interactions.access import within
from fhir_server.interactions.call import Call, Content, Resource
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import is_id
from fhir_server.store.base import CHUNK, Key, Transaction, Version
from profiles.definitions import is_resource_type
from profiles.restriction import ALL

INLINE = 4096
"""Characters of base64 up to which content stays in the JSON."""
SHORT = INLINE // 4 * 3
"""Bytes that `INLINE` characters of base64 stand for."""


PAGE = 64 * 1024 * 1024
"""Bytes of content that the resources of one page may hold together."""


def split(resource: Resource) -> tuple[Resource, bytes]:
    """Return a valid resource without the content that is kept beside it, and that content (empty for most)."""
    data = resource.get("data") if resource["resourceType"] == "Binary" else None
    if not isinstance(data, str) or len(data) <= INLINE:
        return resource, b""
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return resource, b""
    if base64.b64encode(content).decode() != data:
        return resource, b""
    return {name: value for name, value in resource.items() if name != "data"}, content


async def subjects_of(tx: Transaction, body: bytes) -> list[Key]:
    """Return whom a Binary is about: the patients that its securityContext is, or is about.

    http://hl7.org/fhir/R4/binary.html#security: whoever may see that may see the Binary.
    """
    key = context_of(body)
    version = await tx.read(key, restriction=ALL) if key else None
    if key is None or version is None:
        return [key] if key and key.type == "Patient" else []
    return await tx.subjects(key, version.number, restriction=ALL)


async def demand_context(call: Call, tx: Transaction, body: bytes) -> None:
    """Raise Forbidden when the securityContext of a Binary is out of the caller's reach, be it there or not.

    Nobody puts something into a record that they may not see.
    """
    key = context_of(body)
    if key is not None and await tx.read(key, restriction=within(call, "read", key.type)) is None:
        raise Forbidden(
            "The securityContext of a Binary must be within your reach: name the patient, or a resource that is there.",
            expression="Binary.securityContext",
        )


def context_of(body: bytes) -> Key | None:
    """Return the resource that is the securityContext of a Binary, None without one on this server."""
    type, _, id = str(parse(body).get("securityContext", {}).get("reference", "")).partition("/")
    return Key(type, id) if is_resource_type(type) and is_id(id) else None


async def keep(tx: Transaction, version: Version, content: bytes) -> Version:
    """Keep `content` beside the version just put, and return the version as it is shown."""
    for piece in _pieces(content):
        await tx.put_chunk(version.key, version.number, piece)
    return replace(version, body=_joined(version.body, content))


async def fill(tx: Transaction, version: Version, content: Content) -> Version:
    """Keep `content` beside the version just put, and return the version, which is shown without it."""
    async for piece in content.pieces(0):
        await tx.put_chunk(version.key, version.number, piece)
    return version


async def beside(call: Call, version: Version | None) -> Content | None:
    """Return the content that is kept beside a version, None when there is none."""
    if version is None or version.key.type != "Binary" or version.deleted:
        return None
    # The version was shown under the restriction of whoever asked; its content is part of it.
    reader, restriction = call.reader, ALL

    def pieces(start: int) -> AsyncIterator[bytes]:
        return reader.chunks(version.key, version.number, restriction=restriction, start=start)

    length = await reader.content_length(version.key, version.number, restriction=restriction)
    return Content(length, pieces) if length else None


async def whole(call: Call, version: Version) -> bytes:
    """Return the JSON of a version as it is shown, with the content that is kept beside it."""
    if version.key.type != "Binary" or version.deleted:
        return version.body
    content = await beside(call, version)
    if content is None:
        return version.body
    return _joined(version.body, b"".join([piece async for piece in content.pieces(0)]))


async def wholes(call: Call, versions: Sequence[Version]) -> list[bytes]:
    """Return the JSON of every version of a page. Raises TooCostly when their content is more than a page may hold."""
    if not any(version.key.type == "Binary" for version in versions):
        return [version.body for version in versions]
    size = 0
    for version in versions:
        if version.key.type == "Binary" and (content := await beside(call, version)) is not None:
            size += content.length
    if size > PAGE:
        raise TooCostly(
            f"The Binary resources of this page hold {size} bytes, and {PAGE} are the most a page may: ask for fewer "
            "with _count, or read each of them by itself."
        )
    return [version.body if version.key.type != "Binary" else await whole(call, version) for version in versions]


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


def _joined(body: bytes, content: bytes) -> bytes:
    """Put `data` at the end of the JSON object `body`, which holds its resourceType and so is not empty."""
    return body[:-1] + b',"data":"' + base64.b64encode(content) + b'"}'
