"""`/socket/websocket`: the door of sockets, as ASGI (https://asgi.readthedocs.io/en/latest/specs/www.html#websocket).

The token comes in the query (`token`: an access token, or better a ticket of `POST /api/v1/socket/ticket`), or as
phoenix 1.8 sends its `authToken`, in a subprotocol. The query is taken out of the scope before anything can log it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs

from auth.auth import Auth
from fhir_server.http.client_address import ClientAddress
from fhir_server.http.headers import collect
from fhir_server.interactions import audit
from fhir_server.interactions.call import UNKNOWN, Call, Principal, Services
from fhir_server.live.doorkeeper import Doorkeeper
from fhir_server.live.visitor import Here, Visitor
from fhir_server.model.fhir_json import encode
from fhir_server.subscriptions.binding_sockets import BindingSockets, bearer
from realtime.phoenix import version_of
from realtime.ports import Refused
from realtime.sockets import Sockets

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/socket/websocket"
SUBSCRIPTIONS = "/socket/subscriptions"
PROTOCOL = "phoenix"
BEARER = "base64url.bearer.phx."
NOT_HEARD = "Nobody hears subscriptions on sockets here: this server does not offer the channel websocket."
NOT_ADMITTED = "This needs a token that counts: an access token, or a ticket that is not used."
LONGEST = 16_384
"""Characters of a query or a subprotocol."""


class Endpoint:
    """The ASGI application of sockets."""

    def __init__(
        self,
        services: Services,
        auth: Auth[Principal],
        sockets: Sockets[Visitor],
        subscriptions: BindingSockets | None,
        *,
        proxies: Collection[str] = (),
    ) -> None:
        """`subscriptions` are the sockets on which subscriptions are heard, None where they are not."""
        self._services = services
        self._auth = auth
        self._sockets = sockets
        self._subscriptions = subscriptions
        self._address = ClientAddress(proxies)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let one connection in, or refuse it with an HTTP answer."""
        query, scope["query_string"] = scope["query_string"], b""
        await receive()
        path, asked = scope["path"].rstrip("/"), words_of(query)
        if path == SUBSCRIPTIONS:
            await self._subscribed(scope, asked.get("token", ""), receive, send)
            return
        if path != PATH:
            also = f" and {SUBSCRIPTIONS}" if self._subscriptions is not None else ""
            await refuse(send, 404, f"The sockets of this server are at {PATH}{also}.")
            return
        version = version_of(asked.get("vsn"))
        if version is None:
            await refuse(send, 400, "This server speaks versions 1.0.0 and 2.0.0 of the channel protocol (vsn).")
            return
        token = asked.get("token") or _of_protocol(scope.get("subprotocols", ()))
        member = await self.admit(scope, token)
        if member is None:
            await refuse(send, 401, NOT_ADMITTED)
            return
        chosen = PROTOCOL if PROTOCOL in scope.get("subprotocols", ()) else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        await self._sockets.serve(member, version, receive, send)

    async def _subscribed(self, scope: Message, token: str, receive: Receive, send: Send) -> None:
        """Let somebody in who hears subscriptions: by a token, or without one to bind with one."""
        if self._subscriptions is None:
            await refuse(send, 404, NOT_HEARD)
            return
        address = self._address(scope, collect(scope["headers"]))
        who = await bearer(self._auth, token) if token else None
        if token and who is None:
            await self._refused(token_hex(8), address)
            await refuse(send, 401, NOT_ADMITTED)
            return
        await send({"type": "websocket.accept"})
        await self._subscriptions.serve(who, self._auth.throttle.digest(address), receive, send)

    async def admit(self, scope: Message, token: str) -> Here | None:
        """Return whom a token or a ticket admits; who is not admitted leaves a row in the audit trail."""
        request, address = token_hex(8), self._address(scope, collect(scope["headers"]))
        try:
            return await Doorkeeper(self._auth, request, address).admit(token)
        except Refused:
            await self._refused(request, address)
            return None

    async def _refused(self, request: str, address: str) -> None:
        await audit.refused(Call(self._services, UNKNOWN, request, address=address), "admission", 401)


async def refuse(send: Send, status: int, why: str) -> None:
    """Answer a connection that is not let in."""
    body = encode({"error": {"message": why}})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def words_of(query: bytes) -> dict[str, str]:
    """Return what a query says, {} for one that cannot be read."""
    try:
        found = parse_qs(query[:LONGEST].decode("ascii"), max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in found.items()}


def _of_protocol(offered: Sequence[str]) -> str:
    """Return the token among the subprotocols, "" when there is none."""
    for each in offered:
        if each.startswith(BEARER) and len(each) <= LONGEST:
            text = each.removeprefix(BEARER).replace("+", "-").replace("/", "_")
            try:
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            except (binascii.Error, ValueError):
                return ""
    return ""
