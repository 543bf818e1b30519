"""Page walks in an order: stable while what they are sorted by is changed, both directions, missing values last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fhir_server.search.query import Query, Sort, SortKind, Target, Token
from fhir_server.search.values import decimal_key
from fhir_server.store.base import Key, Store, Version
from profiles.restriction import ALL, HasLabel, Not, Restriction
from tests.fakes.statements import code, keep
from tests.fakes.versions import RED, delete

KINDS: dict[SortKind, tuple[str, ...]] = {
    "token": ("code",),
    "string": ("name",),
    "reference": ("subject",),
    "uri": ("url",),
    "date": ("date",),
    "number": ("n",),
    "quantity": ("q",),
}
BY = [(kind, descending) for kind in KINDS for descending in (False, True)]
NUMBERS = (5, 2, None, 8, 2, 0, None, 7, 9, 5)
"""What the observations i0, i1, ... are sorted by, in the order of commits."""


def values(number: int | None) -> dict[str, list[object]]:
    """Return an entry of every kind, and of every kind none for None."""
    if number is None:
        return {}
    return {
        "tokens": code(f"c{number}"),
        "strings": [("name", f"n{number}", f"N{number}", 0)],
        "references": [("subject", "Patient", f"p{number}", 0, 0)],
        "uris": [("url", f"http://u/{number}", "", 0)],
        "dates": [("date", number, number, 0)],
        "numbers": [("n", decimal_key(number), decimal_key(number), 0)],
        "quantities": [("q", "", "", decimal_key(number), decimal_key(number), 0)],
    }


async def some(store: Store) -> None:
    for at, number in enumerate(NUMBERS):
        await keep(store, f"Observation/i{at}", **values(number))


async def change(store: Store, at: int, number: int | None) -> None:
    current = await store.read(Key("Observation", f"i{at}"), restriction=ALL)
    await keep(store, f"Observation/i{at}", current.number + 1 if current else 1, **values(number))


def expected(descending: bool, without: tuple[int, ...] = ()) -> list[str]:
    """Return the ids in order; equal ones, and those without a value, in the order of commits."""
    here = [at for at in range(len(NUMBERS)) if at not in without]
    valued = [at for at in here if NUMBERS[at] is not None]
    valued.sort(key=lambda at: (-(NUMBERS[at] or 0) if descending else NUMBERS[at] or 0, at))
    return [f"i{at}" for at in valued + [at for at in here if NUMBERS[at] is None]]


Between = Callable[[int], Awaitable[object]]


async def walk(store: Store, query: Query, between: Between, restriction: Restriction = ALL) -> list[Version]:
    """Follow a search to its end; `between` runs after each page but the last, with its number from 1."""
    found: list[Version] = []
    pages = 0
    while True:
        page = await store.search(query, restriction=restriction)
        found += page.versions
        if page.next is None:
            return found
        pages += 1
        await between(pages)
        query = replace(query, after=page.next, position=page.position)


async def nothing(page: int) -> None:
    """Leave everything as it is."""


def by(kind: SortKind, descending: bool, count: int) -> Query:
    return Query((Target("Observation"),), count, sort=(Sort(kind, KINDS[kind], descending),))


@pytest.mark.parametrize(("kind", "descending"), BY)
async def test_pages_of_any_size_make_the_same_walk(store: Store, kind: SortKind, descending: bool):
    await some(store)
    for count in (1, 3, 10, 99):
        found = await walk(store, by(kind, descending, count), nothing)
        assert [each.key.id for each in found] == expected(descending)


@pytest.mark.parametrize(("kind", "descending"), BY)
async def test_a_walk_is_not_disturbed_by_changes_of_what_it_is_sorted_by(
    store: Store, kind: SortKind, descending: bool
):
    await some(store)

    async def between(page: int) -> None:
        # Every match moves to the other end or loses its value, shown or not; new ones come in anywhere.
        for at, number in enumerate(NUMBERS):
            await change(store, at, None if number == 5 else 9 - (number if number is not None else page))
        await change(store, 100 + page, page)

    found = await walk(store, by(kind, descending, 3), between)
    assert [each.key.id for each in found] == expected(descending)
    assert {each.number for each in found} == {1}


@pytest.mark.parametrize(("kind", "descending"), BY)
async def test_what_is_deleted_during_a_walk_is_left_out_even_where_it_goes_on_from(
    store: Store, kind: SortKind, descending: bool
):
    await some(store)
    order = expected(descending)
    gone = (order[2], order[4], order[9])

    async def between(page: int) -> None:
        if page == 1:
            for id in gone:
                await delete(store, Key("Observation", id))

    found = await walk(store, by(kind, descending, 3), between)
    assert [each.key.id for each in found] == [id for id in order if id not in gone[1:]], "order[2] was shown before"


@pytest.mark.parametrize("descending", [False, True])
async def test_what_is_no_longer_permitted_is_left_out(store: Store, descending: bool):
    await some(store)
    order = expected(descending)

    async def between(page: int) -> None:
        if page == 1:
            for id in (order[2], order[5]):
                await keep(store, f"Observation/{id}", 2, labels=[RED], **values(1))

    found = await walk(store, by("number", descending, 3), between, Not(HasLabel(*RED)))
    assert [each.key.id for each in found] == [id for id in order if id != order[5]]


@pytest.mark.parametrize("descending", [False, True])
async def test_the_order_of_commits_is_that_of_the_first_page(store: Store, descending: bool):
    await some(store)
    query = Query((Target("Observation"),), 3, sort=(Sort("updated", descending=descending),))

    async def between(page: int) -> None:
        for at in (0, 4, 9):
            await change(store, at, 1)

    found = await walk(store, query, between)
    order = [f"i{at}" for at in range(10)]
    assert [each.key.id for each in found] == (order[::-1] if descending else order)


async def test_several_orders_and_several_types(store: Store):
    for at, number in enumerate(NUMBERS):
        await keep(store, f"{'Observation' if at % 2 else 'Condition'}/i{at}", **values(number))
    targets = (Target("Condition"), Target("Observation"), Target("Never"))
    by_value_then_id = (Sort("number", ("n",)), Sort("id", descending=True))

    async def between(page: int) -> None:
        await keep(store, "Condition/i0", 1 + page, **values(page))

    found = await walk(store, Query(targets, 2, sort=by_value_then_id), between)
    assert [each.key.id for each in found] == ["i5", "i4", "i1", "i9", "i0", "i7", "i3", "i8", "i6", "i2"]


async def test_a_count_over_several_types_is_what_their_walk_shows(store: Store):
    await some(store)
    await keep(store, "Condition/c", **values(5))
    await keep(store, "Condition/d", labels=[RED], **values(5))
    five = Token("code", None, "c5")
    targets = (Target("Observation", five), Target("Condition", five), Target("Never", five))
    assert await store.count(targets, restriction=ALL) == 4
    assert await store.count((Target("Observation"), Target("Condition")), restriction=ALL) == 12
    assert await store.count(targets, restriction=Not(HasLabel(*RED))) == 3
    assert await store.count((), restriction=ALL) == 0
    position = await store.position()
    await delete(store, Key("Condition", "c"))
    await change(store, 0, 1)
    await change(store, 50, 5)
    assert await store.count(targets, restriction=ALL) == 3
    assert await store.count(targets, restriction=ALL, position=position) == 3
    shown = await walk(store, Query(targets, 2, position=position), nothing)
    assert [each.key.id for each in shown] == ["i0", "i9", "d"]
