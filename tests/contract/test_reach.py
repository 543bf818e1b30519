"""Whoever may see some patients of many starts from those, and sees what looking at everything would show."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

import pytest

from fhir_server.search.query import EVERYTHING, Query, Sort, Target
from fhir_server.store.base import Key, Store
from fhir_server.store.sqlite import dictionary
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import (
    RELATIONS,
    About,
    AllOf,
    AnyOf,
    Consented,
    HasLabel,
    InCompartment,
    Matches,
    Not,
    Related,
    Restriction,
    WrittenBy,
)
from tests.fakes.statements import keep
from tests.fakes.versions import RED, update

REACH = "what is within reach"
NOW = 1_900_000_000_000_000
CARE = AllOf((Related("doc", NOW), Consented(("Practitioner/doc",), "TREAT", NOW, ()), Not(HasLabel(*RED))))
DOCTOR = AnyOf((WrittenBy("Practitioner/doc"), CARE))


async def filled(store: Store) -> None:
    """Observations of the patients a to e, those of d the doctor's own, who has relations with a, b and once with c."""

    async def relate(tx):
        for patient, doctor, until in (
            ("a", "doc", None),
            ("b", "doc", None),
            ("c", "doc", NOW - 1),
            ("e", "do", None),
        ):
            value = {"pair": f"{doctor}/{patient}"}
            await tx.records.put(RELATIONS, f"{doctor}-{patient}", value, expires=until)

    await store.write(relate)
    for patient in "abcde":
        owner = [Key("Patient", patient)]
        await keep(store, f"Patient/{patient}", owners=owner)
        for number in range(3):
            author = "Practitioner/doc" if patient == "d" else "Practitioner/else"
            labels = [RED] if (patient, number) == ("b", 0) else []
            await keep(store, f"Observation/{patient}{number}", owners=owner, labels=labels, author=author)


async def found(store: Store, restriction: Restriction, sort: Sequence[Sort] = ()) -> list[str]:
    query = Query((Target("Observation", EVERYTHING),), 20, sort=tuple(sort), total=True)
    page = await store.search(query, restriction=restriction)
    assert page.total in (None, len(page.versions))
    assert await store.count(query.targets, restriction=restriction) == len(page.versions)
    return sorted(each.key.id for each in page.versions)


async def demand_start(store: Store, restriction: Restriction, expected: str) -> None:
    told = await store.explain(Query((Target("Observation", EVERYTHING),)), restriction=restriction)
    assert not isinstance(store, SqliteStore) or told["targets"][0]["drives"] == expected


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        (DOCTOR, "a0 a1 a2 b1 b2 d0 d1 d2"),
        (Related("doc", NOW), "a0 a1 a2 b0 b1 b2"),
        (Related("nobody", NOW), ""),
        (WrittenBy("Practitioner/doc"), "d0 d1 d2"),
        (AnyOf((InCompartment("Patient", "c"), About("e"))), "c0 c1 c2 e0 e1 e2"),
        (AnyOf((InCompartment("Patient", "nobody"), WrittenBy("nobody"))), ""),
    ],
)
async def test_what_is_within_reach_is_found_from_there(store: Store, restriction: Restriction, expected: str):
    await filled(store)
    for _ in range(2):
        assert await found(store, restriction) == await found(store, restriction, [Sort("id")]) == expected.split()
    await demand_start(store, restriction, "idx_type")
    with patch.object(dictionary, "LARGE", 15):
        await update(store, Key("Observation", "a0"))
        await demand_start(store, restriction, REACH)
        for _ in range(2):
            assert await found(store, restriction) == await found(store, restriction, [Sort("id")]) == expected.split()


async def test_what_cannot_be_looked_up_is_found_by_looking_at_all(store: Store):
    await filled(store)
    with patch.object(dictionary, "LARGE", 1):
        for other in (Not(HasLabel(*RED)), Matches("Observation", (("code", "a"),))):
            await demand_start(store, AnyOf((DOCTOR, other)), "idx_type")
        await demand_start(store, AllOf((Not(HasLabel(*RED)), WrittenBy("nobody"))), REACH)


async def test_each_caller_starts_from_their_own(store: Store):
    await filled(store)
    with patch.object(dictionary, "LARGE", 1):
        for doctor, expected in (
            ("doc", "a0 a1 a2 b0 b1 b2"),
            ("do", "e0 e1 e2"),
            ("d", ""),
            ("doc", "a0 a1 a2 b0 b1 b2"),
        ):
            assert await found(store, Related(doctor, NOW)) == expected.split()
