"""A body that goes out piece by piece, as fast as the client takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fhir_server.http.body import Receive

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def send_stream(stream: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Send `stream` as the body of an answer that has begun; stop when the client has left."""
    left = asyncio.ensure_future(_left(receive))
    try:
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            # Neither the store nor a fast client makes this task wait: others must have their turn all the same.
            await asyncio.sleep(0)
            if left.done() and left.result():
                return
        await send({"type": "http.response.body", "body": b""})
    finally:
        left.cancel()


async def _left(receive: Receive) -> bool:
    """Wait for what comes behind the request and return whether it is its client's leaving."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        message = await receive()
    return bool(message["type"] == "http.disconnect")
