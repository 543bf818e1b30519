"""The ways to start a search: each offers rows that every match is among."""

from __future__ import annotations

import pytest

from fhir_server.search.query import (
    EVERYTHING,
    Chain,
    Date,
    Has,
    Hierarchy,
    Id,
    Near,
    Node,
    Not,
    Or,
    Owned,
    Present,
    Reference,
    String,
    Together,
    Token,
    Words,
)
from fhir_server.store.base import Key
from fhir_server.store.sql.compile_start import FEW, starts
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, AllOf, AnyOf, InCompartment, Restriction, WrittenBy
from tests.fakes.statements import code, keep, rows_of, to, versions_of, world_of
from tests.fakes.versions import delete

P1, P2 = Key("Patient", "1"), Key("Patient", "2")
KEPT = frozenset(("code", "subject"))
X, Y = Token("code", None, "x"), Token("code", None, "y")
SUBJECT = Reference("subject", "Patient", "1")


async def some(store: SqliteStore) -> None:
    """Two patients with observations; o1 was updated, o4 was deleted, e is an encounter with all that o1 has."""
    for patient in (P1, P2):
        await keep(store, f"Patient/{patient.id}", owners=[patient], tokens=code("x"))
    for id, value, patient in (("o1", "x", P1), ("o2", "y", P1), ("o3", "x", P2), ("o4", "x", P1)):
        await observation(store, f"Observation/{id}", 1, value, patient)
    await observation(store, "Observation/o1", 2, "x", P1)
    await observation(store, "Encounter/e", 1, "x", P1)
    await delete(store, Key("Observation", "o4"))


async def observation(store: SqliteStore, id: str, number: int, value: str, patient: Key) -> None:
    await keep(
        store,
        id,
        number,
        owners=[patient],
        tokens=code(value),
        strings=[("note", "anna", "Anna", 0)],
        references=to("subject", f"Patient/{patient.id}"),
        dates=[("date", 10, 19, 0)],
        positions=[("near", 0, 0, 0)],
        texts=("heart", "rate"),
        by_patient=KEPT,
    )


def offered(store: SqliteStore, *conjuncts: Node, restriction: Restriction = ALL) -> dict[str, str]:
    """Return the label of each start with the versions it leads to, dead ones included."""
    found = {}
    for start in starts(world_of(store, restriction), "Observation", conjuncts):
        rows = start.rows
        from_here = Statement(f"SELECT DISTINCT x.v AS v FROM {rows.sql} ORDER BY x.v", rows.arguments)
        found[start.label] = " ".join(f"{key.id}v{number}" for key, number in versions_of(store, from_here))
        assert bool(rows_of(store, start.counted)) == bool(found[start.label]), "what is counted are those rows"
    return found


EVERY = "o1v1 o2v1 o3v1 o4v1 o1v2"


@pytest.mark.parametrize(
    ("node", "label", "rows"),
    [
        (X, "idx_token", "o1v1 o3v1 o4v1 o1v2"),
        (Or((X, Y)), "idx_token", EVERY),
        (SUBJECT, "idx_reference", "o1v1 o2v1 o4v1 o1v2"),
        (String("note", "an"), "idx_string", EVERY),
        (Date("date", "ge", 10, 10), "idx_date", EVERY),
        (Near("near", 0, 0, 1.0), "idx_position", EVERY),
        (Or((X, SUBJECT)), "several indexes", EVERY),
        (Words(((("heart",), False),)), "full text", EVERY),
        (Owned("Patient", "1"), "owner", "o1v1 o2v1 o4v1 o1v2"),
        (Owned("Patient", "never"), "nothing: no such compartment", ""),
        (Chain("subject", "Patient", X), "idx_reference", EVERY),
        (Chain("never", "Patient", X), "nothing: no such reference", ""),
        (Hierarchy("subject", "Patient", "1", "link"), "idx_reference", "o1v1 o2v1 o4v1 o1v2"),
        (Token("code", None, "never"), "nothing: no such value", ""),
        (Token("never", None, "x"), "nothing: no such value", ""),
        (Together(((X,), (Date("date", "ge", 10, 10),))), "idx_token", "o1v1 o3v1 o4v1 o1v2"),
    ],
    ids=str,
)
async def test_every_conjunct_offers_the_rows_that_it_needs(store: SqliteStore, node: Node, label: str, rows: str):
    await some(store)
    found = offered(store, node)
    assert found[label] == rows
    assert found["idx_type"] == EVERY, "the whole type is always there to start from"


@pytest.mark.parametrize("node", [Not(X), Present("code"), Or((X, Not(Y))), Or((X, Id(("o1",)))), EVERYTHING], ids=str)
async def test_what_no_index_holds_offers_nothing(store: SqliteStore, node: Node):
    await some(store)
    assert set(offered(store, node)) == {"idx_type"}


async def test_what_refers_to_a_match_is_a_way_to_it(store: SqliteStore):
    await some(store)
    has = Has("Observation", "subject", Y)
    (start,) = [each for each in starts(world_of(store), "Patient", [has]) if each.node is has]
    assert start.label == "referring resources"
    assert len(rows_of(store, start.counted)) == 1
    assert start.sample is not None
    assert f"LIMIT {FEW}" in start.sample.sql, "an estimate does not look at all that refers"


async def test_nothing_betters_ids(store: SqliteStore):
    await some(store)
    assert offered(store, X, Id(("o1", "never"))) == {"ids": "o1v1 o1v2"}
    assert offered(store, X, Id(("never",))) == {"nothing: no such id": ""}
    assert offered(store, Id(("e",))) == {"nothing: no such id": ""}, "an encounter is no observation"


@pytest.mark.parametrize(
    ("conjuncts", "restriction"),
    [
        ([SUBJECT, X], ALL),
        ([Owned("Patient", "1"), X], ALL),
        ([X], InCompartment("Patient", "1")),
        ([X], AllOf((WrittenBy("alice"), InCompartment("Patient", "1")))),
    ],
)
async def test_a_code_of_one_patient_starts_from_the_codes_of_that_patient(
    store: SqliteStore, conjuncts: list[Node], restriction: Restriction
):
    await some(store)
    assert offered(store, *conjuncts, restriction=restriction)["idx_owned"] == "o1v1 o4v1 o1v2"


@pytest.mark.parametrize(
    ("conjuncts", "restriction"),
    [
        ([X], ALL),
        ([SUBJECT], ALL),
        ([X], AnyOf((InCompartment("Patient", "1"), WrittenBy("alice")))),
        ([X], InCompartment("Practitioner", "1")),
        ([X, Reference("subject", "Patient", "never")], ALL),
    ],
)
async def test_without_one_patient_or_a_code_there_is_no_such_start(
    store: SqliteStore, conjuncts: list[Node], restriction: Restriction
):
    await some(store)
    assert "idx_owned" not in offered(store, *conjuncts, restriction=restriction)


async def test_inside_a_compartment_its_rows_are_a_start(store: SqliteStore):
    await some(store)
    assert offered(store, restriction=InCompartment("Patient", "2"))["owner"] == "o3v1"


async def test_a_type_never_met_is_empty(store: SqliteStore):
    await some(store)
    assert [start.label for start in starts(world_of(store), "Never", [])] == ["nothing: no such type"]
