"""`/socket.io`: the door of older clients, `io(url, {query: {token}})`, over HTTP and WebSocket.

Who opens a connection is let in by the token in its query, as at `/socket/websocket`; later requests name it by its
id. The token is taken out of the query before anything else sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fhir_server.live.endpoint import NOT_ADMITTED, Endpoint, Message, Receive, Send, refuse, words_of
from fhir_server.live.visitor import Visitor
from fhir_server.model.fhir_json import encode
from realtime.sockets import Sockets

if TYPE_CHECKING:
    from realtime.socket_io import SocketIo

Header = tuple[bytes, bytes]


class SocketIoEndpoint:
    """The ASGI application of socket.io."""

    def __init__(
        self,
        door: Endpoint,
        sockets: Sockets[Visitor],
        is_allowed: Callable[[bytes], bool],
        *,
        most_bytes: int,
        headers: Sequence[Header] = (),
    ) -> None:
        """`is_allowed` says which origins may read answers, `headers` are on every one of them."""
        self._door = door
        self._sockets = sockets
        self._is_allowed = is_allowed
        self._most_bytes = most_bytes
        self._headers = headers
        self._app: SocketIo[Visitor] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        query, scope["query_string"] = scope["query_string"], b""
        asked = words_of(query)
        token = asked.pop("token", "")
        inner = {**scope, "query_string": urlencode(asked).encode()}
        # Loaded when the first of these clients comes: all others pay nothing for it.
        from realtime.socket_io import MEMBER

        if "sid" not in asked and scope.get("method") != "OPTIONS":
            member = await self._door.admit(scope, token)
            if member is None:
                await _turn_away(scope, receive, send)
                return
            inner[MEMBER] = member
        await self._opened()(inner, receive, self._sealed(send))

    async def close(self) -> None:
        """Stop what runs beside."""
        if self._app is not None:
            await self._app.close()

    def _opened(self) -> SocketIo[Visitor]:
        from realtime.socket_io import SocketIo

        if self._app is None:
            self._app = SocketIo(self._sockets, lambda origin: self._is_allowed(origin.encode()), self._most_bytes)
        return self._app

    def _sealed(self, send: Send) -> Send:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers]}
            await send(message)

        return sealed


async def _turn_away(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await refuse(send, 401, NOT_ADMITTED)
        return
    body = encode({"error": {"message": NOT_ADMITTED}})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 401, "headers": [*headers, (b"www-authenticate", b"Bearer")]})
    await send({"type": "http.response.body", "body": body})
