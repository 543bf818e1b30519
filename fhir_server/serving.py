"""The ASGI server under the application: uvicorn on uvloop, as one process that listens on one socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import socket
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fhir_server.app import create_app
from fhir_server.http.gathering import Gathering
from fhir_server.settings import Settings


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a transport that gathers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        gathering = Gathering(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, gathering))


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
