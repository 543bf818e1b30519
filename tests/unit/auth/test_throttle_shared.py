"""Counts of attempts that several processes share, in a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth import throttle
from auth.errors import TooMany
from auth.throttle import RATES, Throttle, shared_counts
from tests.fakes.redis_server import RedisServer, redis_server

pytestmark = pytest.mark.external
MOST = RATES["failure-pair"].amount


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


async def test_what_one_process_counts_the_others_know(redis: RedisServer) -> None:
    one, two = (Throttle(b"k", shared=shared_counts(redis.address, "http://a/fhir"), away=pytest.fail) for _ in "12")
    for _ in range(MOST - 1):
        await one.hit("failure-pair", "ann", "here")
    await two.demand("failure-pair", "ann", "here")
    await two.hit("failure-pair", "ann", "here")
    for each in (one, two):
        with pytest.raises(TooMany) as caught:
            await each.hit("failure-pair", "ann", "here")
        assert 0 < caught.value.seconds <= RATES["failure-pair"].get_expiry()
        with pytest.raises(TooMany):
            await each.demand("failure-pair", "ann", "here")
    await one.hit("failure-pair", "ben", "here")
    await two.forget("failure-pair", "ann", "here")
    await one.hit("failure-pair", "ann", "here")


async def test_another_installation_counts_for_itself(redis: RedisServer) -> None:
    one, other = (Throttle(b"k", shared=shared_counts(redis.address, name), away=pytest.fail) for name in ("b", "c"))
    for _ in range(MOST):
        await one.hit("failure-pair", "ann")
    with pytest.raises(TooMany):
        await one.hit("failure-pair", "ann")
    await other.hit("failure-pair", "ann")


async def test_without_an_answer_each_process_counts_for_itself_until_there_is_one(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    one = Throttle(b"k", shared=shared_counts(redis.address, "d"), away=told.append)
    await one.hit("failure-pair", "ann")
    redis.end()
    for _ in range(MOST):
        await one.hit("failure-pair", "ann")
    with pytest.raises(TooMany):
        await one.hit("failure-pair", "ann")
    # It is not asked again, and nobody told again, with every attempt.
    assert len(told) == 1
    monkeypatch.setattr(throttle, "PAUSE", 0.0)
    two = Throttle(b"k", shared=shared_counts(redis.address, "d"), away=told.append)
    await two.hit("failure-pair", "ben")
    assert len(told) == 2
    redis.begin()
    for _ in range(MOST):
        await two.hit("failure-pair", "ben")
    three = Throttle(b"k", shared=shared_counts(redis.address, "d"), away=pytest.fail)
    with pytest.raises(TooMany):
        await three.hit("failure-pair", "ben")


async def test_a_redis_that_hangs_keeps_nobody_from_signing_in(redis: RedisServer) -> None:
    told: list[str] = []
    one = Throttle(b"k", shared=shared_counts(redis.address, "e"), away=told.append)
    redis.pause()
    try:
        await one.hit("failure-pair", "ann")
    finally:
        redis.go_on()
    assert told == ["TimeoutError"]
