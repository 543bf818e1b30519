"""History at three levels: https://hl7.org/fhir/R4/http.html#history"""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.store.base import Key, Scope, Store
from profiles.restriction import ALL, Not, WrittenBy
from tests.fakes.clock import Clock
from tests.fakes.versions import delete, update

A, B, C = Key("Patient", "a"), Key("Patient", "b"), Key("Observation", "o")
START = Clock().now


async def some(store: Store, clock: Clock) -> None:
    """Ten seconds apart: A/1, B/1, C/1, A/2, A/3 (deleted), C/2."""
    for key in (A, B, C, A):
        await update(store, key)
        clock.advance(10)
    await delete(store, A)
    clock.advance(10)
    await update(store, C)
    clock.advance(10)


def at(seconds: float) -> int:
    return START + round(seconds * 1_000_000)


async def listed(store: Store, scope: Scope) -> list[tuple[str, int]]:
    page = await store.history(scope, restriction=ALL)
    return [(version.key.id, version.number) for version in page.versions]


async def test_newest_first_tombstones_included(store: Store, clock: Clock):
    await some(store, clock)
    assert await listed(store, Scope("Patient", "a")) == [("a", 3), ("a", 2), ("a", 1)]
    assert await listed(store, Scope("Patient")) == [("a", 3), ("a", 2), ("b", 1), ("a", 1)]
    assert await listed(store, Scope()) == [("o", 2), ("a", 3), ("a", 2), ("o", 1), ("b", 1), ("a", 1)]
    assert await listed(store, Scope("Patient", "unknown")) == []
    assert await listed(store, Scope("Nothing")) == []


async def test_since_is_inclusive_and_before_is_not(store: Store, clock: Clock):
    await some(store, clock)
    assert await listed(store, Scope(since=at(30))) == [("o", 2), ("a", 3), ("a", 2)]
    assert await listed(store, Scope(since=at(30), before=at(50))) == [("a", 3), ("a", 2)]
    assert await listed(store, Scope("Patient", since=at(5), before=at(35))) == [("a", 2), ("b", 1)]
    assert await listed(store, Scope(since=at(1000))) == []
    assert await listed(store, Scope(before=START)) == []


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-5, -1, []),
        (-5, 0, [("a", 1)]),
        (5, 5, [("a", 1)]),
        (0, 15, [("b", 1), ("a", 1)]),
        (29.999999, 29.999999, [("o", 1), ("b", 1), ("a", 1)]),
        (30, 30, [("a", 2), ("o", 1), ("b", 1)]),
        (35, 45, [("a", 3), ("a", 2), ("o", 1), ("b", 1)]),
        (1000, 2000, [("o", 2), ("a", 3), ("b", 1)]),
    ],
)
async def test_at_keeps_what_was_current_at_some_moment(store: Store, clock: Clock, low, high, expected):
    await some(store, clock)
    assert await listed(store, Scope(at=(at(low), at(high)))) == expected


async def test_a_walk_is_not_disturbed_by_writes(store: Store, clock: Clock):
    await some(store, clock)
    scope, found = Scope(count=2), []
    while True:
        page = await store.history(scope, restriction=ALL)
        found += [(version.key.id, version.number) for version in page.versions]
        if page.next is None:
            break
        await update(store, A)
        await update(store, C)
        scope = replace(scope, after=page.next, position=page.position)
    assert found == [("o", 2), ("a", 3), ("a", 2), ("o", 1), ("b", 1), ("a", 1)]


async def test_a_walk_at_a_moment_answers_as_of_its_first_page(store: Store, clock: Clock):
    await some(store, clock)
    scope = Scope("Observation", at=(at(0), at(1000)), count=1)
    page = await store.history(scope, restriction=ALL)
    assert [version.number for version in page.versions] == [2]
    await update(store, C)
    page = await store.history(replace(scope, after=page.next, position=page.position), restriction=ALL)
    assert [version.number for version in page.versions] == [1]
    assert page.next is None


async def test_the_last_page_has_no_next(store: Store, clock: Clock):
    await some(store, clock)
    assert (await store.history(Scope(count=6), restriction=ALL)).next is None
    assert (await store.history(Scope(count=5), restriction=ALL)).next is not None


async def test_a_restricted_history_fills_its_pages_with_what_is_allowed(store: Store):
    for n in range(20):
        await update(store, Key("Patient", str(n)), author="alice" if n % 2 else "bob")
    not_bob = Not(WrittenBy("bob"))
    page = await store.history(Scope("Patient", count=4), restriction=not_bob)
    assert [version.key.id for version in page.versions] == ["19", "17", "15", "13"]
    page = await store.history(Scope("Patient", count=10, after=page.next, position=page.position), restriction=not_bob)
    assert [version.key.id for version in page.versions] == ["11", "9", "7", "5", "3", "1"]
    assert page.next is None
