"""Records: small declared tables with unique fields, expiry and compare-and-set, under the same write."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.store.base import Key, Record, RecordConflict, Store
from profiles.restriction import ALL
from tests.fakes.clock import Clock
from tests.fakes.versions import follow


async def put(store: Store, table: str, key: str, value: dict, **how) -> Record:
    return await store.write(lambda tx: tx.records.put(table, key, value, **how))


async def test_a_record_is_read_back_and_revised(store: Store):
    first = await put(store, "job", "1", {"state": "new", "n": 1, "list": [1, "é"]})
    assert first == Record("job", "1", {"state": "new", "n": 1, "list": [1, "é"]}, 1, None)
    assert await store.records.get("job", "1") == first
    second = await put(store, "job", "1", {"state": "done"}, expect=1)
    assert (second.revision, second.value) == (2, {"state": "done"})
    assert await store.records.get("job", "1") == second
    assert await store.records.get("job", "2") is None


async def test_compare_and_set(store: Store):
    await put(store, "job", "1", {"a": "1"}, expect=0)
    for expect in (0, 2):
        with pytest.raises(RecordConflict):
            await put(store, "job", "1", {"a": "2"}, expect=expect)
    with pytest.raises(RecordConflict):
        await store.write(lambda tx: tx.records.delete("job", "1", expect=2))
    assert (await store.records.get("job", "1")).value == {"a": "1"}
    assert await store.write(lambda tx: tx.records.delete("job", "1", expect=1)) is True
    assert await store.write(lambda tx: tx.records.delete("job", "1")) is False
    assert await store.records.get("job", "1") is None
    assert (await put(store, "job", "1", {}, expect=0)).revision == 1


async def test_a_unique_field_is_taken_once_until_it_is_given_up(store: Store):
    await put(store, "grant", "a", {"code": "x", "user": "u"})
    with pytest.raises(RecordConflict):
        await put(store, "grant", "b", {"code": "x"})
    await put(store, "grant", "a", {"code": "y", "user": "u"})
    await put(store, "grant", "b", {"code": "x", "user": "u"})
    assert [record.key for record in await store.records.find("grant", "code", "x")] == ["b"]
    assert [record.key for record in await store.records.find("grant", "user", "u")] == ["a", "b"]
    await store.write(lambda tx: tx.records.delete("grant", "b"))
    assert await store.records.find("grant", "code", "x") == []
    await put(store, "grant", "c", {"code": "x"})
    # Records without the field do not collide.
    await put(store, "grant", "d", {})
    await put(store, "grant", "e", {"code": None})


async def test_expired_records_are_absent_and_give_their_place_up(store: Store, clock: Clock):
    await put(store, "grant", "a", {"code": "x"}, expires=clock.now + 10_000_000)
    clock.advance(9)
    assert await store.records.get("grant", "a") is not None
    clock.advance(1)
    assert await store.records.get("grant", "a") is None
    assert await store.records.find("grant", "code", "x") == []
    assert await store.records.scan("grant") == []
    await put(store, "grant", "b", {"code": "x"})
    assert (await put(store, "grant", "a", {"code": "z"}, expect=0)).revision == 1
    assert [record.key for record in await store.records.find("grant", "code", "x")] == ["b"]


async def test_the_sweep_removes_expired_records(store: Store, clock: Clock):
    await put(store, "job", "a", {}, expires=clock.now + 1)
    await put(store, "job", "b", {})
    clock.advance(5)
    await store.sweep()
    assert [record.key for record in await store.records.scan("job")] == ["b"]


async def test_scan_walks_by_key(store: Store):
    for key in ("c", "a", "d", "b"):
        await put(store, "job", key, {})
    await put(store, "grant", "aa", {})
    assert [record.key for record in await store.records.scan("job", limit=2)] == ["a", "b"]
    assert [record.key for record in await store.records.scan("job", "b")] == ["c", "d"]


async def test_records_and_versions_are_one_transaction(store: Store):
    key = Key("Patient", "1")

    async def work(tx, *, fails: bool):
        await follow(tx, key)
        await tx.records.put("job", "1", {"done": "yes"})
        assert (await tx.records.get("job", "1")).value == {"done": "yes"}
        assert await store.records.get("job", "1") is None
        if fails:
            raise ValueError

    with pytest.raises(ValueError):
        await store.write(lambda tx: work(tx, fails=True))
    assert await store.records.get("job", "1") is None
    assert await store.read(key, restriction=ALL) is None
    await store.write(lambda tx: work(tx, fails=False))
    assert await store.records.get("job", "1") is not None
    assert await store.read(key, restriction=ALL) is not None


async def test_eight_racers_for_one_unique_field_have_one_winner(store: Store):
    results = await asyncio.gather(
        *(put(store, "grant", str(n), {"code": "one"}) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(result, Record) for result in results) == 1
    assert sum(isinstance(result, RecordConflict) for result in results) == 7


async def test_what_was_not_declared_is_refused(store: Store):
    with pytest.raises(LookupError):
        await store.records.get("undeclared", "1")
    with pytest.raises(LookupError):
        await store.records.find("job", "state", "x")
    with pytest.raises(TypeError):
        await put(store, "grant", "1", {"code": 1})
