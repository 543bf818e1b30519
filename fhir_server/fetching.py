"""Requests to addresses that others named (keys of clients, hooks of subscriptions), kept away from our own network.

Only https on its usual port, unless the operator lists the origin; no user names, redirects, proxies or compressed
answers; a name is resolved once and its address checked where the connection is made, so that a second answer of the
name server changes nothing. Answers are bounded in time and size. What the operator lists may be internal.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpcore

from fhir_server.addresses import AddressRefused, admit, is_public, origin

SECONDS = 5.0
BYTES = 1024 * 1024
CONNECTIONS = 10
LITTLE, MOMENT = 16 * 1024, 1.0
"""Bytes and seconds for which an answer is heard that nobody reads."""

Resolve = Callable[[str, int], Awaitable[list[str]]]


class FetchFailed(Exception):
    """There was no answer: nobody listens, the connection broke, or the time is over."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. Names of `headers` are in lower case; of several with one name the last counts."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Fetcher:
    """Asks other servers; one for a tenant. `close` it at the end."""

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        seconds: float = SECONDS,
        limit: int = BYTES,
        connections: int | None = CONNECTIONS,
        resolve: Resolve | None = None,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """`allowed` are origins (`http://keys.internal:9000`) that may be internal; the others bound each answer.

        `connections` is how many there may be at a time, None for any number: then the asker bounds them.
        """
        self._allowed = frozenset(origin(each) for each in allowed)
        self._seconds, self._limit, self._connections = seconds, limit, connections
        self._resolve, self._backend = resolve, backend
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
        content: bytes = b"",
    ) -> Fetched:
        """Ask `url` and return what it answers, whatever its status. Raises AddressRefused and FetchFailed."""
        async with self._asking(method, url, headers, content, self._seconds) as answer:
            return await self._read(answer)

    async def send(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]], content: bytes, seconds: float
    ) -> int:
        """Send something to `url` and return the status of the answer, which is not followed, whatever else is in it.

        Raises AddressRefused before anything was sent, and FetchFailed.
        """
        async with self._asking(method, url, headers, content, seconds) as answer:
            await _end(answer)
            return int(answer.status)

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.aclose()

    @asynccontextmanager
    async def _asking(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], content: bytes, seconds: float
    ) -> AsyncIterator[httpcore.Response]:
        """Give the answer of `url` as long as its time is not over. Raises AddressRefused and FetchFailed."""
        admit(url, self._allowed)
        self._pool = self._pool or self._open()
        given = [("Accept-Encoding", "identity"), *headers]
        try:
            async with (
                asyncio.timeout(seconds),
                self._pool.stream(method, url, headers=given, content=content or None) as answer,
            ):
                yield answer
        except TimeoutError:
            raise FetchFailed(f"The address did not answer within {seconds:g} seconds.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise FetchFailed(f"The address could not be asked ({type(error).__name__}).") from None

    async def _read(self, answer: httpcore.Response) -> Fetched:
        if 300 <= answer.status < 400:
            raise AddressRefused("The address leads elsewhere; redirects are not followed.")
        names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        if names.get("content-encoding", "identity") != "identity":
            raise AddressRefused("The answer is compressed, though it was asked not to be.")
        body = bytearray()
        async for part in answer.aiter_stream():
            body += part
            if len(body) > self._limit:
                raise AddressRefused(f"The answer is larger than {self._limit} bytes.")
        return Fetched(answer.status, names, bytes(body))

    def _open(self) -> httpcore.AsyncConnectionPool:
        own = frozenset(each[1:] for each in self._allowed)
        guarded = _Guarded(own, self._resolve or _resolve, self._backend or httpcore.AnyIOBackend())
        return httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(), max_connections=self._connections, network_backend=guarded
        )


async def _end(answer: httpcore.Response) -> None:
    """Hear a short answer to its end, after which its connection is used again; of every other one it is closed."""
    heard = 0
    try:
        async with asyncio.timeout(MOMENT):
            async for part in answer.aiter_stream():
                heard += len(part)
                if heard > LITTLE:
                    return
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, TimeoutError):
        return


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, and to those of the operator's list."""

    def __init__(
        self, allowed: Collection[tuple[str, int]], resolve: Resolve, backend: httpcore.AsyncNetworkBackend
    ) -> None:
        self._allowed, self._resolve, self._backend = allowed, resolve, backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        if (host, port) not in self._allowed:
            addresses = [each for each in addresses if is_public(each)]
            if not addresses:
                raise AddressRefused("The address is in a network that may not be asked.")
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._backend.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
