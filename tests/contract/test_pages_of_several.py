"""Page walks over several types, and over contained resources: one order for all, stable under writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fhir_server.search.query import EVERYTHING, Query, Sort, Target, Token
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Store
from profiles.restriction import ALL, HasLabel, Not, Restriction
from tests.fakes.versions import RED, coded, delete, new, put

KINDS = ("Patient", "Observation", "Patient", "Location", "Observation", "Patient", "Location", "Patient")
"""The types of the resources 0, 1, ... in the order of commits."""
CONTAINERS = (Target("Basic", EVERYTHING, "container"),)
CONTAINED = (Target("Basic", EVERYTHING, "contained"),)


async def nothing() -> None:
    """Change nothing."""


async def walk(
    store: Store,
    query: Query,
    restriction: Restriction = ALL,
    between: Callable[[], Awaitable[object]] = nothing,
) -> list[str]:
    """Follow a search to its end and return `Type/id`, with the code of what was found inside it."""
    found: list[str] = []
    while True:
        page = await store.search(query, restriction=restriction)
        found += [
            f"{each.key.id}" if each.contained is None else f"{each.key.id}#{each.contained}" for each in page.versions
        ]
        if page.next is None:
            return found
        await between()
        query = replace(query, after=page.next, position=page.position)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
@pytest.mark.parametrize("sort", [(), (Sort("updated"),), (Sort("updated", (), descending=True),)])
async def test_types_are_mixed_in_the_order_of_commits(store: Store, count: int, sort: tuple[Sort, ...]) -> None:
    for number, kind in enumerate(KINDS):
        await put(store, new(Key(kind, str(number)), 1), coded("a" if number != 3 else "b"))
    targets = tuple(Target(kind, Token("code", None, "a")) for kind in ("Location", "Patient", "Observation", "Device"))
    expected = [str(number) for number in range(len(KINDS)) if number != 3]
    if sort and sort[0].descending:
        expected.reverse()
    assert await walk(store, Query(targets, count, sort=sort)) == expected


def holding(*codes: str) -> IndexEntries:
    """Return entries of a resource that contains a Basic for each of `codes`."""
    inner = [("#Basic", IndexEntries(tokens=[("_id", "", "i", 0), ("code", "", each, 0)])) for each in codes]
    return IndexEntries(contained=list(inner))


async def some(store: Store) -> None:
    for number, codes in enumerate((("b", "z"), ("c",), ("a", "b", "y"), ())):
        await put(store, new(Key("Patient", str(number)), 1), holding(*codes))


CODE = Sort("token", ("code",))


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(
    ("targets", "sort", "expected"),
    [
        (CONTAINED, (), "0#0 0#1 1#0 2#0 2#1 2#2"),
        (CONTAINED, (CODE,), "2#0 0#0 2#1 1#0 2#2 0#1"),
        (CONTAINED, (replace(CODE, descending=True),), "0#1 2#2 1#0 0#0 2#1 2#0"),
        # A container comes where the first of what it contains comes.
        (CONTAINERS, (), "0#0 1#0 2#0"),
        (CONTAINERS, (CODE,), "2#0 0#0 1#0"),
        (CONTAINERS, (replace(CODE, descending=True),), "0#1 2#2 1#0"),
        (CONTAINERS, (Sort("updated", (), descending=True),), "2#0 1#0 0#0"),
        (CONTAINERS, (Sort("id", (), descending=True),), "2#0 1#0 0#0"),
    ],
)
async def test_contained_resources_come_in_one_order_on_pages_of_any_size(
    store: Store, count: int, targets: tuple[Target, ...], sort: tuple[Sort, ...], expected: str
) -> None:
    await some(store)
    assert " ".join(await walk(store, Query(targets, count, sort=sort))) == expected
    assert await store.count(targets, restriction=ALL) == len(expected.split())


@pytest.mark.parametrize("targets", [CONTAINED, CONTAINERS])
@pytest.mark.parametrize("sort", [(), (CODE,)])
async def test_they_are_those_of_the_containers_first_page(
    store: Store, targets: tuple[Target, ...], sort: tuple[Sort, ...]
) -> None:
    await some(store)
    changes = iter((1, 2))

    async def between() -> None:
        number = next(changes, None)
        if number == 1:
            await put(store, new(Key("Patient", "1"), 2), holding("q", "q"))
            await put(store, new(Key("Patient", "9"), 1), holding("a"))
        elif number == 2:
            await delete(store, Key("Patient", "0"))

    before = await walk(store, Query(targets, 1, sort=sort))
    found = await walk(store, Query(targets, 1, sort=sort), between=between)
    gone = [each for each in before[2:] if each.startswith("0")]
    assert found == [each for each in before if each not in gone]


@pytest.mark.parametrize("targets", [CONTAINED, CONTAINERS])
async def test_what_may_not_be_seen_holds_nothing_that_may(store: Store, targets: tuple[Target, ...]) -> None:
    await some(store)
    await put(store, new(Key("Patient", "2"), 2, labels=[RED]), holding("a"))
    found = await walk(store, Query(targets, 2), Not(HasLabel(*RED)))
    assert {each.partition("#")[0] for each in found} == {"0", "1"}
    assert await store.count(targets, restriction=Not(HasLabel(*RED))) == len(found)
    assert await walk(store, Query(targets, 2), HasLabel(*RED)) == ["2#0"]
