"""Page walks answer as of the commit of their first page, whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fhir_server.search.query import EVERYTHING, Node, Query, Target, Token
from fhir_server.store.base import CursorExpired, Key, Store, Version
from profiles.restriction import ALL
from tests.contract.conftest import LIFETIME
from tests.fakes.clock import Clock
from tests.fakes.versions import delete, update

CODED = Token("code", None, "a")


def patient(n: int) -> Key:
    return Key("Patient", str(n))


async def walk(store: Store, where: Node, count: int, between: Callable[[int], Awaitable[object]]) -> list[Version]:
    """Follow a search to its end; `between` runs after each page but the last, with its number from 1."""
    query, found, pages = Query((Target("Patient", where),), count), [], 0
    while True:
        page = await store.search(query, restriction=ALL)
        found += page.versions
        if page.next is None:
            return found
        assert len(page.versions) == count or pages
        pages += 1
        await between(pages)
        query = replace(query, after=page.next, position=page.position)


@pytest.mark.parametrize("where", [EVERYTHING, CODED])
async def test_a_match_updated_since_comes_once_in_its_version_of_then(store: Store, where: Node):
    for n in range(10):
        await update(store, patient(n), text="then")

    async def between(page: int) -> None:
        for n in (0, 4, 9):
            await update(store, patient(n), code="b" if page == 1 else "a", text="since")

    found = await walk(store, where, 3, between)
    assert [version.key.id for version in found] == [str(n) for n in range(10)]
    assert all(b"then" in version.body for version in found)


@pytest.mark.parametrize("where", [EVERYTHING, CODED])
async def test_a_match_deleted_since_is_left_out_and_a_new_one_does_not_appear(store: Store, where: Node):
    for n in range(10):
        await update(store, patient(n))

    async def between(page: int) -> None:
        if page == 1:
            await delete(store, patient(5))
            await delete(store, patient(9))
            await update(store, patient(9))
            await update(store, patient(100))
            await update(store, patient(6))
            await delete(store, patient(6))

    found = await walk(store, where, 3, between)
    assert [version.key.id for version in found] == ["0", "1", "2", "3", "4", "7", "8", "9"]


async def test_a_search_finds_only_current_versions(store: Store):
    await update(store, patient(1), code="old")
    await update(store, patient(1), code="a")
    await update(store, patient(2), code="a")
    await delete(store, patient(2))
    found = await store.search(Query((Target("Patient", CODED),)), restriction=ALL)
    assert [(version.key.id, version.number) for version in found.versions] == [("1", 2)]
    assert (await store.search(Query((Target("Patient", Token("code", None, "old")),)), restriction=ALL)).versions == []
    assert (await store.search(Query((Target("Observation"),)), restriction=ALL)).versions == []
    assert await store.count((Target("Patient", CODED),), restriction=ALL) == 1


async def test_a_count_as_of_a_position_is_what_its_walk_shows(store: Store):
    for n in range(5):
        await update(store, patient(n))
    position = await store.position()
    await delete(store, patient(0))
    await update(store, patient(7))
    await update(store, patient(8))
    assert await store.count((Target("Patient"),), restriction=ALL) == 6
    for where in (EVERYTHING, CODED):
        assert await store.count((Target("Patient", where),), restriction=ALL, position=position) == 4
        shown = await store.search(Query((Target("Patient", where),), position=position), restriction=ALL)
        assert [version.key.id for version in shown.versions] == ["1", "2", "3", "4"]


async def test_a_page_of_nothing(store: Store):
    await update(store, patient(0))
    page = await store.search(Query((Target("Patient"),), count=0), restriction=ALL)
    assert (list(page.versions), page.next) == ([], None)


async def test_matches_come_up_to_the_limit(store: Store):
    for n in range(3):
        await update(store, patient(n))
    assert len(await store.matches("Patient", CODED, restriction=ALL, limit=2)) == 2
    assert len(await store.matches("Patient", CODED, restriction=ALL, limit=9)) == 3


async def test_after_its_lifetime_a_walk_expires_and_before_that_it_does_not(store: Store, clock: Clock):
    for n in range(4):
        await update(store, patient(n))
    first = await store.search(Query((Target("Patient", CODED),), 2), restriction=ALL)
    following = Query((Target("Patient", CODED),), 2, first.next, first.position)
    await update(store, patient(3))
    clock.advance(LIFETIME - 1)
    assert await store.sweep() == 0
    assert len((await store.search(following, restriction=ALL)).versions) == 2
    clock.advance(2)
    assert await store.sweep() == 1
    with pytest.raises(CursorExpired):
        await store.search(following, restriction=ALL)
    with pytest.raises(CursorExpired):
        await store.count((Target("Patient", CODED),), restriction=ALL, position=first.position)
    assert await store.count((Target("Patient", CODED),), restriction=ALL) == 4


async def test_a_sweep_takes_index_rows_and_nothing_else(store: Store, clock: Clock):
    for n in range(250):
        await update(store, patient(n), text="first")
        await update(store, patient(n), text="second")
    await delete(store, patient(0))
    clock.advance(LIFETIME + 1)
    assert await store.sweep() == 251
    assert await store.sweep() == 0
    assert await store.count((Target("Patient", CODED),), restriction=ALL) == 249
    assert b"first" in (await store.vread(patient(0), 1, restriction=ALL)).body
