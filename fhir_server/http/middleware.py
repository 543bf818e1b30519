"""The door of everything beside `/fhir`: the same guard, request id, security headers and CORS as there.

`/fhir` does this itself, without a layer in between (`rest.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from secrets import token_hex
from typing import Any

from fhir_server.errors import Refusal
from fhir_server.http.body import Receive
from fhir_server.http.cors import Cors
from fhir_server.http.guard import OpenGuard
from fhir_server.http.headers import collect, own_request_id
from fhir_server.http.outcome import outcome
from fhir_server.http.response import DOCUMENT, SECURITY, Header
from fhir_server.model.fhir_json import encode
from fhir_server.model.issues import operation_outcome

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

# The API page of FastAPI loads its viewer from this CDN; nothing else on this server loads anything.
_PAGE: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; connect-src 'self'; img-src data: https://fastapi.tiangolo.com; "
        b"script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
        b"frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)


class Door:
    """An ASGI application in front of another one."""

    def __init__(self, app: App, guard: OpenGuard, cors: Cors) -> None:
        self._app = app
        self._guard = guard
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit or refuse one HTTP request."""
        headers = collect(scope["headers"])
        request_id = own_request_id(headers) or token_hex(8)
        more = [*SECURITY, *(_PAGE if scope["path"] == "/docs" else DOCUMENT), (b"x-request-id", request_id.encode())]
        more += self._cors.headers(headers)

        async def sealed(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            self._guard.admit(scope["method"], headers)
        except Refusal as refusal:
            told = outcome(refusal, request_id)
            await _answer(sealed, told.status, encode(operation_outcome(told.issues)))
            return
        if self._cors.is_preflight(scope["method"], headers):
            more += self._cors.preflight()
            await _answer(sealed, 204, b"")
            return
        await self._app(scope, receive, sealed)


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/fhir+json; charset=utf-8")] if body else []
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
