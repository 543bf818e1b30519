"""The change feed, positions, counts, and eight writers at once."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from fhir_server.search.query import Target, Token
from fhir_server.store.base import Key, Store, VersionConflict
from profiles.restriction import ALL
from tests.fakes.versions import coded, delete, follow, new, put, update

WRITERS = 8


async def test_the_feed_tells_every_change_in_the_order_of_commits(store: Store):
    a, b = Key("Patient", "a"), Key("Observation", "b")
    assert await store.changes(0) == []
    await update(store, a)
    await update(store, b)
    await delete(store, a)
    feed = await store.changes(0)
    assert [(change.key, change.number, change.method) for change in feed] == [
        (a, 1, "PUT"),
        (b, 1, "PUT"),
        (a, 2, "DELETE"),
    ]
    assert feed[-1].position == await store.position()
    assert await store.changes(feed[1].position) == feed[2:]
    assert await store.changes(feed[2].position) == []


async def test_a_transaction_is_never_split(store: Store):
    async def work(tx, first: int):
        for n in range(first, first + 5):
            await follow(tx, Key("Patient", str(n)))
            if n % 2:
                await tx.count((Target("Patient", Token("code", None, "a")),), restriction=ALL)

    for first in (0, 5, 10):
        await store.write(lambda tx, first=first: work(tx, first))
    assert len(await store.changes(0, limit=1)) == 5
    assert len(await store.changes(0, limit=5)) == 5
    assert len(await store.changes(0, limit=6)) == 10
    feed = await store.changes(0)
    assert [len([c for c in feed if c.position == p]) for p in sorted({c.position for c in feed})] == [5, 5, 5]


async def test_counts_follow_every_change(store: Store):
    a, b = Key("Patient", "a"), Key("Patient", "b")
    assert await store.counts() == {}
    await update(store, a)
    await update(store, b)
    await update(store, a)
    await update(store, Key("Observation", "o"))
    assert await store.counts() == {"Patient": 2, "Observation": 1}
    await delete(store, a)
    await delete(store, a)
    assert await store.counts() == {"Patient": 1, "Observation": 1}
    await update(store, a)
    await delete(store, Key("Observation", "o"))
    assert await store.counts() == {"Patient": 2}


async def test_eight_writers_lose_no_update(store: Store):
    keys = [Key("Patient", str(n)) for n in range(3)]
    rounds = 40

    async def writer(w: int) -> int:
        """Read outside the transaction, write the next version, try again when somebody was quicker."""
        conflicts = 0
        for n in range(rounds):
            key = keys[n % len(keys)]
            while True:
                current = await store.read(key, restriction=ALL)
                try:
                    await put(
                        store, new(key, (current.number if current else 0) + 1, author=f"w{w}", text=str(n)), coded("x")
                    )
                    break
                except VersionConflict:
                    conflicts += 1
        return conflicts

    await asyncio.gather(*(writer(w) for w in range(WRITERS)))
    numbers = [(await store.read(key, restriction=ALL)).number for key in keys]
    assert sum(numbers) == WRITERS * rounds
    feed = await store.changes(0, limit=10_000)
    assert len(feed) == WRITERS * rounds
    assert all(before.position < after.position for before, after in pairwise(feed))
    assert all(before.time <= after.time for before, after in pairwise(feed))
    for key in keys:
        assert [c.number for c in feed if c.key == key] == list(range(1, len([c for c in feed if c.key == key]) + 1))


async def test_eight_writers_create_conditionally_exactly_once(store: Store):
    where = Token("code", None, "only-one")

    async def create(tx, n: int) -> bool:
        if await tx.matches("Patient", where, restriction=ALL, limit=2):
            return False
        await tx.put(new(Key("Patient", f"made-by-{n}"), 1, method="POST"), coded("only-one"))
        return True

    for _ in range(3):
        made = await asyncio.gather(*(store.write(lambda tx, n=n: create(tx, n)) for n in range(WRITERS)))
        assert await store.count((Target("Patient", where),), restriction=ALL) == 1
    assert sum(made) == 0


async def test_a_follower_misses_nothing_while_others_write(store: Store):
    seen, done = [], asyncio.Event()

    async def follower() -> None:
        position = 0
        while True:
            finished = done.is_set()
            feed = await store.changes(position, limit=7)
            assert all(change.position > position for change in feed)
            assert not feed or feed[-1].position <= await store.position()
            seen.extend(feed)
            if feed:
                position = feed[-1].position
            elif finished:
                return
            await asyncio.sleep(0)

    async def slow(tx, w: int, n: int) -> None:
        await follow(tx, Key("Patient", f"{w}-{n}"))
        await asyncio.sleep(0)
        await follow(tx, Key("Observation", f"{w}-{n}"))

    async def writer(w: int) -> None:
        for n in range(20):
            await store.write(lambda tx, n=n: slow(tx, w, n))

    following = asyncio.create_task(follower())
    await asyncio.gather(*(writer(w) for w in range(WRITERS)))
    done.set()
    await following
    assert len(seen) == len({(c.key, c.number) for c in seen}) == WRITERS * 20 * 2
    assert [c.position for c in seen] == sorted(c.position for c in seen)


async def test_a_caller_that_goes_away_does_not_stop_the_writer(store: Store):
    tasks = [asyncio.create_task(update(store, Key("Patient", str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await update(store, Key("Patient", "after"))
    assert await store.read(Key("Patient", "19"), restriction=ALL) is not None
    assert await store.read(Key("Patient", "after"), restriction=ALL) is not None
