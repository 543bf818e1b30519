"""Binary: content beside the JSON, shown in it (http://hl7.org/fhir/R4/binary.html)."""

from __future__ import annotations

import base64
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fhir_server.errors import TooCostly
from fhir_server.interactions import binary as binaries
from fhir_server.interactions.call import Content
from fhir_server.interactions.update import update
from fhir_server.store.base import CHUNK, Key
from profiles.restriction import ALL
from tests.fakes.server import Server, content, entry

pytestmark = pytest.mark.anyio

DOCUMENT = random.Random(7).randbytes(2 * CHUNK + 1)


def binary(data: bytes, id: str = "1") -> dict[str, Any]:
    return {
        "resourceType": "Binary",
        "id": id,
        "contentType": "application/pdf",
        "data": base64.b64encode(data).decode(),
    }


async def kept(server: Server, number: int = 1) -> list[int]:
    """Return the sizes of the chunks beside a version."""
    chunks = server.services.store.chunks(Key("Binary", "1"), number, restriction=ALL)
    return [len(chunk) async for chunk in chunks]


async def test_content_is_kept_in_chunks_and_shown_wherever_the_resource_is(server: Server) -> None:
    data = binary(DOCUMENT)["data"]
    written = content(await server.put(binary(DOCUMENT)))
    assert written["data"] == data
    assert await kept(server) == [CHUNK, CHUNK, 1]
    assert await server.show("Binary/1") == written
    assert content(await server.do("vread", "Binary/1/_history/1")) == written
    assert content(await server.do("history", "Binary/1"))["entry"][0]["resource"] == written
    assert content(await server.do("search", "Binary"))["entry"][0]["resource"] == written
    inside = await server.bundle(entry("GET", "Binary/1"), entry("PUT", "Binary/2", binary(DOCUMENT, "2")))
    assert inside[0]["resource"] == written
    assert (await server.show("Binary/2"))["data"] == data


async def test_short_content_stays_in_the_json(server: Server) -> None:
    await server.put(binary(b"short"))
    assert await kept(server) == []
    assert (await server.show("Binary/1"))["data"] == "c2hvcnQ="


async def test_base64_in_another_spelling_stays_as_it_came(server: Server) -> None:
    data = binary(DOCUMENT)["data"]
    spelt = data[:4] + " " + data[4:]
    await server.put(binary(DOCUMENT) | {"data": spelt})
    assert await kept(server) == []
    assert (await server.show("Binary/1"))["data"] == spelt


async def test_each_version_has_its_own_content(server: Server) -> None:
    await server.put(binary(DOCUMENT))
    await server.put(binary(DOCUMENT[::-1]))
    older = content(await server.do("vread", "Binary/1/_history/1"))["data"]
    newer = content(await server.do("read", "Binary/1"))["data"]
    assert (base64.b64decode(older), base64.b64decode(newer)) == (DOCUMENT, DOCUMENT[::-1])
    await server.do("delete", "Binary/1")
    assert await kept(server, 3) == []


async def test_a_patch_of_the_json_keeps_the_content(server: Server) -> None:
    await server.put(binary(DOCUMENT))
    step = b'[{"op":"replace","path":"/contentType","value":"image/png"}]'
    patched = content(await server.do("patch", "Binary/1", raw=step))
    assert patched["contentType"] == "image/png"
    assert base64.b64decode(patched["data"]) == DOCUMENT
    assert await kept(server, 2) == [CHUNK, CHUNK, 1]


async def test_a_page_that_would_hold_too_much_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PAGE", 2 * len(DOCUMENT))
    for id in "12":
        await server.put(binary(DOCUMENT, id))
    assert len(content(await server.do("search", "Binary"))["entry"]) == 2
    await server.put(binary(DOCUMENT, "3"))
    assert "_count" in str(await server.refusal("search", "Binary"))
    assert isinstance(await server.refusal("history", "Binary"), TooCostly)
    assert len(content(await server.do("search", "Binary", query=[("_count", "2")]))["entry"]) == 2


async def test_a_write_that_fails_after_its_content_leaves_nothing(server: Server) -> None:
    async def pieces(start: int) -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        raise ValueError("the upload is gone")

    call = server.call("Binary/1", resource={"resourceType": "Binary", "id": "1", "contentType": "a/b"})
    call.content = Content(2 * CHUNK, pieces)
    with pytest.raises(ValueError, match="gone"):
        await update(call)
    assert await kept(server) == []
    assert await server.services.store.read(Key("Binary", "1"), restriction=ALL) is None


async def test_elements_leave_the_content_out(server: Server) -> None:
    await server.put(binary(DOCUMENT))
    cut = content(await server.do("read", "Binary/1", query=[("_elements", "contentType")]))
    assert "data" not in cut
