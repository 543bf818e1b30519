"""Servers of one installation count attempts together, where the settings name a Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth.errors import TooMany, Unauthenticated
from auth.throttle import RATES
from tests.fakes.authority import ELSEWHERE
from tests.fakes.desk import desk_of
from tests.fakes.redis_server import redis_server


@pytest.mark.external
async def test_what_is_guessed_at_one_server_counts_at_the_other(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis:
        async with desk_of(bus=redis.address) as one, desk_of(bus=redis.address) as two:
            for n in range(RATES["failure-strangers"].amount):
                desk = (one, two)[n % 2]
                await desk.auth.throttle.count("failure-strangers", "ann@example.org")
            for desk in (one, two):
                with pytest.raises(TooMany):
                    await desk.auth.sessions.login("ann@example.org", "wrong", None, ELSEWHERE)
                with pytest.raises(Unauthenticated):
                    await desk.auth.sessions.login("ben@example.org", "wrong", None, ELSEWHERE)
