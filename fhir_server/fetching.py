"""Requests to addresses that others named (keys of clients, hooks of subscriptions), kept away from our own network.

Only https on its usual port, unless the operator lists the origin; no user names, redirects, proxies or compressed
answers; a name is resolved once and its address checked where the connection is made, so that a second answer of the
name server changes nothing. Answers are bounded in time and size. What the operator lists may be internal.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore

SECONDS = 5.0
BYTES = 1024 * 1024
PORTS = {"http": 80, "https": 443}
NAT64 = tuple(ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Origin = tuple[str, str, int]
Resolve = Callable[[str, int], Awaitable[list[str]]]


class FetchRefused(Exception):
    """The address may not be asked, or what it answered may not be taken; the text says why, without the address."""


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
        resolve: Resolve | None = None,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """`allowed` are origins (`http://keys.internal:9000`) that may be internal; the others bound each answer."""
        self._allowed = frozenset(origin(each) for each in allowed)
        self._seconds, self._limit = seconds, limit
        self._resolve, self._backend = resolve, backend
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def fetch(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Fetched:
        """Ask `url` and return what it answers, whatever its status. Raises FetchRefused and FetchFailed."""
        self._admit(url)
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask(method, url, list(sent.items()), content)
        except TimeoutError:
            raise FetchFailed(f"The address did not answer within {self._seconds:g} seconds.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise FetchFailed(f"The address could not be asked ({type(error).__name__}).") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.aclose()

    def _admit(self, url: str) -> None:
        parts = _split(url)
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise FetchRefused("The address must have no user name, password or fragment.")
        asked = _origin(parts)
        if asked not in self._allowed and (asked[0] != "https" or asked[2] != PORTS["https"]):
            raise FetchRefused("The address must be https on port 443; the operator may list other origins.")

    async def _ask(self, method: str, url: str, headers: list[tuple[str, str]], content: bytes) -> Fetched:
        self._pool = self._pool or self._open()
        async with self._pool.stream(method, url, headers=headers, content=content or None) as answer:
            if 300 <= answer.status < 400:
                raise FetchRefused("The address leads elsewhere; redirects are not followed.")
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            if names.get("content-encoding", "identity") != "identity":
                raise FetchRefused("The answer is compressed, though it was asked not to be.")
            body = bytearray()
            async for part in answer.aiter_stream():
                body += part
                if len(body) > self._limit:
                    raise FetchRefused(f"The answer is larger than {self._limit} bytes.")
            return Fetched(answer.status, names, bytes(body))

    def _open(self) -> httpcore.AsyncConnectionPool:
        own = frozenset(each[1:] for each in self._allowed)
        guarded = _Guarded(own, self._resolve or _resolve, self._backend or httpcore.AnyIOBackend())
        return httpcore.AsyncConnectionPool(ssl_context=ssl.create_default_context(), network_backend=guarded)


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
                raise FetchRefused("The address is in a network that may not be asked.")
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._backend.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def origin(url: str) -> Origin:
    """Return scheme, host in lower case, and port of `url`. Raises FetchRefused for what is no http address."""
    return _origin(_split(url))


def is_public(address: str) -> bool:
    """Return whether anybody on the Internet could have that IP address; what it carries inside counts too."""
    return all(each.is_global and not each.is_multicast for each in _meanings(address))


def _meanings(address: str) -> list[Address]:
    """Return the address and the IPv4 address that it embeds, if any."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return [found]
    inner: list[Address] = [each for each in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if each]
    if any(found in net for net in NAT64):
        inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    return inner if found.ipv4_mapped else [found, *inner]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise FetchRefused("The address must be one of http or https, in ASCII.")
    return parts


def _origin(parts: SplitResult) -> Origin:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS[parts.scheme]


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
