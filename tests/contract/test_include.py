"""Includes: one step along references, forward and in reverse, as of a position and under a restriction."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Include, Query, Target
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import CursorExpired, Key, Store, Version
from profiles.restriction import ALL, NONE, HasLabel, InCompartment, Matches, Not, Restriction
from tests.contract.conftest import LIFETIME
from tests.fakes.clock import Clock
from tests.fakes.statements import code, keep, to
from tests.fakes.versions import RED, delete, new

SUBJECT = Include("Observation", ("subject",))
BACK = Include("Observation", ("subject",), reverse=True)


async def some(store: Store) -> None:
    """Patients p (twice) and q, which is red; a group; observations a of p, b of q, the group and one that is gone."""
    await keep(store, "Patient/p", tokens=code("x"))
    await keep(store, "Patient/p", 2, tokens=code("x"))
    await keep(store, "Patient/q", owners=[Key("Patient", "q")], labels=[RED], tokens=code("y"))
    await keep(store, "Group/g")
    await keep(store, "Observation/a", references=[*to("subject", "Patient/p"), *to("performer", "Patient/q")])
    await keep(store, "Observation/b", references=to("subject", "Patient/q", "Group/g", "Patient/gone"))
    await keep(store, "Observation/old", references=to("subject", "Patient/p/1"))


async def of_type(store: Store, type: str, position: int | None = None) -> list[Version]:
    page = await store.search(Query((Target(type),), position=position), restriction=ALL)
    return list(page.versions)


async def led(
    store: Store,
    include: Include,
    start: list[Version],
    restriction: Restriction = ALL,
    position: int | None = None,
    limit: int = 99,
) -> str:
    found = await store.include(start, include, restriction=restriction, position=position, limit=limit)
    return " ".join(f"{each.key.id}{each.number}" for each in found)


async def test_forward_to_what_is_referred_to_each_once_in_the_order_of_commits(store: Store):
    await some(store)
    observations = await of_type(store, "Observation")
    assert await led(store, SUBJECT, observations) == "p1 p2 q1 g1"
    assert await led(store, SUBJECT, observations[:2]) == "p2 q1 g1"
    assert await led(store, SUBJECT, observations[:1]) == "p2"
    assert await led(store, Include("Observation", ("subject", "performer")), observations[:1]) == "p2 q1"
    assert await led(store, SUBJECT, observations[:1] * 3) == "p2"
    assert await led(store, SUBJECT, []) == ""


async def test_a_reference_to_a_version_leads_to_that_version(store: Store):
    await some(store)
    observations = await of_type(store, "Observation")
    assert await led(store, SUBJECT, observations[2:]) == "p1"
    await keep(store, "Observation/ahead", references=to("subject", "Patient/q/9"))
    ahead = (await of_type(store, "Observation"))[3:]
    assert await led(store, SUBJECT, ahead) == ""


async def test_in_reverse_to_what_refers_here_by_a_version_or_without(store: Store):
    await some(store)
    p, q = await of_type(store, "Patient")
    assert await led(store, BACK, [p]) == "a1 old1"
    assert await led(store, BACK, [q]) == "b1"
    assert await led(store, BACK, [p, q]) == "a1 b1 old1"
    assert await led(store, Include("Observation", ("performer",), reverse=True), [q]) == "a1"


@pytest.mark.parametrize(
    ("include", "start", "expected"),
    [
        (Include("Observation", ("subject",), "Group"), "Observation", "g1"),
        (Include("Observation", ("subject",), "Patient"), "Observation", "p1 p2 q1"),
        (Include("Observation", ("subject",), "Never"), "Observation", ""),
        (Include("Condition", ("subject",)), "Observation", ""),
        (Include("Observation", ("never",)), "Observation", ""),
        (Include("Observation", ("subject",)), "Patient", ""),
        (Include("Observation", ("subject",), "Patient", reverse=True), "Group", ""),
        (Include("Observation", ("subject",), "Group", reverse=True), "Group", "b1"),
        (Include("Condition", ("subject",), reverse=True), "Patient", ""),
    ],
    ids=str,
)
async def test_source_and_target_types_are_kept_to(store: Store, include: Include, start: str, expected: str):
    await some(store)
    assert await led(store, include, await of_type(store, start)) == expected


async def test_no_more_than_the_limit_the_first_committed(store: Store):
    await some(store)
    assert await led(store, SUBJECT, await of_type(store, "Observation"), limit=2) == "p1 p2"
    assert await led(store, BACK, await of_type(store, "Patient"), limit=1) == "a1"


@pytest.mark.parametrize(
    ("restriction", "forward", "back"),
    [
        (NONE, "", ""),
        (Not(HasLabel(*RED)), "p1 p2 g1", "a1 b1 old1"),
        (InCompartment("Patient", "q"), "q1", ""),
        # The first version of p has no index entries to say that it matches, once it is swept; until then it has.
        (Matches("Patient", (("code", "x"),)), "p1 p2", ""),
    ],
)
async def test_what_may_not_be_seen_is_not_included(store: Store, restriction: Restriction, forward: str, back: str):
    await some(store)
    assert await led(store, SUBJECT, await of_type(store, "Observation"), restriction) == forward
    assert await led(store, BACK, await of_type(store, "Patient"), restriction) == back


async def test_as_of_a_position_what_was_there_then_and_is_not_deleted_since(store: Store):
    await some(store)
    position = await store.position()
    observations, patients = await of_type(store, "Observation"), await of_type(store, "Patient")
    await keep(store, "Patient/q", 2)
    await keep(store, "Observation/later", references=to("subject", "Patient/p"))
    await keep(store, "Observation/a", 2, references=to("subject", "Patient/q"))
    assert await led(store, SUBJECT, observations, position=position) == "p1 p2 q1 g1"
    assert await led(store, SUBJECT, observations) == "p1 p2 g1 q2"
    assert await led(store, BACK, patients, position=position) == "a1 b1 old1"
    assert await led(store, BACK, patients[:1]) == "old1 later1"
    await delete(store, Key("Patient", "p"))
    await delete(store, Key("Observation", "b"))
    assert await led(store, SUBJECT, observations, position=position) == "q1 g1"
    assert await led(store, BACK, patients, position=position) == "a1 old1"


async def test_a_tombstone_is_not_included_though_its_resource_is_back(store: Store):
    await keep(store, "Patient/p")
    await delete(store, Key("Patient", "p"))
    await keep(store, "Observation/a", references=to("subject", "Patient/p"))
    await keep(store, "Observation/b", references=to("subject", "Patient/p/2"))
    position = await store.position()
    await keep(store, "Patient/p", 3)
    observations = await of_type(store, "Observation")
    assert await led(store, SUBJECT, observations) == "p3"
    assert await led(store, SUBJECT, observations[1:]) == ""
    assert await led(store, SUBJECT, observations, position=position) == ""


async def test_what_was_no_longer_permitted_meanwhile_is_left_out(store: Store):
    await some(store)
    position = await store.position()
    observations = await of_type(store, "Observation")
    await keep(store, "Patient/p", 3, labels=[RED])
    assert await led(store, SUBJECT, observations, Not(HasLabel(*RED)), position) == "g1"


async def test_many_matches_at_once(store: Store):
    await keep(store, "Patient/p")

    async def work(tx):
        for n in range(2500):
            await tx.put(new(Key("Observation", f"o{n}"), 1), IndexEntries(references=to("subject", "Patient/p")))

    await store.write(work)
    query = Query((Target("Observation"),), 2500)
    observations = list((await store.search(query, restriction=ALL)).versions)
    assert await led(store, SUBJECT, observations) == "p1"
    found = await store.include(await of_type(store, "Patient"), BACK, restriction=ALL, limit=2400)
    assert [each.key.id for each in found] == [f"o{n}" for n in range(2400)]


async def test_beyond_the_lifetime_of_a_walk_its_includes_expire(store: Store, clock: Clock):
    await some(store)
    position = await store.position()
    observations = await of_type(store, "Observation")
    await keep(store, "Patient/q", 2)
    clock.advance(LIFETIME + 1)
    await store.sweep()
    with pytest.raises(CursorExpired):
        await led(store, SUBJECT, observations, position=position)
