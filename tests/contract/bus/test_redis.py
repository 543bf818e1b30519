"""The bus over a real Redis: workers that die, and a Redis that goes away, hangs, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from realtime.bus.connect import BadAddress, connect
from realtime.bus.redis import RedisBus
from tests.fakes.patience import until
from tests.fakes.redis_server import RedisServer, redis_server

pytestmark = pytest.mark.external
Happened = list[tuple[str, str]]


@asynccontextmanager
async def worker(address: str, name: str = "test") -> AsyncIterator[tuple[RedisBus, Happened]]:
    """Run a worker with a short lease; yield its bus and what it is told of."""
    bus, happened = RedisBus(address, name, beat=0.1, lease=0.5), []  # type: ignore[var-annotated]
    bus.watch(lambda what, who: happened.append((what, who)))
    await bus.open()
    try:
        yield bus, happened
    finally:
        await bus.close()


def die(bus: RedisBus) -> None:
    """End a worker as a kill would: nothing more comes from it."""
    for task in bus._tasks:
        task.cancel()


async def test_workers_find_each_other_and_miss_who_dies(redis: RedisServer) -> None:
    async with worker(redis.address) as (one, seen), worker(redis.address) as (other, _):
        await until(lambda: ("found", other.worker) in seen)
        assert seen == [("back", ""), ("found", other.worker)]
        die(other)
        await until(lambda: seen[-1] == ("lost", other.worker))
        assert not one.away


async def test_who_says_goodbye_is_missed_at_once(redis: RedisServer) -> None:
    async with worker(redis.address) as (_, seen):
        slow = RedisBus(redis.address, "test", lease=1000)
        await slow.open()
        await until(lambda: ("found", slow.worker) in seen)
        await slow.close()
        await until(lambda: seen[-1] == ("lost", slow.worker))


async def test_installations_do_not_hear_each_other(redis: RedisServer) -> None:
    async with worker(redis.address) as (one, seen), worker(redis.address, "test2") as (other, _):
        heard: list[Any] = []
        other.subscribe("a", heard.append)
        assert await other.call("a", {}) == 0
        assert await one.call("a", {}) == 0
        await asyncio.sleep(0.5)
        assert (heard, seen) == ([], [("back", "")])


async def test_a_redis_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        async with worker(server.address) as (one, seen), worker(server.address) as (other, _):
            heard: list[Any] = []
            other.subscribe("a", heard.append)
            assert await one.call("a", {"number": 1}) == 1
            server.end()
            await until(lambda: one.away and other.away)
            assert await one.call("a", {"number": 2}) == 0
            one.publish("a", {"number": 3})
            await until(lambda: ("lost", other.worker) in seen)
            assert ("away", "") in seen
            server.begin()
            await until(lambda: not one.away and not other.away)
            await until(lambda: seen[-1] == ("found", other.worker))
            assert [what for what, _ in seen] == ["back", "found", "away", "lost", "back", "found"]
            one.publish("a", {"number": 4})
            await until(lambda: {"number": 4} in heard)
            assert heard == [{"number": 1}, {"number": 4}], "nothing is sent later"


async def test_a_redis_that_hangs_is_away(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        async with worker(server.address) as (one, seen):
            server.pause()
            await until(lambda: one.away)
            server.go_on()
            await until(lambda: not one.away)
            assert [what for what, _ in seen] == ["back", "away", "back"]


async def test_a_server_starts_without_its_redis_and_finds_it_later(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        server.end()
        async with worker(server.address) as (one, seen):
            assert one.away
            assert await one.call("a", {}) == 0
            server.begin()
            await until(lambda: not one.away)
            assert [what for what, _ in seen] == ["away", "back"]


async def test_what_is_no_message_of_ours_harms_nobody(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with worker(redis.address) as (one, _), worker(redis.address) as (other, _):
        heard: list[Any] = []
        one.subscribe("a", heard.append)
        await one.call("a", {})
        strange = other._connection()
        for data in (b"", b"x", b"\xff" * 40, b"0" * 32 + b"{", b"0" * 32 + b"[" * 5000, b"0" * 32 + b"1"):
            for topic in ("a", "workers"):
                await strange.send_command("PUBLISH", f"fhir-health-server:test:{topic}", data)
        other.publish("a", {"number": 1})
        await until(lambda: {"number": 1} in heard)
        await strange.disconnect()
        assert (heard[-1], one.away) == ({"number": 1}, False)


@pytest.mark.parametrize("address", ["localhost:6379", "http://x", "redis://:secret@host:notaport"])
def test_what_is_no_address_is_refused_without_telling_it(address: str) -> None:
    with pytest.raises(BadAddress) as caught:
        connect(address, "test")
    assert "secret" not in str(caught.value)
