"""The events of the audit trail: found by what they say, in one order, under a restriction, on stable pages."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from fhir_server.store.audit import (
    AuditEvent,
    AuditQuery,
    AuditRow,
    Between,
    Condition,
    Every,
    OneOf,
    Places,
    Some,
    Unless,
    facts,
    holds,
    reach,
)
from fhir_server.store.base import Store
from profiles.restriction import (
    ALL,
    NONE,
    About,
    AllOf,
    AnyOf,
    HasLabel,
    InCompartment,
    Not,
    OfTypes,
    Related,
    Restriction,
    WrittenBy,
)

ACTIONS = ("read", "search", "update", "$validate", "login")
TARGETS = ("Patient/1", "Patient/2/_history/3", "Observation/7", "Observation", "Patient/1/Observation", "")
ACTORS = ("Practitioner/1", "Patient/1", "anonymous")
SOMEWHERE = Every((OneOf("target", ("Patient/2", "Observation/7")), Unless(OneOf("patient", ("1",)))))
CONDITIONS: tuple[Condition, ...] = (
    Every(),
    Some(),
    OneOf("patient", ("1",)),
    OneOf("patient", ("1", "2")),
    OneOf("actor", ("Patient/1",)),
    OneOf("action", ("operation",)),
    OneOf("action", ()),
    Unless(OneOf("patient", ("1",))),
    Unless(OneOf("target", ("Observation/7",))),
    Between("status", 400, 499),
    Between("status", None, 399),
    Between("time", 3_000_000, 9_000_000),
    Some((Between("time", 9_000_000), SOMEWHERE)),
    Unless(SOMEWHERE),
    Places(((3, 0), (4, 1), (900, 0))),
)
RESTRICTIONS: tuple[Restriction, ...] = (
    ALL,
    NONE,
    InCompartment("Patient", "2"),
    AllOf((About("2"), Not(HasLabel("s", "c")), OfTypes(("AuditEvent", "Patient")))),
    WrittenBy("Practitioner/1"),
    AnyOf((InCompartment("Patient", "1"), WrittenBy("Practitioner/1"))),
    AllOf((InCompartment("Patient", "1"), WrittenBy("Practitioner/1"))),
)


def rows(count: int = 120) -> list[AuditRow]:
    made = random.Random(5)
    return [
        AuditRow(
            time=made.randrange(12_000_000),
            actor=made.choice(ACTORS),
            action=made.choice(ACTIONS),
            target=made.choice(TARGETS),
            status=made.choice((200, 201, 403, 404, 500)),
            request=str(n),
            patients=tuple(made.sample(("1", "2", "3"), made.randrange(4))),
        )
        for n in range(count)
    ]


async def keep(store: Store, made: list[AuditRow]) -> list[AuditRow]:
    """Keep rows and return them in the order of the chain."""
    for row in made[:-1]:
        await store.audit(row)
    await store.audit(made[-1], wait=True)
    return [row for _, row in await store.audit_rows(limit=1000)]


async def walk(store: Store, query: AuditQuery, restriction: Restriction = ALL) -> list[AuditEvent]:
    found: list[AuditEvent] = []
    while True:
        page = await store.audit_events(query, restriction=restriction)
        found += page.events
        if page.next is None:
            return found
        assert len(page.events) == query.count
        query = AuditQuery(query.where, query.descending, query.count, page.next, page.until)


async def test_every_condition_finds_what_it_means_in_the_order_of_time(store: Store):
    made = await keep(store, rows())
    every = sorted(
        (event for n, row in enumerate(made, 1) for event in facts(n, row)), key=lambda e: (e.time, e.seq, e.n)
    )
    for condition in CONDITIONS:
        expected = [(event.seq, event.n) for event in every if holds(condition, event)]
        for count in (1000, 7):
            found = await walk(store, AuditQuery(condition, descending=False, count=count))
            assert [(event.seq, event.n) for event in found] == expected
        found = await walk(store, AuditQuery(condition, count=13))
        assert [(event.seq, event.n) for event in found] == expected[::-1]
        assert await store.audit_count(AuditQuery(condition), restriction=ALL) == len(expected)


@pytest.mark.parametrize("restriction", RESTRICTIONS, ids=str)
async def test_a_restriction_leaves_the_events_of_the_patient_and_of_the_actor(store: Store, restriction: Restriction):
    made = await keep(store, rows())
    every = [event for n, row in enumerate(made, 1) for event in facts(n, row)]
    expected = {(event.seq, event.n) for event in every if holds(reach(restriction), event)}
    found = await walk(store, AuditQuery(count=11), restriction)
    assert {(event.seq, event.n) for event in found} == expected
    assert await store.audit_count(AuditQuery(), restriction=restriction) == len(expected)
    if restriction == InCompartment("Patient", "2"):
        assert expected
        assert {event.patient for event in found} == {"2"}


@pytest.mark.parametrize(
    "restriction",
    [
        Not(ALL),
        Not(NONE),
        HasLabel("s", "c"),
        InCompartment("Device", "1"),
        Related("Practitioner/1", 5),
        OfTypes(("Patient",)),
        AllOf((About("1"), Not(About("2")))),
    ],
    ids=str,
)
async def test_what_a_restriction_says_of_resources_leaves_no_event(store: Store, restriction: Restriction):
    await keep(store, rows(20))
    assert await walk(store, AuditQuery(), restriction) == []


async def test_a_walk_is_not_disturbed_by_what_comes_meanwhile(store: Store):
    await keep(store, rows())
    expected = await walk(store, AuditQuery(count=1000))
    query, found = AuditQuery(count=10), []
    for n in range(100):
        page = await store.audit_events(query, restriction=ALL)
        found += page.events
        if page.next is None:
            break
        await store.audit(AuditRow(6_000_000 + n, "late", "read", "Patient/1", 200, "late", ("1",)), wait=True)
        query = AuditQuery(count=10, after=page.next, until=page.until)
    assert found == expected
    assert all((a.row.time // 1000, a.seq, a.n) > (b.row.time // 1000, b.seq, b.n) for a, b in pairwise(found))


async def test_the_head_is_the_last_durable_row(store: Store):
    assert (await store.audit_head())[0] == 0
    await keep(store, rows(3))
    sequence, digest = await store.audit_head()
    assert (sequence, len(digest)) == (3, 32)
