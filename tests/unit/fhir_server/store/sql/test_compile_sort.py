"""Pages in an order: keys, what has none, and going on behind a row, on a real database."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from fhir_server.search.query import EVERYTHING, Query, Sort, SortKind, Target
from fhir_server.search.values import decimal_key
from fhir_server.store.base import Key
from fhir_server.store.sql.compile import compile_page, compile_place
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.store import SqliteStore
from tests.fakes.statements import code, ids_of, keep, rows_of, to, versions_of, world_of
from tests.fakes.versions import delete

ALL_VERSIONS = Statement("SELECT v FROM version ORDER BY v")


async def some(store: SqliteStore) -> None:
    """a has small values, b several, c large ones; none has none and comes between them."""
    await keep(store, "Observation/b", **values(2, 9))
    await keep(store, "Observation/none")
    await keep(store, "Observation/c", **values(7))
    await keep(store, "Observation/a", **values(1))


def values(*numbers: int) -> dict[str, list[object]]:
    """Return entries of every kind that can be sorted by, one for each number."""
    return {
        "tokens": [("code", "http://s", f"C{each}", 0) for each in numbers],
        "strings": [("name", f"n{each}", f"N{each}", 0) for each in numbers],
        "references": [("subject", "Patient", f"p{each}", 0, 0) for each in numbers],
        "uris": [("url", f"http://u/{each}", "", 0) for each in numbers],
        "dates": [("date", each * 10, each * 10 + 9, 0) for each in numbers],
        "numbers": [("n", decimal_key(each), decimal_key(each), 0) for each in numbers],
        "quantities": [("q", "", "mg", decimal_key(each), decimal_key(each), 0) for each in numbers],
    }


def page(store: SqliteStore, query: Query) -> str:
    """Return the ids of a page as the store asks for it, one more than its count where there are more."""
    world = world_of(store, position=query.position)
    place = compile_place(query, world.names)
    keys = rows_of(store, place)[0] if place else None
    return ids_of(store, compile_page(query, world, keys).statement)


def listed(store: SqliteStore, *sorts: Sort) -> str:
    return page(store, Query((Target("Observation"),), sort=sorts))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("token", "code"),
        ("string", "name"),
        ("reference", "subject"),
        ("uri", "url"),
        ("date", "date"),
        ("number", "n"),
        ("quantity", "q"),
    ],
)
async def test_each_kind_in_both_directions_with_what_has_none_last(store: SqliteStore, kind: SortKind, name: str):
    await some(store)
    assert listed(store, Sort(kind, (name,))) == "a b c none"
    assert listed(store, Sort(kind, (name,), descending=True)) == "b c a none"
    assert listed(store, Sort(kind, ("never",))) == "b none c a"


async def test_ids_and_commits(store: SqliteStore):
    await some(store)
    assert listed(store, Sort("id")) == "a b c none"
    assert listed(store, Sort("id", descending=True)) == "none c b a"
    assert listed(store, Sort("updated")) == "b none c a"
    assert listed(store, Sort("updated", descending=True)) == "a c none b"


async def test_a_range_begins_or_ends(store: SqliteStore):
    await keep(store, "Observation/long", dates=[("date", 0, 99, 0)])
    await keep(store, "Observation/short", dates=[("date", 5, 6, 0)])
    assert listed(store, Sort("date", ("date",))) == "long short"
    assert listed(store, Sort("date", ("date",), descending=True)) == "long short"


async def test_decimals_sort_by_value(store: SqliteStore):
    for number in ("10", "-3", "9.5", "-0.5", "0"):
        key = decimal_key(Decimal(number))
        await keep(store, f"Observation/{number.replace('.', 'p').replace('-', 'm')}", numbers=[("n", key, key, 0)])
    assert listed(store, Sort("number", ("n",))) == "m3 m0p5 0 9p5 10"


SORTS = (
    (Sort("token", ("code",)),),
    (Sort("token", ("code",), descending=True),),
    (Sort("date", ("date",)), Sort("id", descending=True)),
    (Sort("string", ("name",), descending=True), Sort("token", ("code",))),
    (Sort("updated", descending=True),),
    (Sort("token", ("code",)), Sort("updated", descending=True)),
    (Sort("id"),),
    (),
)


@pytest.mark.parametrize("sorts", SORTS, ids=str)
async def test_pages_of_any_size_are_the_whole_in_pieces(store: SqliteStore, sorts: tuple[Sort, ...]):
    for number in range(9):
        entries = {
            "tokens": code("abc"[number % 3]) if number % 4 else [],
            "dates": [("date", number % 2, number % 2, 0)] if number % 3 else [],
            "strings": [("name", "x", "X", 0)] if number > 5 else [],
        }
        await keep(store, f"{'Observation' if number % 2 else 'Condition'}/i{number}", **entries)
    targets = (Target("Observation"), Target("Condition", EVERYTHING))
    whole = page(store, Query(targets, sort=sorts)).split()
    assert len(whole) == 9
    rows = {key.id: row for row, (key, _) in enumerate(versions_of(store, ALL_VERSIONS), 1)}
    for count, at in itertools.product((1, 3), range(9)):
        following = page(store, Query(targets, count, rows[whole[at]], sort=sorts)).split()
        assert following == whole[at + 1 : at + 2 + count]


async def test_a_row_that_is_gone_is_still_a_place_to_go_on_from(store: SqliteStore):
    await some(store)
    position = await store.position()
    await keep(store, "Observation/a", 2, **values(8))
    await delete(store, Key("Observation", "b"))
    by_code = (Sort("token", ("code",)),)
    targets = (Target("Observation"),)
    assert page(store, Query(targets, 9, 4, position, by_code)) == "c none", "behind the first version of a"
    assert page(store, Query(targets, 9, 1, position, by_code)) == "c none", "behind b, which is deleted"
    assert page(store, Query(targets, 9, 2, position, by_code)) == ""
    assert page(store, Query(targets, 9, 0, position, by_code)) == "a c none"


async def test_types_never_met_have_no_rows(store: SqliteStore):
    await some(store)
    for sorts in SORTS:
        assert page(store, Query((Target("Never"),), sort=sorts)) == ""
        mixed = Query((Target("Never"), Target("Observation")), sort=sorts)
        assert sorted(page(store, mixed).split()) == ["a", "b", "c", "none"]


async def test_references_sort_by_type_and_id(store: SqliteStore):
    await keep(store, "Observation/1", references=to("subject", "Patient/a"))
    await keep(store, "Observation/2", references=to("subject", "Group/z"))
    assert listed(store, Sort("reference", ("subject",))) == "2 1"
