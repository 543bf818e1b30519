"""The ASGI server under the application: uvicorn on uvloop, as one process that listens on one socket."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from socket import socket
from typing import cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fhir_server.app import create_app
from fhir_server.http.gathering import Gathering
from fhir_server.http.unreadable import URL_MAX, Fault, unreadable
from fhir_server.settings import Settings


class _UrlTooLong(Exception):
    """The parser is stopped before more of a URL is kept than anybody reads."""


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a transport that gathers; what it cannot read is answered as FHIR has it."""

    url: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        gathering = Gathering(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, gathering))

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


class Server(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """See `uvicorn.Server.startup`."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


def serving(settings: Settings, listening: socket, ready: Callable[[], None]) -> bool:
    """Serve until told to stop; return whether it came to serving at all. `ready` is called once it does.

    Raises SettingsError as `create_app` does.
    """
    options = uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        http=Protocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server = Server(options, ready)
    server.run(sockets=[listening])
    return server.started
