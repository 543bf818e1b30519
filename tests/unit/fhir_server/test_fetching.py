"""Requests to addresses that others named: what is refused, what is bounded, where a name leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import pytest

from fhir_server.addresses import AddressRefused, is_public
from fhir_server.fetching import Fetcher, FetchFailed

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def answering(*parts: bytes, pause: float = 0) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve `parts` to whoever connects; give the origin and what was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        try:
            for part in parts:
                await asyncio.sleep(pause)
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


class Dialled(httpcore.AsyncNetworkBackend):
    """A network that takes note of who is called and lets nobody answer."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    async def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        self.hosts.append(host)
        raise httpcore.ConnectError


def names(*answers: Iterable[str]) -> Any:
    """Return a name server that gives one of `answers` after the other."""
    left = iter(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return list(next(left))

    return resolve


async def _refused(url: str, **kwargs: Any) -> str:
    fetcher = Fetcher(**kwargs)
    try:
        with pytest.raises(AddressRefused) as caught:
            await fetcher.fetch(url)
    finally:
        await fetcher.close()
    return str(caught.value)


def refused(url: str, **kwargs: Any) -> str:
    return asyncio.run(_refused(url, **kwargs))


def test_what_the_operator_lists_is_asked() -> None:
    async def run() -> None:
        async with answering(OK) as (url, asked):
            fetcher = Fetcher([url])
            answer = await fetcher.fetch(f"{url}/keys?x=1", headers=[("Accept", "application/json")])
            await fetcher.close()
        assert (answer.status, answer.content, answer.headers["content-type"]) == (200, b"{}", "application/json")
        assert asked[0].startswith(b"GET /keys?x=1 HTTP/1.1\r\n")
        assert b"accept-encoding: identity" in asked[0].lower()

    asyncio.run(run())


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/keys",
        "https://example.org:8443/keys",
        "https://user@example.org/",
        "https://example.org@127.0.0.1/",
        "https://user:secret@example.org/",
        "https://example.org/#x",
        "file:///etc/passwd",
        "gopher://example.org/",
        "https:///keys",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://ex ample.org/",
        "https://example.org\\@127.0.0.1/",
        "https://exämple.org/",
        "https://example.org/\r\nHost: x",
        "//example.org/keys",
        "",
    ],
)
def test_what_is_no_public_https_address_is_refused_before_anybody_is_called(url: str) -> None:
    network = Dialled()
    assert "The address must" in refused(url, backend=network)
    assert network.hosts == []


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_a_spelling_of_this_machine_is_refused_where_it_leads(host: str) -> None:
    network = Dialled()
    assert "may not be asked" in refused(f"https://{host}/", backend=network)
    assert network.hosts == []


@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.0.9",
            "224.0.0.1",
        ),
        *("::", "::1", "fe80::1%eth0", "fd12::1", "ff0e::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"),
    ],
)
def test_a_name_that_leads_into_a_private_network_is_refused(address: str) -> None:
    network = Dialled()
    assert not is_public(address)
    assert "may not be asked" in refused("https://keys.example/", backend=network, resolve=names([address]))
    assert network.hosts == []


def test_only_the_public_addresses_of_a_name_are_called_in_turn() -> None:
    async def run() -> list[str]:
        network = Dialled()
        found = ["10.0.0.1", "8.8.8.8", "2001:4860:4860::8888", "::1"]
        with pytest.raises(FetchFailed):
            await Fetcher(backend=network, resolve=names(found)).fetch("https://keys.example/")
        return network.hosts

    assert asyncio.run(run()) == ["8.8.8.8", "2001:4860:4860::8888"]


def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    async def run() -> list[str]:
        network = Dialled()
        with pytest.raises(FetchFailed):
            await Fetcher(backend=network, resolve=names(["8.8.8.8"], ["127.0.0.1"])).fetch("https://keys.example/")
        return network.hosts

    assert asyncio.run(run()) == ["8.8.8.8"]


@pytest.mark.parametrize(
    "listed", ["https://tx.example.org", "http://tx.example.org:443", "https://tx.example.org:8443"]
)
def test_an_origin_is_compared_whole(listed: str) -> None:
    assert "port 443" in refused("http://tx.example.org.attacker.example/", allowed=[listed], backend=Dialled())
    assert "port 443" in refused("http://tx.example.org/", allowed=[listed], backend=Dialled())


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"], "redirects"),
        ([b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"], "compressed"),
        ([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x" * 600, b"x" * 600], "larger than 1000 bytes"),
    ],
)
def test_an_answer_that_leads_away_or_swells_is_refused(parts: list[bytes], reason: str) -> None:
    async def run() -> str:
        async with answering(*parts) as (url, _):
            return await _refused(url, allowed=[url], limit=1000)

    assert reason in asyncio.run(run())


def test_an_answer_that_drips_is_given_up() -> None:
    async def run() -> str:
        drops = [OK[at : at + 1] for at in range(len(OK))]
        async with answering(*drops, pause=0.05) as (url, _):
            fetcher = Fetcher([url], seconds=0.2)
            with pytest.raises(FetchFailed) as caught:
                await fetcher.fetch(url)
            await fetcher.close()
        return str(caught.value)

    assert "within 0.2 seconds" in asyncio.run(run())


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"])
def test_a_connection_that_breaks_is_a_failure_and_not_a_fault(answer: bytes) -> None:
    async def run() -> None:
        async with answering(answer) as (url, _):
            fetcher = Fetcher([url])
            with pytest.raises(FetchFailed):
                await fetcher.fetch(url)
            await fetcher.close()

    asyncio.run(run())


def test_nobody_listening_is_a_failure_that_does_not_repeat_the_address() -> None:
    async def run() -> str:
        async with answering(OK) as (url, _):
            pass
        with pytest.raises(FetchFailed) as caught:
            await Fetcher([url]).fetch(f"{url}/secret-path")
        return str(caught.value)

    assert "secret-path" not in asyncio.run(run())


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x" * 20_000],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", *([b"x"] * 40)],
    ],
    ids=["compressed", "broken off", "large", "dripping"],
)
def test_of_what_is_sent_only_the_status_of_the_answer_counts(
    parts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.fetching.MOMENT", 0.2)

    async def run() -> int:
        async with answering(*parts, pause=0.05) as (url, _):
            fetcher = Fetcher([url], limit=1000)
            status = await fetcher.send("POST", url, headers=[], content=b"{}", seconds=10)
            await fetcher.close()
        return status

    assert asyncio.run(run()) == 200


def test_what_is_sent_follows_no_redirect() -> None:
    async def run() -> None:
        async with answering(OK) as (elsewhere, asked):
            leads = (
                b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: %b/\r\n\r\n" % elsewhere.encode()
            )
            async with answering(leads) as (url, _):
                fetcher = Fetcher([url, elsewhere])
                assert await fetcher.send("PUT", url, headers=[], content=b"{}", seconds=10) == 307
                await fetcher.close()
        assert asked == []

    asyncio.run(run())
