"""Rounds go on, whatever happens in one of them, until they are stopped."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.errors import StoreUnavailable
from fhir_server.rounds import Rounds


def test_no_failure_ends_them_and_none_tells_what_it_failed_on(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    async def round() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise ValueError("Ann's letter")
        if len(done) == 2:
            raise StoreUnavailable("the store is away")

    async def run() -> None:
        rounds = Rounds("letters", round, 0.001)
        rounds.begin()
        async with asyncio.timeout(10):
            while len(done) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await rounds.stop()
        before = len(done)
        await asyncio.sleep(0.05)
        assert len(done) == before

    asyncio.run(run())
    assert [record.message for record in caplog.records] == ["letters wait for the next round"] * 2
    assert "Ann" not in caplog.text


def test_what_was_not_begun_is_stopped() -> None:
    async def round() -> None:
        raise AssertionError

    asyncio.run(Rounds("letters", round, 1).stop())
