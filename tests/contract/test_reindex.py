"""Indexing again: the entries of current versions are replaced, everything else stays as it was."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.search.query import EVERYTHING, And, Node, Owned, Target, Token, Words
from fhir_server.search.values import IndexEntries, decimal_key
from fhir_server.store.base import CursorExpired, Key, Scope, Store
from profiles.restriction import ALL, NONE, HasLabel
from tests.fakes.clock import Clock
from tests.fakes.versions import RED, coded, delete, new, put, update

SYSTEM = "https://example.org/codes"


def patient(n: int) -> Key:
    return Key("Patient", str(n))


async def found(store: Store, code: str, name: str = "code") -> list[str]:
    node = Token(name, SYSTEM, code)
    return [each.key.id for each in await store.matches("Patient", node, restriction=ALL, limit=100)]


async def reindex(store: Store, key: Key, number: int, entries: IndexEntries) -> bool:
    return await store.write(lambda tx: tx.reindex(key, number, entries))


async def test_entries_are_replaced_and_the_version_is_not(store: Store) -> None:
    before = await put(store, new(patient(1), 1, owners=[patient(1)], labels=[RED]), coded("a"))
    assert await reindex(store, patient(1), 1, coded("b"))
    assert await found(store, "a") == []
    assert await found(store, "b") == ["1"]
    assert await store.read(patient(1), restriction=ALL) == before
    assert await store.owners(patient(1), 1, restriction=ALL) == [patient(1)]
    assert await store.labels(patient(1), 1, restriction=ALL) == [RED]
    assert len((await store.history(Scope(), restriction=ALL)).versions) == 1
    assert await store.counts() == {"Patient": 1}


async def test_every_kind_of_entry_comes_and_goes(store: Store) -> None:
    everything = IndexEntries(
        tokens=[("code", SYSTEM, "a", 0), ("other", "", "x", 2)],
        strings=[("family", "moreau", "Moreau", 0)],
        references=[("subject", "Patient", "9", 0, 0)],
        uris=[("_profile", "http://example.org/p", "1", 0)],
        dates=[("date", 5, 9, 0)],
        numbers=[("n", decimal_key(1), decimal_key(2), 0)],
        quantities=[("q", "http://unitsofmeasure.org", "kg", decimal_key(1), decimal_key(1), 0)],
        positions=[("near", 10, -20, 0)],
    )
    await put(store, new(patient(1), 1), coded("a"))
    assert await reindex(store, patient(1), 1, everything)
    assert await store.check() == []
    assert await found(store, "x", "other") == []
    assert [
        each.key.id for each in await store.matches("Patient", Token("other", "", "x"), restriction=ALL, limit=2)
    ] == ["1"]
    assert await reindex(store, patient(1), 1, everything)
    assert await store.check() == []
    assert await reindex(store, patient(1), 1, IndexEntries())
    assert await found(store, "a") == []


async def test_words_are_replaced_like_entries(store: Store) -> None:
    async def said(word: str) -> list[str]:
        node = Words((((word,), False),))
        return [each.key.id for each in await store.matches("Patient", node, restriction=ALL, limit=9)]

    await put(store, new(patient(1), 1), IndexEntries(texts=("", "cough fever")))
    assert await reindex(store, patient(1), 1, IndexEntries(texts=("", "fever rash")))
    assert (await said("cough"), await said("fever"), await said("rash")) == ([], ["1"], ["1"])
    assert await reindex(store, patient(1), 1, IndexEntries())
    assert await said("fever") == []


def holding(code: str) -> IndexEntries:
    """Return entries of a container: what it contains is found by `code`, and by the word of that name."""
    inner = IndexEntries(tokens=[("code", SYSTEM, code, 0), ("_id", "", "i", 0)], texts=("", code))
    return IndexEntries(contained=[("#Basic", inner)])


async def test_entries_of_what_is_contained_are_replaced_too(store: Store) -> None:
    async def held(node: Node) -> int:
        return await store.count([Target("Basic", node, "contained")], restriction=ALL)

    await put(store, new(patient(1), 1), coded("a"))
    for code in ("x", "y"):
        assert await reindex(store, patient(1), 1, holding(code))
        assert await store.check() == []
        assert [await held(Token("code", SYSTEM, each)) for each in "xy"] == [code == "x", code == "y"]
        assert [await held(Words((((each,), False),))) for each in "xy"] == [code == "x", code == "y"]
    assert await found(store, "y") == [], "they are not those of the container"
    assert await reindex(store, patient(1), 1, IndexEntries())
    assert await held(EVERYTHING) == 0
    assert await store.check() == []


async def test_what_is_kept_by_patient_is_replaced_too(store: Store) -> None:
    observation = Key("Observation", "1")
    old, other = (IndexEntries(tokens=[("code", SYSTEM, code, 0)], by_patient=frozenset({"code"})) for code in "ab")
    await put(store, new(observation, 1, owners=[patient(1)]), old)
    assert await reindex(store, observation, 1, other)
    assert await store.check() == []
    within = And((Owned("Patient", "1"), Token("code", SYSTEM, "b")))
    found = await store.matches("Observation", within, restriction=ALL, limit=9)
    assert [each.key for each in found] == [observation]


async def test_only_the_current_version_is_indexed_again(store: Store) -> None:
    await put(store, new(patient(1), 1), coded("a"))
    await update(store, patient(1), code="b")
    assert not await reindex(store, patient(1), 1, coded("c"))
    assert await reindex(store, patient(1), 2, coded("d"))
    assert (await found(store, "b"), await found(store, "c"), await found(store, "d")) == ([], [], ["1"])
    await delete(store, patient(1))
    assert not await reindex(store, patient(1), 2, coded("e"))
    assert not await reindex(store, patient(1), 3, coded("e"))
    assert not await reindex(store, patient(2), 1, coded("e"))
    assert not await reindex(store, Key("Device", "1"), 1, coded("e"))
    assert await found(store, "e") == []


async def test_a_version_written_in_the_same_transaction_is_indexed_again(store: Store) -> None:
    async def work(tx) -> bool:
        await tx.put(new(patient(1), 1), coded("a"))
        return await tx.reindex(patient(1), 1, coded("b"))

    assert await store.write(work)
    assert (await found(store, "a"), await found(store, "b")) == ([], ["1"])


async def test_what_is_indexed_again_can_be_updated_deleted_and_swept(store: Store, clock: Clock) -> None:
    for n in range(5):
        await put(store, new(patient(n), 1), coded("a"))
        assert await reindex(store, patient(n), 1, coded("b"))
    await update(store, patient(0), code="c")
    await delete(store, patient(1))
    assert await found(store, "b") == ["2", "3", "4"]
    clock.advance(7200)
    await put(store, new(patient(9), 1), coded("z"))
    assert await store.sweep() == 2
    assert await found(store, "b") == ["2", "3", "4"]


async def test_a_failed_work_leaves_the_entries_as_they_were_and_its_neighbours_alone(store: Store) -> None:
    await put(store, new(patient(1), 1), coded("a"))

    async def fails(tx) -> None:
        await tx.reindex(patient(1), 1, coded("b"))
        await tx.reindex(patient(1), 1, coded("c"))
        raise ValueError

    done = await asyncio.gather(
        put(store, new(patient(2), 1), coded("a")),
        store.write(fails),
        put(store, new(patient(3), 1), coded("b")),
        return_exceptions=True,
    )
    assert isinstance(done[1], ValueError)
    assert (await found(store, "a"), await found(store, "b"), await found(store, "c")) == (["1", "2"], ["3"], [])


async def test_living_walks_the_current_versions_of_a_type_in_pages(store: Store) -> None:
    for n in range(6):
        await put(store, new(patient(n), 1, labels=[RED] if n == 5 else ()), coded("a"))
    await put(store, new(Key("Device", "1"), 1), coded("a"))
    await update(store, patient(2))
    await delete(store, patient(3))
    ids, after, pages = [], 0, 0
    while after is not None:
        page = await store.living("Patient", restriction=ALL, after=after, limit=2)
        ids += [(each.key.id, each.number) for each in page.versions]
        after, pages = page.next, pages + 1
    assert ids == [("0", 1), ("1", 1), ("4", 1), ("5", 1), ("2", 2)]
    assert pages == 3
    red = await store.living("Patient", restriction=HasLabel(*RED))
    assert [each.key.id for each in red.versions] == ["5"]
    assert not (await store.living("Patient", restriction=NONE)).versions
    assert (await store.living("Claim", restriction=ALL)).next is None


async def test_versions_updated_between_two_slices_keep_their_own_entries(store: Store) -> None:
    for n in range(4):
        await put(store, new(patient(n), 1), coded("old"))
    page = await store.living("Patient", restriction=ALL)
    await update(store, patient(1), code="fresh")
    await delete(store, patient(2))
    done = [await reindex(store, each.key, each.number, coded("new")) for each in page.versions]
    assert done == [True, False, False, True]
    assert (await found(store, "new"), await found(store, "fresh"), await found(store, "old")) == (
        ["0", "3"],
        ["1"],
        [],
    )


async def test_settling_expires_the_walks_that_began_before(store: Store) -> None:
    for n in range(3):
        await put(store, new(patient(n), 1), coded("a"))
    old = await store.position()
    await put(store, new(patient(3), 1), coded("a"))
    now = await store.position()
    await store.write(lambda tx: tx.settle_index())
    assert store.indexed
    assert await found(store, "a") == ["0", "1", "2", "3"]
    with pytest.raises(CursorExpired):
        await counted(store, old)
    assert await counted(store, now) == 4


async def counted(store: Store, position: int) -> int:
    return await store.count((Target("Patient", Token("code", None, "a")),), restriction=ALL, position=position)
