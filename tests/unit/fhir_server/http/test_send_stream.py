"""Bodies that go out piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fhir_server.http.send_stream import send_stream


def sent(stay: int) -> list[dict[str, Any]]:
    """Return what goes out to a client that leaves after `stay` pieces."""
    out: list[dict[str, Any]] = []

    async def run() -> None:
        gone = asyncio.Event()
        asked = iter([{"type": "http.request", "body": b""}])

        async def receive() -> dict[str, Any]:
            message: dict[str, Any] | None = next(asked, None)
            if message is None:
                await gone.wait()
                message = {"type": "http.disconnect"}
            return message

        async def send(message: dict[str, Any]) -> None:
            out.append(message)
            if len(out) == stay:
                gone.set()

        async def pieces() -> AsyncIterator[bytes]:
            for number in range(100):
                yield bytes([number])

        await send_stream(pieces(), receive, send)

    asyncio.run(run())
    return out


def test_all_pieces_go_out_in_order_and_the_last_message_ends_the_body() -> None:
    out = sent(stay=1000)
    assert b"".join(message["body"] for message in out) == bytes(range(100))
    assert [message.get("more_body", False) for message in out] == [True] * 100 + [False]


def test_nothing_is_read_for_a_client_that_has_left() -> None:
    assert 3 <= len(sent(stay=3)) <= 6
