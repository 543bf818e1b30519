"""What the queries of one request spend together."""

from __future__ import annotations

import asyncio

from fhir_server.store.one_budget import Spent, one_budget, spent, within_one_budget


def test_each_query_stands_for_itself_outside() -> None:
    spent().running += 1
    assert spent() == Spent()


def test_what_is_spent_inside_is_counted_together_and_forgotten_afterwards() -> None:
    with one_budget() as together:
        spent().running += 1
        with one_budget() as inner:
            inner.glancing += 2
        assert spent() is together
        assert together == Spent(1, 2)
    assert spent() == Spent()


def test_requests_at_the_same_time_do_not_share() -> None:
    @within_one_budget
    async def request(seconds: float) -> float:
        spent().running += seconds
        await asyncio.sleep(0)
        spent().running += seconds
        return spent().running

    async def both() -> list[float]:
        return await asyncio.gather(request(1), request(10))

    assert asyncio.run(both()) == [2, 20]
