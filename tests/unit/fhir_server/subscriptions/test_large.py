"""Large notifications: one of an owner at a time, and few of all."""

from __future__ import annotations

import asyncio

from fhir_server.subscriptions.large import MOST, Large


async def _most(owners: list[str]) -> tuple[int, int]:
    """Take a turn for each; return how many had theirs at the same time, at most, and how many had one at all."""
    large, now, most, done = Large(), 0, 0, 0

    async def one(owner: str) -> None:
        nonlocal now, most, done
        async with large.turn(owner):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
            done += 1

    await asyncio.gather(*map(one, owners))
    return most, done


def test_an_owner_has_one_at_a_time() -> None:
    assert asyncio.run(_most(["ann"] * 5)) == (1, 5)


def test_owners_do_not_wait_for_each_other() -> None:
    assert asyncio.run(_most(["ann", "bob", "eve"])) == (3, 3)


def test_all_together_have_a_bound() -> None:
    assert asyncio.run(_most([f"owner {number}" for number in range(2 * MOST)])) == (MOST, 2 * MOST)


def test_who_gives_up_waiting_takes_no_turn() -> None:
    async def run() -> None:
        large = Large()

        async def wait() -> None:
            async with large.turn("ann"):
                raise AssertionError

        async with large.turn("ann"):
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
        async with asyncio.timeout(5), large.turn("ann"):
            pass

    asyncio.run(run())
