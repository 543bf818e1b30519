"""Two workers on each kind of bus; the one in memory has one worker, who is both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.bus.base import Bus
from realtime.bus.connect import connect
from tests.fakes.buses import Hub
from tests.fakes.redis_server import RedisServer, redis_server

Pair = tuple[Bus, Bus]


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(Path(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture(params=["memory", "hub", pytest.param("redis", marks=pytest.mark.external)])
def pair(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[Pair]:
    made = _pair(request)
    runner.run(_open(made))
    yield made
    runner.run(_close(made))


def _pair(request: pytest.FixtureRequest) -> Pair:
    if request.param == "memory":
        one = connect("", "test")
        return one, one
    if request.param == "hub":
        hub = Hub()
        return hub.bus(), hub.bus()
    address = request.getfixturevalue("redis").address
    return connect(address, "test"), connect(address, "test")


async def _open(pair: Pair) -> None:
    for each in pair:
        await each.open()


async def _close(pair: Pair) -> None:
    for each in pair:
        await each.close()
