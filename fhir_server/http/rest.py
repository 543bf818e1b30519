"""FHIR REST as an ASGI application of its own: one tenant's `/fhir`.

The road of every request: route, guard, format, `Call`, interaction, `Result`, bytes. Nothing here knows a rule of
FHIR beyond HTTP. A read passes without an await that waits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Any

from fhir_server.errors import Refusal
from fhir_server.http import routes
from fhir_server.http.binary import content_type_of
from fhir_server.http.body import Disconnected, Receive
from fhir_server.http.client_address import ClientAddress
from fhir_server.http.compress import LEAST, accepts_gzip, compress
from fhir_server.http.cors import Cors
from fhir_server.http.guard import NOBODY, Guard
from fhir_server.http.headers import Headers, collect, own_request_id, preconditions, prefer, text_of
from fhir_server.http.negotiate import Format, response_format, wants_raw
from fhir_server.http.outcome import outcome, status_for
from fhir_server.http.query import NOTHING, Query, parse_query
from fhir_server.http.request import BodyLimits, Incoming, called, fill_call
from fhir_server.http.response import (
    Answer,
    Header,
    Wanted,
    render,
    render_beside,
    render_raw,
    render_searchset,
    render_stored,
    security,
)
from fhir_server.http.send_stream import Send, send_stream
from fhir_server.http.time_limit import TimeLimit
from fhir_server.interactions import audit
from fhir_server.interactions.call import UNKNOWN, Call, Principal, Result, Services
from fhir_server.model import fhir_json
from fhir_server.model.issues import operation_outcome
from profiles.definitions import is_resource_type

Scope = Mapping[str, Any]
Interactions = Mapping[str, Callable[[Call], Awaitable[Result]]]

access_log = logging.getLogger("fhir_server.access")

_ZIPPED: Header = (b"content-encoding", b"gzip")
_QUICK = frozenset(("read", "vread", "capabilities"))
_CLOSE: Header = (b"connection", b"close")
_REMEMBERED = 256
OPEN = frozenset(("metadata",))
"""The paths that are open to everybody."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the settings say about the door: seconds a request may take, sizes, whether each request is logged, and the
    addresses of proxies whose word on where a request comes from counts.
    """

    time_limit: float = 300.0
    body: BodyLimits = field(default_factory=BodyLimits)
    log_requests: bool = False
    trusted_proxies: tuple[str, ...] = ()


class Rest:
    """The application; it keeps nothing of a request."""

    def __init__(
        self,
        services: Services,
        interactions: Interactions,
        guard: Guard,
        *,
        cors: Cors | None = None,
        options: Options | None = None,
        mount: str = "/fhir",
    ) -> None:
        """`mount` is the path of the base below the server's root."""
        options = options or Options()
        self.services = services
        self._interactions = interactions
        self._guard = guard
        self._cors = cors or Cors(())
        self._options = options
        self._address = ClientAddress(options.trusted_proxies)
        self._security = security(https=services.base.startswith("https:"))
        self._limit = TimeLimit(self._options.time_limit)
        self._start = len(mount) + 1
        self._formats: dict[bytes | None, Format] = {}
        self._serial = count(1)
        self._process = token_hex(5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        started = time.perf_counter()
        method: str = scope["method"]
        headers = collect(scope["headers"])
        request_id = own_request_id(headers) or f"{self._process}-{next(self._serial):x}"
        path = scope["raw_path"].decode("latin-1")[self._start :]
        try:
            if method == "GET" and not scope["query_string"] and (key := routes.plain_read(path)) is not None:
                answer = await self._read(key, headers, request_id, self._address(scope, headers))
            elif method == "GET" and is_resource_type(path):
                answer = await self._search(path, scope, headers, request_id)
            else:
                answer = await self._answer(scope, path, headers, receive, request_id)
        except Disconnected:
            return
        except Exception as error:
            answer = self._refusal(error, path, scope, headers, request_id)
        body, out = answer.body, answer.headers
        stream = answer.stream
        if _may_be_zipped(answer, method) and accepts_gzip(headers.get(b"accept-encoding")):
            body = await compress(body)
            out.append(_ZIPPED)
        if answer.status not in (204, 304):
            out.append((b"content-length", b"%d" % (len(body) if stream is None else answer.length)))
        out += self._security
        out.append((b"x-request-id", request_id.encode()))
        if b"origin" in headers:
            out += self._cors.headers(headers, discovery=path == "metadata")
        await send({"type": "http.response.start", "status": answer.status, "headers": out})
        if stream is None or method == "HEAD":
            await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
        else:
            await send_stream(stream, receive, send)
        if self._options.log_requests:
            self._log(method, path, answer.status, time.perf_counter() - started, request_id)

    async def _read(self, key: tuple[str, str], headers: Headers, request_id: str, address: str) -> Answer:
        """Answer the plain read, of which there are more than of everything else together, by the shortest road."""
        principal = await self._admitted("GET", headers, request_id, address)
        format = self._formats.get(headers.get(b"accept")) or self._format(headers, NOTHING)
        call = Call(self.services, principal, request_id, key[0], key[1])
        call.preconditions, call.address = preconditions(headers, reading=True), address
        result = await self._perform(call, "read")
        if format == "json" and result.body is not None and result.status == 200 and not result.headers:
            return render_stored(result)
        return render(result, Wanted("read", "GET", format), self.services.base)

    async def _search(self, type: str, scope: Scope, headers: Headers, request_id: str) -> Answer:
        """Answer the search of one type by a road that is nearly as short."""
        address = self._address(scope, headers)
        principal = await self._admitted("GET", headers, request_id, address)
        query = parse_query(scope["query_string"])
        format = self._format(headers, query)
        call = Call(self.services, principal, request_id, type, parameters=query.pairs)
        call.preconditions, call.address = preconditions(headers, reading=True), address
        call.prefer, call.protocol = prefer(headers), query.protocol
        try:
            with self._limit.limited():
                result = await self._perform(call, "search")
        except TimeoutError as error:
            await audit.refused(call, "search", status_for(error))
            raise
        if format == "json" and result.body is not None and result.status == 200 and not query.pretty:
            return render_searchset(result.body)
        return render(result, Wanted("search", "GET", format, query.pretty, call.prefer), self.services.base)

    async def _admitted(
        self, method: str, headers: Headers, request_id: str, address: str, *, is_open: bool = False
    ) -> Principal:
        """Return who calls, or asks for what `is_open` to all; who is turned away leaves a row."""
        try:
            if is_open:
                self._guard.check(method, headers)
                return NOBODY
            return await self._guard.admit(method, headers)
        except Refusal as refusal:
            await self._turned_away(refusal, request_id, address)
            raise

    async def _answer(self, scope: Scope, path: str, headers: Headers, receive: Receive, request_id: str) -> Answer:
        method = scope["method"]
        if method == "OPTIONS":
            return self._describe(path, headers)
        address = self._address(scope, headers)
        principal = await self._admitted(method, headers, request_id, address, is_open=path in OPEN)
        match = routes.find(method, path)
        query = parse_query(scope["query_string"])
        binary = match.type == "Binary" and match.route.name in ("read", "vread")
        format: Format = "json" if binary else self._format(headers, query)
        incoming = Incoming(method, match, headers, query, receive, request_id, address)
        try:
            return await self._answer_to(incoming, principal, format)
        finally:
            if incoming.spool is not None:
                incoming.spool.close()

    async def _answer_to(self, incoming: Incoming, principal: Principal, format: Format) -> Answer:
        match, headers, query = incoming.match, incoming.headers, incoming.query
        if match.route.name in _QUICK:
            call = called(incoming, self.services, principal)
            await self._fill(call, incoming)
            result = await self._perform(call, match.route.name)
        else:
            call, result = await self._in_time(incoming, principal)
            if incoming.query is not query:
                format = self._format(headers, incoming.query)
        if call.streams and result.status == 200:
            return await self._binary(result, incoming)
        wanted = Wanted(match.route.name, incoming.method, format, incoming.query.pretty, call.prefer)
        if result.content is not None:
            return await render_beside(result, wanted, self.services.base)
        return render(result, wanted, self.services.base)

    async def _in_time(self, incoming: Incoming, principal: Principal) -> tuple[Call, Result]:
        """Read the request and do what it asks, within the time there is."""
        name = incoming.match.route.name
        call = called(incoming, self.services, principal)
        try:
            with self._limit.limited():
                await self._fill(call, incoming)
                return call, await self._perform(call, name)
        except TimeoutError as error:
            await audit.refused(call, name, status_for(error))
            raise

    async def _fill(self, call: Call, incoming: Incoming) -> None:
        """Read what is left of the request; who is known and cannot be understood leaves a row as well."""
        query = incoming.query
        try:
            await fill_call(call, incoming, self._options.body)
            if incoming.query is not query:
                # What cannot be answered in the format that a form asks for is not done either.
                self._format(incoming.headers, incoming.query)
        except Refusal as refusal:
            await audit.refused(call, incoming.match.route.name, refusal.status)
            raise

    async def _turned_away(self, refusal: Refusal, request_id: str, address: str) -> None:
        """Leave the row of whoever was refused at the door."""
        call = Call(self.services, UNKNOWN, request_id, address=address)
        await audit.refused(call, "admission", refusal.status)

    async def _perform(self, call: Call, name: str) -> Result:
        try:
            return await self._interactions[name](call)
        except Exception as error:
            # Who was refused what is part of the trail.
            await audit.refused(call, name, status_for(error))
            raise

    async def _binary(self, result: Result, incoming: Incoming) -> Answer:
        headers, query = incoming.headers, incoming.query
        resource = fhir_json.parse(result.body or b"{}")
        if wants_raw(text_of(headers, b"accept"), query.format, content_type_of(resource)):
            return render_raw(result, resource, headers if incoming.method == "GET" else {})
        wanted = Wanted(incoming.match.route.name, "GET", self._format(headers, query), query.pretty)
        return await render_beside(result, wanted, self.services.base)

    def _format(self, headers: Headers, query: Query) -> Format:
        accept = headers.get(b"accept")
        if query.format is not None:
            return response_format(None, query.format)
        known = self._formats.get(accept)
        if known is None:
            known = response_format(None if accept is None else accept.decode("latin-1"), None)
            if len(self._formats) < _REMEMBERED:
                self._formats[accept] = known
        return known

    def _describe(self, path: str, headers: Headers) -> Answer:
        """Answer OPTIONS: a preflight of a listed origin, else the methods of the URL."""
        self._guard.check("OPTIONS", headers)
        if self._cors.is_preflight("OPTIONS", headers):
            return Answer(204, self._cors.preflight(), b"")
        found = routes.methods(path)
        if not found:
            routes.find("GET", path)
        return Answer(204, [(b"allow", ", ".join(found).encode())], b"")

    def _refusal(self, error: Exception, path: str, scope: Scope, headers: Headers, request_id: str) -> Answer:
        told = outcome(error, request_id)
        try:
            query = parse_query(scope["query_string"])
            format, pretty = self._format(headers, query), query.pretty
        except Refusal:
            format, pretty = "json", False
        wanted = Wanted("", scope["method"], format, pretty)
        answer = render(Result(told.status, resource=operation_outcome(told.issues)), wanted, self.services.base)
        answer.headers += [(name.encode(), value.encode()) for name, value in told.headers.items()]
        if told.status == 405:
            answer.headers.append((b"allow", ", ".join(routes.methods(path)).encode()))
        if told.status == 413:
            answer.headers.append(_CLOSE)
        return answer

    def _log(self, method: str, path: str, status: int, seconds: float, request_id: str) -> None:
        try:
            route: str = routes.find(method, path).route.shape or "base"
        except Refusal:
            route = "none"
        facts = {"method": method, "route": route, "status": status, "request_id": request_id}
        access_log.info("request", extra=facts | {"milliseconds": round(1000 * seconds, 2)})


def _may_be_zipped(answer: Answer, method: str) -> bool:
    """Whether gzip may take an answer: a part is one of the bytes as they are (RFC 9110, 14.4)."""
    return len(answer.body) > LEAST and answer.stream is None and answer.status != 206 and method != "HEAD"
