"""One timer ends each request that is late, and no other."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.http.time_limit import TimeLimit


async def take(limit: TimeLimit, seconds: float) -> str:
    with limit.limited():
        await asyncio.sleep(seconds)
    return "done"


async def test_a_late_request_ends_with_a_timeout_and_a_quick_one_is_left_alone() -> None:
    limit = TimeLimit(0.05)
    late, quick = await asyncio.gather(take(limit, 10), take(limit, 0), return_exceptions=True)
    assert isinstance(late, TimeoutError)
    assert quick == "done"


async def test_each_request_has_its_own_time() -> None:
    limit = TimeLimit(0.6)
    first = asyncio.create_task(take(limit, 10))
    await asyncio.sleep(0.3)
    second = asyncio.create_task(take(limit, 10))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(TimeoutError):
        await first
    assert not second.done()
    with pytest.raises(TimeoutError):
        await second
    assert loop.time() - begun >= 0.5


async def test_a_request_that_others_cancel_is_cancelled() -> None:
    task = asyncio.create_task(take(TimeLimit(10), 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_fault_of_a_request_stays_what_it_is() -> None:
    limit = TimeLimit(10)
    with pytest.raises(KeyError), limit.limited():
        raise KeyError
    assert await take(limit, 0) == "done"
