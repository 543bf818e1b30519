"""The doors of sockets: that of the Phoenix channel protocol, and that of socket.io where it is open."""

from __future__ import annotations

from fhir_server.live.endpoint import Endpoint, Message, Receive, Send
from fhir_server.live.socket_io_endpoint import SocketIoEndpoint

OLDER = b"/socket.io/"
"""Where clients come that speak socket.io, over HTTP and WebSocket."""


class Doors:
    """The ASGI application of sockets."""

    def __init__(self, endpoint: Endpoint, older: SocketIoEndpoint | None) -> None:
        self._endpoint = endpoint
        self._older = older

    def takes(self, path: bytes) -> bool:
        """Return whether HTTP requests for a path are for here."""
        return self._older is not None and path.startswith(OLDER)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection, or one request that this takes."""
        if self._older is not None and self.takes(scope["raw_path"]):
            await self._older(scope, receive, send)
        else:
            await self._endpoint(scope, receive, send)

    async def close(self) -> None:
        """Stop what runs beside the sockets, once these are closed."""
        if self._older is not None:
            await self._older.close()
