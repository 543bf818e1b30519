"""The door of everything beside `/fhir`: the same guard, request id, body limit, security headers and CORS as there.

An answer that says itself what a header is to be, as pages do with their Content-Security-Policy, is left as it is.

`/fhir` does this itself, without a layer in between (`rest.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from secrets import token_hex
from typing import Any

from fhir_server.http.body import Disconnected, Receive, read_body
from fhir_server.http.client_address import ClientAddress
from fhir_server.http.cors import Cors
from fhir_server.http.guard import Guard
from fhir_server.http.headers import Headers, collect, own_request_id
from fhir_server.http.outcome import outcome
from fhir_server.http.response import DOCUMENT, Header, security
from fhir_server.model.fhir_json import encode
from fhir_server.model.issues import operation_outcome

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

BODY = 1024 * 1024
"""Bytes of a body, unless the door is told otherwise."""
UPLOADS = "/attachments"
"""The end of the paths that take files."""
REQUEST_ID = "fhir_server.request_id"
ADDRESS = "fhir_server.address"
"""Under what names the scope has the request id and the client's network address."""

# The API page of FastAPI loads its viewer from this CDN; nothing else on this server loads anything.
_PAGE: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; connect-src 'self'; img-src data: https://fastapi.tiangolo.com; "
        b"script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
        b"frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Door:
    """An ASGI application in front of another one."""

    def __init__(
        self,
        app: App,
        guard: Guard,
        cors: Cors,
        *,
        body: int = BODY,
        upload: int = BODY,
        proxies: Collection[str] = (),
        https: bool = False,
    ) -> None:
        """`body` and `upload` are the most bytes of a body, and of a form with a file.

        `proxies` are addresses of trusted ones; `https` says that clients reach the server so.
        """
        self._app = app
        self._guard = guard
        self._cors = cors
        self._body = body
        self._upload = upload
        self._address = ClientAddress(proxies)
        self._security = security(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit or refuse one HTTP request."""
        headers = collect(scope["headers"])
        request_id = own_request_id(headers) or token_hex(8)
        more = [
            *self._security,
            *(_PAGE if scope["path"] == "/docs" else DOCUMENT),
            (b"x-request-id", request_id.encode()),
        ]
        more += self._cors.headers(headers)
        started = False

        async def sealed(message: dict[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = {name.lower() for name, _value in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in more if each[0] not in own)]
            await send(message)

        try:
            self._guard.check(scope["method"], headers)
            if self._cors.is_preflight(scope["method"], headers):
                more += self._cors.preflight()
                await _answer(sealed, 204, b"")
                return
            where = self._address(scope, headers)
            plain = _unzipped(scope["headers"])
            inner = {**scope, "headers": plain, REQUEST_ID: request_id, ADDRESS: where}
            limit = self._upload if scope["path"].endswith(UPLOADS) else self._body
            await self._app(inner, await _whole(receive, headers, limit), sealed)
        except Disconnected:
            return
        except Exception as error:
            told = outcome(error, request_id)
            # Whoever got the beginning of an answer cannot be told another one.
            if not started:
                more += [(name.encode(), value.encode()) for name, value in told.headers.items()]
                await _answer(sealed, told.status, _told(scope["path"], told.issues))


async def _whole(receive: Receive, headers: Headers, limit: int) -> Receive:
    """Return what gives the whole body, which was read within `limit`, and then waits for the client to leave."""
    body: bytes | None = await read_body(receive, headers, limit)

    async def replay() -> Any:
        nonlocal body
        if body is None:
            return await receive()
        message = {"type": "http.request", "body": body, "more_body": False}
        body = None
        return message

    return replay


def _unzipped(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [each for each in headers if each[0] not in (b"content-encoding", b"content-length")]


def _told(path: str, issues: Any) -> bytes:
    message = " ".join(issue.message for issue in issues)
    if path.startswith("/auth/"):
        return encode({"error": "invalid_request", "error_description": message})
    if path.startswith(("/api/", "/admin/")):
        return encode({"error": {"message": message}})
    return encode(operation_outcome(issues))


async def _answer(send: Send, status: int, body: bytes) -> None:
    type = b"application/json" if body.startswith(b'{"error"') else b"application/fhir+json; charset=utf-8"
    headers = [(b"content-type", type)] if body else []
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
