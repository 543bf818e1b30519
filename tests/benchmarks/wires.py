"""WebSocket connections that cost a load generator next to nothing: frames as bytes (RFC 6455, 5)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A


class Wire(asyncio.Protocol):
    """One connection; `hear` gets what each text frame holds."""

    def __init__(self, request: bytes, hear: Callable[[Wire, bytes], None]) -> None:
        self._request = request
        self._hear = hear
        self._buffer = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.last = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        if not self.opened.done():
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.opened.set_result(None)
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            assert length < 127, "a benchmark hears no frames of more than 64 KB"
            if length == 126:
                if size < at + 4:
                    break
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            if size < start + length:
                break
            if data[at] == TEXT:
                self._hear(self, data[start : start + length])
            elif data[at] == PING:
                self.transport.write(bytes((PONG, 0x80 | length, 0, 0, 0, 0)) + data[start : start + length])
            at = start + length
        self._buffer = data[at:]

    def say(self, text: bytes) -> None:
        """Send a text frame, masked by zeros."""
        length = len(text)
        head = struct.pack("!BB", TEXT, 0x80 | length) if length < 126 else struct.pack("!BBH", TEXT, 0xFE, length)
        self.transport.write(head + b"\0\0\0\0" + text)

    def close(self) -> None:
        """Say goodbye, unless the server has."""
        if not self.transport.is_closing():
            self.transport.write(bytes((CLOSE, 0x80, 0, 0, 0, 0)))
            self.transport.close()


async def wire(url: str, hear: Callable[[Wire, bytes], None]) -> Wire:
    """Return an open connection to `url` (`ws://…`)."""
    to = urlsplit(url)
    host = f"{to.hostname}:{to.port}"
    asked = f"GET {to.path}?{to.query} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    request = f"{asked}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: Wire(request, hear), to.hostname, to.port)
    await made.opened
    return made
