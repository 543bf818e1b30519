"""One step along references, on a real database."""

from __future__ import annotations

import json

import pytest

from fhir_server.search.query import Include
from fhir_server.store.base import Key
from fhir_server.store.sql.compile_include import compile_include
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, HasLabel, Not, Restriction
from tests.fakes.statements import keep, to, versions_of, world_of
from tests.fakes.versions import RED, delete


async def some(store: SqliteStore) -> None:
    """Rows 1 to 6: p (twice), q which is red, g, o about p and q and g's first version, c about the first of p."""
    await keep(store, "Patient/p")
    await keep(store, "Patient/p", 2)
    await keep(store, "Patient/q", labels=[RED])
    await keep(store, "Group/g")
    subjects = to("subject", "Patient/p", "Patient/q", "Group/g/1", "Patient/gone")
    await keep(store, "Observation/o", references=[*subjects, *to("performer", "Patient/p")])
    await keep(store, "Condition/c", references=to("subject", "Patient/p/1"))


def led(
    store: SqliteStore,
    include: Include,
    rows: list[int],
    restriction: Restriction = ALL,
    position: int | None = None,
    limit: int = 9,
) -> str:
    listing = compile_include(include, json.dumps(rows), limit, world_of(store, restriction, position))
    found = [] if listing is None else versions_of(store, listing.statement)
    return " ".join(f"{key.id}v{number}" for key, number in found)


@pytest.mark.parametrize(
    ("include", "rows", "expected"),
    [
        (Include("Observation", ("subject",)), [5], "pv2 qv1 gv1"),
        (Include("Observation", ("performer",)), [5], "pv2"),
        (Include("Observation", ("subject", "performer")), [5], "pv2 qv1 gv1"),
        (Include("Observation", ("subject",), "Group"), [5], "gv1"),
        (Include("Observation", ("subject",), "Never"), [5], ""),
        (Include("Observation", ("never",)), [5], ""),
        (Include("Observation", ("subject",)), [6], ""),
        (Include("Observation", ("subject",)), [], ""),
        (Include("Condition", ("subject",)), [6], "pv1"),
        (Include("Observation", ("subject",), reverse=True), [2], "ov1"),
        (Include("Observation", ("subject",), reverse=True), [2, 3, 4], "ov1"),
        (Include("Condition", ("subject",), reverse=True), [2], "cv1"),
        (Include("Observation", ("subject",), "Group", reverse=True), [2], ""),
        (Include("Observation", ("subject",), "Group", reverse=True), [2, 4], "ov1"),
        (Include("Observation", ("performer",), reverse=True), [3], ""),
    ],
    ids=str,
)
async def test_one_step(store: SqliteStore, include: Include, rows: list[int], expected: str):
    await some(store)
    assert led(store, include, rows) == expected


async def test_a_step_takes_what_was_there_then_and_still_is(store: SqliteStore):
    await some(store)
    await keep(store, "Patient/p", 3)
    await keep(store, "Observation/later", references=to("subject", "Patient/p"))
    forward, back = Include("Observation", ("subject",)), Include("Observation", ("subject",), reverse=True)
    assert led(store, forward, [5], position=6) == "pv2 qv1 gv1"
    assert led(store, forward, [5], position=7) == "qv1 gv1 pv3"
    assert led(store, back, [2], position=6) == "ov1"
    assert led(store, back, [2], position=8) == "ov1 laterv1"
    await delete(store, Key("Patient", "q"))
    await delete(store, Key("Group", "g"))
    assert led(store, forward, [5], position=6) == "pv2"


async def test_a_step_shows_what_may_be_seen_and_no_more_than_asked_for(store: SqliteStore):
    await some(store)
    assert led(store, Include("Observation", ("subject",)), [5], Not(HasLabel(*RED))) == "pv2 gv1"
    assert led(store, Include("Observation", ("subject",), reverse=True), [2], HasLabel(*RED)) == ""
    assert led(store, Include("Observation", ("subject",)), [5], limit=2) == "pv2 qv1"
