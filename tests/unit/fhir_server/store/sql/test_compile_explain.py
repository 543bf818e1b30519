"""How a page is found, in words."""

from __future__ import annotations

from fhir_server.search.query import And, Date, Query, Sort, Target, Token
from fhir_server.store.sql.compile_explain import explain
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import WrittenBy
from tests.fakes.statements import code, keep, world_of


async def some(store: SqliteStore) -> None:
    for number in range(4):
        dates = [("date", number, number, 0)]
        await keep(store, f"Observation/{number}", tokens=code("secret" if number else "other"), dates=dates)


async def test_what_drives_and_what_is_checked_is_named(store: SqliteStore):
    await some(store)
    asked = And((Token("code", None, "secret"), Date("date", "ge", 1, 1)))
    (told,) = explain(Query((Target("Observation", asked),)), world_of(store))
    assert told == {"type": "Observation", "drives": "idx_token", "rows": 3, "instead_of": [], "checks": ["Date"]}


async def test_a_restriction_is_among_the_checks_and_every_type_has_its_row(store: SqliteStore):
    await some(store)
    query = Query((Target("Observation", Token("code", None, "secret")), Target("Never")), sort=(Sort("id"),))
    first, second = explain(query, world_of(store, WrittenBy("alice")))
    assert first["checks"] == ["restriction"]
    assert (second["type"], second["drives"]) == ("Never", "nothing: no such type")


async def test_ways_that_were_not_taken_are_told_with_their_rows(store: SqliteStore):
    for number in range(70):
        await keep(store, f"Observation/{number}", tokens=code("secret"), strings=[("note", "x", "x", 0)])
    (told,) = explain(Query((Target("Observation", Token("code", None, "secret")),), count=5), world_of(store))
    assert told["drives"] == "idx_token"
    assert told["rows"] == 70
    assert told["instead_of"] == ["idx_type (70)"]
    assert "secret" not in str(told)
