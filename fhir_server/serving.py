"""The ASGI server under the application: uvicorn on uvloop, as one process that listens on one socket."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from socket import socket
from ssl import SSLError, TLSVersion
from typing import cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fhir_server.app import create_app
from fhir_server.http.gathering import Gathering
from fhir_server.http.unreadable import URL_MAX, Fault, unreadable
from fhir_server.settings import Settings, SettingsError

HEAD_BYTES = URL_MAX + 64 * 1024
"""Bytes that the head of a request may have, its URL included."""

LINGER = 5.0
"""Seconds that a client has to read the rest of what a closed socket has for it."""


AHEAD = 32
"""Messages of a socket that wait to be handled before nothing more is read of it."""
LARGE = 4096
"""Bytes of a message that is handled before anything more is read."""


class _UrlTooLong(Exception):
    """The parser is stopped before more of a URL is kept than anybody reads."""


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a transport that gathers; what it cannot read is answered as FHIR has it.

    `head_since` is the loop's time at which a head began that is not whole yet; None between the head and the next.
    """

    url: bytes = b""
    head_since: float | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        gathering = Gathering(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, gathering))
        self.head_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Take what comes, while the head is not too large."""
        super().data_received(data)
        if self.head_since is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        super().on_message_begin()
        self.head_since, self._head_bytes = self.loop.time(), 0

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self.head_since = None
        super().on_headers_complete()

    def on_url(self, url: bytes) -> None:
        """Take another piece of the URL."""
        super().on_url(url)
        if len(self.url) > URL_MAX:
            raise _UrlTooLong

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused; it is being handled where this is called."""
        error = sys.exception()
        invalid = isinstance(error, httptools.HttpParserInvalidMethodError)
        fault: Fault = "url" if len(self.url) > URL_MAX else "method" if invalid else "other"
        self.transport.write(unreadable(fault))
        self.transport.close()


class Upgraded(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, which waits for nobody: not for the rest of a head that it cannot read, and not for
    a client that is told to go but reads nothing. It stops reading when messages pile up or are large, not
    after each of them: that costs two calls of the kernel.
    """

    def send_receive_event_to_app(self) -> None:
        """Hand on a message; what is no text ends the connection (RFC 6455, 8.1), with no word in the log."""
        data, self.frames = b"".join(self.frames), []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "text":
            try:
                self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
            except UnicodeDecodeError:
                self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        else:
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        if not self.read_paused and (len(data) > LARGE or self.queue.qsize() >= AHEAD):
            self.read_paused = True
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Take what comes."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            self.transport.write(unreadable("other"))
            self.transport.close()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Note that the application is done with the connection."""
        super().on_task_complete(task)
        self.loop.call_later(LINGER, self.transport.abort)


class Server(uvicorn.Server):
    """A server that tells when it listens, and hangs up on who does not come to the point."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], head_seconds: float) -> None:
        super().__init__(config)
        self._ready = ready
        self._head_seconds = head_seconds

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """See `uvicorn.Server.startup`."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        """See `uvicorn.Server.on_tick`, which is called ten times a second."""
        if counter % 10 == 0:
            late = asyncio.get_running_loop().time() - self._head_seconds
            for each in list(self.server_state.connections):
                if isinstance(each, Protocol) and each.head_since is not None and each.head_since < late:
                    each.transport.close()
        return await super().on_tick(counter)


def serving(settings: Settings, listening: socket, ready: Callable[[], None]) -> bool:
    """Serve until told to stop; return whether it came to serving at all. `ready` is called once it does.

    Raises SettingsError for settings that cannot be followed, and whatever refuses to be opened.
    """
    app = create_app(settings)
    options = uvicorn.Config(
        app,
        loop="uvloop",
        http=Protocol,
        ws=Upgraded,
        ws_max_size=settings.socket_message_bytes,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    try:
        options.load()
    except OSError as error:
        raise SettingsError(_unusable(error, settings)) from None
    if options.ssl is not None:
        options.ssl.minimum_version = TLSVersion.TLSv1_2
    server = Server(options, ready, settings.request_head_s)
    # What keeps it from starting is raised here: uvicorn need not tell of it as well.
    logging.getLogger("uvicorn.error").addFilter(lambda _record: app.refused is None)
    try:
        server.run(sockets=[listening])
    finally:
        if app.refused is not None:
            raise app.refused from None
    return server.started


def _unusable(error: OSError, settings: Settings) -> str:
    """Return why TLS cannot be served, in words: OpenSSL's are codes."""
    named = f"tls_cert {settings.tls_cert}" + (f", tls_key {settings.tls_key}" if settings.tls_key else "")
    if not isinstance(error, SSLError):
        return f"{named}: {error.strerror or error}"
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{named}: the key is not that of the certificate"
    return f"{named}: a certificate, with its key, cannot be read as PEM there"
