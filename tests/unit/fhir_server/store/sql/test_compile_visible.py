"""What exists for a search: as of a position, under a restriction, on a real database."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Chain, Node, Token
from fhir_server.store.base import Key
from fhir_server.store.sql.compile_visible import World, compile_restriction
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, NONE, AllOf, AnyOf, HasLabel, InCompartment, Matches, Not, Restriction, WrittenBy
from tests.fakes.statements import code, ids_of, keep, to, versions_of, world_of
from tests.fakes.versions import RED, delete

P1, P2 = Key("Patient", "1"), Key("Patient", "2")


async def some(store: SqliteStore) -> None:
    """1 is updated and changes hands, 2 is deleted, 3 stays as it is."""
    await keep(store, "Patient/1", owners=[P1], labels=[RED], tokens=code("a"))
    await keep(store, "Patient/2", owners=[P2], tokens=code("a"))
    await keep(store, "Patient/3", author="bob", tokens=code("b"))
    await keep(store, "Patient/1", 2, owners=[P1], author="bob", tokens=code("b"))
    await delete(store, P2)


def shown(
    store: SqliteStore, restriction: Restriction = ALL, position: int | None = None, *, old: bool = False
) -> list[str]:
    """Return id and number of each version that is shown, in the order of commits."""
    world = world_of(store, restriction, position)
    seen = world.shows_old("x") if old else world.shows("x")
    sql = f"SELECT x.v FROM version x WHERE x.deleted = 0 AND {seen.sql} ORDER BY x.v"
    return [f"{key.id}v{number}" for key, number in versions_of(store, Statement(sql, seen.arguments))]


async def test_now_the_newest_version_of_each_resource_is_shown(store: SqliteStore):
    await some(store)
    assert shown(store) == ["3v1", "1v2"]


async def test_as_of_a_position_versions_are_shown_as_they_were_then_unless_their_resource_is_gone(store: SqliteStore):
    await some(store)
    assert shown(store, position=3) == ["1v1", "3v1"], "2 is deleted by now"
    assert shown(store, position=1) == ["1v1"]
    assert shown(store, position=4) == ["3v1", "1v2"]
    assert shown(store, position=0) == []


async def test_old_versions_are_shown_to_who_asks_for_one_by_its_number(store: SqliteStore):
    await some(store)
    assert shown(store, old=True) == ["1v1", "3v1", "1v2"]
    assert shown(store, position=3, old=True) == ["1v1", "3v1"]


async def test_what_is_no_longer_permitted_is_not_shown_as_it_was_when_it_was(store: SqliteStore):
    await some(store)
    assert shown(store, HasLabel(*RED), 3) == []
    assert shown(store, WrittenBy("alice"), 3) == []
    assert shown(store, WrittenBy("alice"), 3, old=True) == []
    assert shown(store, WrittenBy("bob"), 3) == ["3v1"], "1 was written by another then"
    assert shown(store, InCompartment("Patient", "1"), 3) == ["1v1"]


def allowed(store: SqliteStore, restriction: Restriction, world: World | None = None) -> str:
    test = compile_restriction(restriction, "x", world or world_of(store, restriction))
    sql = f"SELECT x.v FROM version x WHERE {test.sql} ORDER BY x.v"
    return " ".join(f"{key.id}v{number}" for key, number in versions_of(store, Statement(sql, test.arguments)))


EVERY = "1v1 2v1 3v1 1v2 2v2"


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        (ALL, EVERY),
        (NONE, ""),
        (InCompartment("Patient", "1"), "1v1 1v2"),
        (InCompartment("Patient", "never"), ""),
        (Not(InCompartment("Patient", "never")), EVERY),
        (HasLabel(*RED), "1v1"),
        (HasLabel("", RED[1]), ""),
        (WrittenBy("bob"), "3v1 1v2"),
        (Not(WrittenBy("bob")), "1v1 2v1 2v2"),
        (AnyOf((HasLabel(*RED), WrittenBy("bob"))), "1v1 3v1 1v2"),
        (AnyOf(()), ""),
        (AllOf((InCompartment("Patient", "1"), WrittenBy("bob"))), "1v2"),
        (AllOf(()), EVERY),
        (Not(AllOf((InCompartment("Patient", "1"), WrittenBy("bob")))), "1v1 2v1 3v1 2v2"),
        (Matches("Patient", (("code", "a"),)), "1v1 2v1"),
        (Not(Matches("Patient", (("code", "a"),))), "3v1 1v2"),
        (Matches("Observation", (("code", "a"),)), ""),
        (Matches("Never", (("code", "a"),)), ""),
        (Not(Matches("Never", (("code", "a"),))), EVERY),
    ],
    ids=str,
)
async def test_restrictions_choose_among_versions_tombstones_included(
    store: SqliteStore, restriction: Restriction, expected: str
):
    await some(store)
    assert allowed(store, restriction) == expected


async def test_a_tombstone_has_no_index_rows_so_that_criteria_neither_allow_it_nor_their_negation(store: SqliteStore):
    await some(store)
    met = Matches("Patient", (("code", "a"),))
    for restriction in (met, Not(met), AnyOf((met, Not(met)))):
        assert "2v2" not in allowed(store, restriction)
    assert "2v2" in allowed(store, AnyOf((Not(met), InCompartment("Patient", "2"))))


async def test_criteria_that_look_at_others_look_at_all_there_is_now(store: SqliteStore):
    """The patient is not permitted itself, and had another code at the position; neither matters."""

    def by_subject(type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
        return Chain("subject", "Patient", Token("code", None, parameters[0][1]))

    await keep(store, "Patient/1", tokens=code("then"))
    await keep(store, "Observation/o", references=to("subject", "Patient/1"))
    await keep(store, "Patient/1", 2, tokens=code("now"))
    for value, expected in (("now", "o"), ("then", "")):
        restriction = Matches("Observation", (("subject", value),))
        world = world_of(store, restriction, 2, by_subject)
        seen = world.shows("x")
        found = Statement(f"SELECT x.v FROM version x WHERE {seen.sql}", seen.arguments)
        assert ids_of(store, found) == expected


async def test_the_newest_version_is_the_newest_of_then(store: SqliteStore):
    await some(store)
    for position, expected in ((None, [4]), (3, [1]), (4, [4]), (0, [None])):
        newest = world_of(store, position=position).newest("(SELECT rid FROM version WHERE v = 1)")
        assert [v for (v,) in store._readers.connection.execute(f"SELECT {newest.sql}", newest.arguments)] == expected
