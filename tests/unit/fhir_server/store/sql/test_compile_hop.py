"""Chains, `_has` and hierarchies: as tests of a version and as ways to start, each finding the same."""

from __future__ import annotations

import pytest

from fhir_server.search.query import EVERYTHING, And, Chain, Has, Hierarchy, Id, Node, Not, Or, Reference, String, Token
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key
from fhir_server.store.sql import compile_test
from fhir_server.store.sql.compile_hop import coded, patient_of
from fhir_server.store.sql.compile_start import Start, starts
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, HasLabel, Restriction
from profiles.restriction import Not as Unless
from tests.fakes.statements import code, ids_of, keep, to, world_of
from tests.fakes.versions import RED, delete, new, put

P1, P2 = Key("Patient", "1"), Key("Patient", "2")
X, Y = Token("code", None, "x"), Token("code", None, "y")


async def people(store: SqliteStore) -> None:
    """Patient 1 has the code x, 2 has y and is red; each has an observation, and o3 refers to nobody there."""
    await keep(store, "Patient/1", tokens=code("x"), references=to("organization", "Organization/a"))
    await keep(store, "Patient/2", labels=[RED], tokens=code("y"), references=to("organization", "Organization/b"))
    await keep(store, "Organization/a", tokens=code("x"))
    await keep(store, "Observation/o1", tokens=code("x"), references=to("subject", "Patient/1"))
    await keep(store, "Observation/o2", tokens=code("y"), references=to("subject", "Patient/2"))
    await keep(store, "Observation/o3", tokens=code("x"), references=to("subject", "Patient/gone", "Group/1"))


def by_test(world: World, store: SqliteStore, type: str, node: Node) -> str:
    """Ask every version that is shown."""
    kind, seen, test = world.names.type_id(type), world.shows("x"), compile_test.test(world, type, node, "x")
    sql = f"SELECT x.v FROM version x WHERE x.type = ? AND x.deleted = 0 AND {seen.sql} AND {test.sql} ORDER BY x.v"
    return ids_of(store, Statement(sql, (kind, *seen.arguments, *test.arguments)))


def from_start(world: World, store: SqliteStore, type: str, node: Node) -> str:
    """Start from the node itself and keep what is shown."""
    (start,) = [each for each in starts(world, type, [node]) if each.node is node]
    seen = world.shows("x")
    sql = f"SELECT DISTINCT x.v AS v FROM {start.rows.sql} AND {seen.sql} ORDER BY x.v"
    return ids_of(store, Statement(sql, (*start.rows.arguments, *seen.arguments)))


def found(
    store: SqliteStore, type: str, node: Node, restriction: Restriction = ALL, position: int | None = None
) -> str:
    """Return what a node finds; both ways must agree."""
    world = world_of(store, restriction, position)
    answers = {by_test(world, store, type, node), from_start(world, store, type, node)}
    assert len(answers) == 1, answers
    return answers.pop()


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Chain("subject", "Patient", X), "o1"),
        (Chain("subject", "Patient", Or((X, Y))), "o1 o2"),
        (Chain("subject", "Patient", Not(X)), "o2"),
        (Chain("subject", "Patient", EVERYTHING), "o1 o2"),
        (Chain("subject", "Group", EVERYTHING), ""),
        (Chain("performer", "Patient", X), ""),
        (Chain("subject", "Never", X), ""),
        (Chain("subject", "Patient", Chain("organization", "Organization", X)), "o1"),
        (Chain("subject", "Patient", Chain("organization", "Organization", EVERYTHING)), "o1"),
        (Chain("subject", "Patient", Has("Observation", "subject", Y)), "o2"),
    ],
    ids=str,
)
async def test_chains(store: SqliteStore, node: Node, expected: str):
    await people(store)
    assert found(store, "Observation", node) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Has("Observation", "subject", X), "1"),
        (Has("Observation", "subject", EVERYTHING), "1 2"),
        (Has("Observation", "performer", X), ""),
        (Has("Never", "subject", X), ""),
        (Has("Observation", "subject", And((Y, Chain("subject", "Patient", Y)))), "2"),
        (Has("Observation", "subject", Not(Y)), "1"),
    ],
    ids=str,
)
async def test_has(store: SqliteStore, node: Node, expected: str):
    await people(store)
    assert found(store, "Patient", node) == expected


async def test_who_may_not_see_what_is_on_the_way_does_not_get_past_it(store: SqliteStore):
    await people(store)
    not_red = Unless(HasLabel(*RED))
    assert found(store, "Observation", Chain("subject", "Patient", EVERYTHING), not_red) == "o1"
    assert by_test(world_of(store, not_red), store, "Observation", Not(Chain("subject", "Patient", Y))) == "o1 o2 o3"
    await put(
        store,
        new(Key("Observation", "o4"), 1, labels=[RED]),
        IndexEntries(tokens=code("z"), references=to("subject", "Patient/1")),
    )
    asked = Has("Observation", "subject", Token("code", None, "z"))
    assert found(store, "Patient", asked) == "1"
    assert found(store, "Patient", asked, not_red) == ""


async def test_what_is_on_the_way_is_as_it_was_at_the_position_unless_it_is_gone(store: SqliteStore):
    await people(store)
    position = await store.position()
    await keep(store, "Patient/1", 2, tokens=code("new"))
    await keep(store, "Observation/o2", 2, tokens=code("new"), references=to("subject", "Patient/1"))
    new_code = Token("code", None, "new")
    assert found(store, "Observation", Chain("subject", "Patient", X), position=position) == "o1"
    assert found(store, "Observation", Chain("subject", "Patient", new_code), position=position) == ""
    assert found(store, "Observation", Chain("subject", "Patient", new_code)) == "o1 o2"
    assert found(store, "Patient", Has("Observation", "subject", Y), position=position) == "2"
    assert found(store, "Patient", Has("Observation", "subject", new_code)) == "1"
    await delete(store, P1)
    assert found(store, "Observation", Chain("subject", "Patient", X), position=position) == ""


async def places(store: SqliteStore) -> None:
    """1 is part of 2, which is part of 3, which is part of 2 again; 9 is red and lies between 8 and 7."""
    for id, above in (("1", "2"), ("2", "3"), ("3", "2"), ("7", "9"), ("8", "")):
        await keep(store, f"Location/{id}", references=to("partof", f"Location/{above}") if above else [])
    await keep(store, "Location/9", labels=[RED], references=to("partof", "Location/8"))
    for id in "123789":
        await keep(store, f"Encounter/at{id}", references=to("location", f"Location/{id}"))


@pytest.mark.parametrize(
    ("root", "below", "above"),
    [
        ("1", "at1", "at1 at2 at3"),
        ("2", "at1 at2 at3", "at2 at3"),
        ("3", "at1 at2 at3", "at2 at3"),
        ("8", "at7 at8 at9", "at8"),
        ("7", "at7", "at7 at8 at9"),
        ("never", "", ""),
    ],
)
async def test_hierarchies_with_circles(store: SqliteStore, root: str, below: str, above: str):
    await places(store)
    assert found(store, "Encounter", Hierarchy("location", "Location", root, "partof")) == below
    assert found(store, "Encounter", Hierarchy("location", "Location", root, "partof", above=True)) == above


async def test_a_hierarchy_ends_at_what_may_not_be_seen(store: SqliteStore):
    await places(store)
    not_red = Unless(HasLabel(*RED))
    assert found(store, "Encounter", Hierarchy("location", "Location", "8", "partof"), not_red) == "at8"
    assert found(store, "Encounter", Hierarchy("location", "Location", "7", "partof", above=True), not_red) == "at7 at9"


async def test_a_hierarchy_without_a_parameter_upwards_is_its_root(store: SqliteStore):
    await places(store)
    assert found(store, "Encounter", Hierarchy("location", "Location", "2", "never")) == "at2"


async def owned(store: SqliteStore) -> None:
    """Codes and subjects are kept by patient; o1 and o2 belong to 1, o3 to 2, and o4, whose subject is 2, to both."""
    kept = frozenset(("code", "subject"))
    for patient in (P1, P2):
        await keep(store, f"Patient/{patient.id}", owners=[patient])
    for id, value, subject, owners in (
        ("o1", "x", P1, [P1]),
        ("o2", "y", P1, [P1]),
        ("o3", "x", P2, [P2]),
        ("o4", "z", P2, [P1, P2]),
    ):
        reference = to("subject", f"Patient/{subject.id}")
        await keep(store, f"Observation/{id}", owners=owners, tokens=code(value), references=reference, by_patient=kept)


async def test_what_refers_to_a_patient_with_a_code_is_found_by_the_codes_of_that_patient(store: SqliteStore):
    await owned(store)
    world = world_of(store)
    has = Has("Observation", "subject", Y)
    assert "idx_owned" in compile_test.test(world, "Patient", has, "x").sql
    assert found(store, "Patient", has) == "1"
    assert found(store, "Patient", Has("Observation", "subject", Or((X, Y)))) == "1 2"
    assert found(store, "Patient", Has("Observation", "subject", Token("code", None, "z"))) == "2"
    assert found(store, "Patient", Has("Observation", "subject", And((X, Id(("o3",)))))) == "2"


async def test_only_codes_that_are_kept_by_patient_are_looked_for_there(store: SqliteStore):
    await owned(store)
    world = world_of(store)
    access = coded(world, "Observation", Or((X, Y)))
    assert access is not None
    assert access.table == "idx_token"
    for node in (
        Or((X, Id(("o1",)))),
        String("code", "x"),
        Token("status", None, "x"),
        Not(X),
        Token("code", "http://s", None),
    ):
        assert coded(world, "Observation", node) is None
    assert coded(world, "Patient", X) is None


async def test_a_patient_is_known_by_a_reference_that_leads_into_its_compartment(store: SqliteStore):
    await owned(store)
    world = world_of(store)
    rid = world.names.resource_id("Patient", "1")
    assert patient_of(world, "Observation", Reference("subject", "Patient", "1")) == rid
    for node in (Reference("performer", "Patient", "1"), Reference("subject", "Patient", "never"), X):
        assert patient_of(world, "Observation", node) is None
    assert isinstance(starts(world, "Observation", [X])[0], Start)
