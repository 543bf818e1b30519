"""Versions: putting, reading, conflicts, failures, time."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from fhir_server.search.query import Target, Token
from fhir_server.store.base import CHUNK, Key, Store, Transaction, VersionConflict
from profiles.restriction import ALL, InCompartment
from tests.fakes.clock import Clock
from tests.fakes.versions import NO_ENTRIES, coded, delete, follow, new, put, update

P = Key("Patient", "1")


async def test_what_is_put_is_read_back_whole(store: Store, clock: Clock):
    version = await put(store, new(P, 1, method="POST", author="bob", text="é\u0000", owners=[P, Key("Group", "g")]))
    read = await store.read(P, restriction=ALL)
    assert read == version
    assert (read.key, read.number, read.method, read.author, read.time) == (P, 1, "POST", "bob", clock.now)
    assert read.body == new(P, 1, text="é\u0000").body
    assert read.patients == ("1",)
    assert read.position == await store.position()


async def test_absence_is_none(store: Store):
    assert await store.read(P, restriction=ALL) is None
    assert await store.vread(P, 1, restriction=ALL) is None
    assert await store.owners(P, 1, restriction=ALL) == []
    await put(store, new(P, 1))
    assert await store.read(Key("Patient", "other"), restriction=ALL) is None
    assert await store.read(Key("Nothing", "1"), restriction=ALL) is None
    for number in (0, -1, 2, 1 << 80):
        assert await store.vread(P, number, restriction=ALL) is None


async def test_a_fresh_id_that_its_own_transaction_referred_to_first_is_one_resource(store: Store):
    async def work(tx: Transaction) -> None:
        await tx.put(new(Key("Observation", "o"), 1, owners=[P]), NO_ENTRIES)
        await tx.put(replace(new(P, 1, owners=[P]), fresh=True), NO_ENTRIES)

    await store.write(work)
    assert await store.owners(Key("Observation", "o"), 1, restriction=ALL) == [P]
    assert (await store.read(P, restriction=InCompartment("Patient", "1"))).number == 1
    assert await store.counts() == {"Observation": 1, "Patient": 1}
    assert await store.check() == []


async def test_every_version_stays_readable(store: Store):
    await put(store, new(P, 1, text="first"))
    await put(store, new(P, 2, text="second"))
    await delete(store, P)
    current = await store.read(P, restriction=ALL)
    assert (current.number, current.deleted, current.body) == (3, True, b"")
    assert (await store.vread(P, 1, restriction=ALL)).body == new(P, 1, text="first").body
    assert (await store.vread(P, 2, restriction=ALL)).body == new(P, 2, text="second").body
    await put(store, new(P, 4, text="again"))
    assert (await store.read(P, restriction=ALL)).number == 4


async def test_read_many_leaves_out_what_is_not_there(store: Store):
    await put(store, new(P, 1))
    found = await store.read_many([P, Key("Patient", "2"), Key("Nothing", "1")], restriction=ALL)
    assert set(found) == {P}


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_version_that_does_not_follow_the_current_one_conflicts(store: Store, number: int):
    await put(store, new(P, 1))
    with pytest.raises(VersionConflict):
        await put(store, new(P, number))
    assert (await store.read(P, restriction=ALL)).number == 1


async def test_a_failed_work_leaves_nothing_behind(store: Store):
    await update(store, P, code="before")
    position = await store.position()

    async def fails(tx):
        await follow(tx, P, code="after")
        await tx.put(new(Key("Observation", "x"), 1, owners=[Key("Patient", "unheard-of")]), coded("new"))
        assert await tx.count((Target("Observation", Token("code", None, "new")),), restriction=ALL) == 1
        await tx.put(new(Key("Device", "y"), 1), NO_ENTRIES)
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        await store.write(fails)
    assert (await store.read(P, restriction=ALL)).number == 1
    assert await store.read(Key("Observation", "x"), restriction=ALL) is None
    assert await store.counts() == {"Patient": 1}
    assert await store.position() == position
    assert await store.count((Target("Patient", Token("code", None, "before")),), restriction=ALL) == 1
    assert await store.count((Target("Patient", Token("code", None, "after")),), restriction=ALL) == 0
    await update(store, P, code="after")
    assert await store.count((Target("Patient", Token("code", None, "after")),), restriction=ALL) == 1


async def test_a_work_that_fails_in_a_group_does_not_touch_its_neighbours(store: Store):
    async def work(tx, n: int):
        key = Key("Patient", str(n))
        await follow(tx, key, code="c")
        if n % 3 == 0:
            # A search makes the transaction write what it gathered.
            assert await tx.count((Target("Patient"),), restriction=ALL) > 0
        await follow(tx, Key("Observation", str(n)), code="c")
        if n % 2:
            raise RuntimeError(str(n))
        return n

    results = await asyncio.gather(
        *(store.write(lambda tx, n=n: work(tx, n)) for n in range(60)), return_exceptions=True
    )
    assert [n for n, result in enumerate(results) if result == n] == list(range(0, 60, 2))
    assert [str(result) for result in results[1::2]] == [str(n) for n in range(1, 60, 2)]
    assert await store.counts() == {"Patient": 30, "Observation": 30}
    for kind in ("Patient", "Observation"):
        assert await store.count((Target(kind, Token("code", None, "c")),), restriction=ALL) == 30
        for n in range(60):
            assert (await store.read(Key(kind, str(n)), restriction=ALL) is None) == bool(n % 2)


async def test_a_transaction_sees_its_own_writes(store: Store):
    async def work(tx):
        await tx.put(new(P, 1, owners=[P]), coded("one"))
        assert (await tx.read(P, restriction=ALL)).number == 1
        await tx.put(new(P, 2, owners=[P]), coded("two"))
        assert (await tx.read(P, restriction=ALL)).number == 2
        assert (await tx.vread(P, 1, restriction=ALL)).number == 1
        assert await tx.owners(P, 2, restriction=ALL) == [P]
        assert await tx.matches("Patient", Token("code", None, "one"), restriction=ALL, limit=2) == []
        assert [
            v.number for v in await tx.matches("Patient", Token("code", None, "two"), restriction=ALL, limit=2)
        ] == [2]
        assert await tx.count((Target("Patient"),), restriction=ALL) == 1
        # Nobody else does.
        assert await store.read(P, restriction=ALL) is None
        assert await store.count((Target("Patient"),), restriction=ALL) == 0

    await store.write(work)
    assert (await store.read(P, restriction=ALL)).number == 2


async def test_versions_of_one_transaction_share_time_and_position(store: Store):
    async def work(tx):
        for n in range(450):
            await tx.put(new(Key("Observation", str(n)), 1), coded(str(n)))
        return tx.time

    time = await store.write(work)
    position = await store.position()
    found = [await store.read(Key("Observation", str(n)), restriction=ALL) for n in range(450)]
    assert {(v.time, v.position) for v in found} == {(time, position)}


async def test_time_never_goes_back(store: Store, clock: Clock):
    first = await update(store, P)
    clock.advance(-3600)
    second = await update(store, P)
    clock.advance(7200)
    third = await update(store, P)
    assert first.time <= second.time < third.time
    assert third.time == clock.now


async def test_owners_and_labels_come_in_order_and_once(store: Store):
    owners = [Key("Patient", "b"), Key("Encounter", "z"), Key("Patient", "a"), Key("Patient", "b")]
    await put(store, new(P, 1, owners=owners, labels=[("s", "b"), ("r", "a"), ("s", "b")]))
    assert await store.owners(P, 1, restriction=ALL) == [
        Key("Encounter", "z"),
        Key("Patient", "a"),
        Key("Patient", "b"),
    ]
    assert await store.labels(P, 1, restriction=ALL) == [("r", "a"), ("s", "b")]
    assert (await store.read(P, restriction=ALL)).patients == ("a", "b")


async def test_raw_content_comes_back_in_its_chunks(store: Store):
    key = Key("Binary", "b")
    pieces = [bytes([n]) * CHUNK for n in range(3)] + [b"end"]

    async def work(tx):
        await tx.put(new(key, 1), NO_ENTRIES)
        for piece in pieces:
            await tx.put_chunk(key, 1, piece)

    await store.write(work)
    await update(store, key)
    assert [chunk async for chunk in store.chunks(key, 1, restriction=ALL)] == pieces
    assert [chunk async for chunk in store.chunks(key, 2, restriction=ALL)] == []
    assert await store.content_length(key, 1, restriction=ALL) == 3 * CHUNK + 3
    assert await store.content_length(key, 2, restriction=ALL) == 0
    for start in (1, CHUNK - 1, CHUNK, 2 * CHUNK + 7, 3 * CHUNK + 2, 3 * CHUNK + 3):
        rest = [chunk async for chunk in store.chunks(key, 1, restriction=ALL, start=start)]
        assert b"".join(rest) == b"".join(pieces)[start:]
    with pytest.raises(LookupError):
        await store.write(lambda tx: tx.put_chunk(key, 1, b"late"))


async def test_a_transaction_is_of_no_use_after_its_work(store: Store):
    kept = []

    async def work(tx):
        kept.append(tx)

    await store.write(work)
    with pytest.raises(RuntimeError):
        await kept[0].put(new(P, 1), NO_ENTRIES)
    with pytest.raises(RuntimeError):
        await kept[0].read(P, restriction=ALL)


async def test_a_work_that_writes_through_the_store_is_told_so(store: Store):
    async def work(tx):
        await update(store, P)

    with pytest.raises(RuntimeError, match="wait for itself"):
        await store.write(work)
