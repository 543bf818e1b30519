"""The SQL of searches: which index a statement walks, and that its size has no trap.

What it finds is held to its definition by tests/properties/test_queries_agree.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import apsw
import pytest

from fhir_server.search.parameters import Registry
from fhir_server.search.parse import criteria, parse
from fhir_server.search.query import Node, Query, Sort, Target
from fhir_server.store.sql import compile_select
from fhir_server.store.sql.compile import compile_matches, compile_page, make_world
from fhir_server.store.sql.compile_count import compile_count
from fhir_server.store.sql.compile_entry import after
from fhir_server.store.sql.compile_start import Start, starts
from fhir_server.store.sql.compile_visible import World, compile_restriction
from fhir_server.store.sql.dialect import FALSE, Statement
from profiles.restriction import ALL, NONE, AllOf, AnyOf, HasLabel, InCompartment, Matches, Not, Restriction, WrittenBy
from tests.fakes.statements import FakeNames, empty_database, plan

BASE = "https://fhir.example.org/fhir"
REGISTRY = Registry()
READ = criteria(REGISTRY, base=BASE, now=0)
FEW, MANY = 10, 1_000_000


@pytest.fixture(scope="module")
def database() -> apsw.Connection:
    return empty_database()


def where(resource_type: str, *parameters: tuple[str, str]) -> Node:
    return parse(resource_type, parameters, REGISTRY, base=BASE, now=0, or_values=1000).where


def seen(names: FakeNames, restriction: Restriction = ALL) -> World:
    return make_world(names, READ, restriction, 1000)


def page(
    names: FakeNames, resource_type: str, *parameters: tuple[str, str], restriction: Restriction = ALL
) -> Statement:
    query = Query((Target(resource_type, where(resource_type, *parameters)),), 50, 0, 1000)
    return compile_page(query, seen(names, restriction)).statement


@pytest.mark.parametrize(
    ("resource_type", "parameters", "begins"),
    [
        ("Observation", [("patient", "Patient/1")], "SEARCH x USING PRIMARY KEY (p=? AND rid=? AND v>? AND v<?)"),
        ("Observation", [("code", "http://loinc.org|1")], "SEARCH x USING PRIMARY KEY (p=? AND t=? AND v>? AND v<?)"),
        ("Patient", [], "SEARCH x USING PRIMARY KEY (type=? AND v>? AND v<?)"),
        (
            "Patient",
            [("family:exact", "Çelik")],
            "SEARCH x USING PRIMARY KEY (p=? AND norm=? AND exact=? AND v>? AND v<?)",
        ),
        ("Patient", [("gender:not", "male")], "SEARCH x USING PRIMARY KEY (type=? AND v>? AND v<?)"),
        ("Patient", [("_lastUpdated", "gt2020")], "SEARCH x USING PRIMARY KEY (type=? AND v>? AND v<?)"),
    ],
)
def test_a_page_in_order_of_its_rows_is_neither_sorted_nor_gathered(
    database: apsw.Connection, resource_type: str, parameters: list[tuple[str, str]], begins: str
) -> None:
    steps = plan(database, page(FakeNames(), resource_type, *parameters))
    assert steps[0] == begins
    assert not [step for step in steps if "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    ("resource_type", "parameters", "begins"),
    [
        ("Patient", [("name", "smi")], "SEARCH x USING PRIMARY KEY (p=? AND norm>? AND norm<?)"),
        ("Patient", [("birthdate", "2020")], "SEARCH x USING PRIMARY KEY (p=? AND low>? AND low<?)"),
        ("Patient", [("birthdate", "gt2020")], "SEARCH x USING COVERING INDEX idx_date_high (p=? AND high>?)"),
        ("Patient", [("birthdate", "ge2020")], "SEARCH x USING COVERING INDEX idx_date_high (p=? AND high>?)"),
        ("Patient", [("birthdate", "lt2020")], "SEARCH x USING PRIMARY KEY (p=? AND low<?)"),
        ("Patient", [("birthdate", "le2020")], "SEARCH x USING PRIMARY KEY (p=? AND low<?)"),
        ("Patient", [("birthdate", "eb2020")], "SEARCH x USING COVERING INDEX idx_date_high (p=? AND high<?)"),
        ("Patient", [("birthdate", "sa2020")], "SEARCH x USING PRIMARY KEY (p=? AND low>?)"),
        ("Questionnaire", [("url:below", "http://a")], "SEARCH x USING PRIMARY KEY (p=? AND uri>? AND uri<?)"),
        ("Questionnaire", [("url", "http://a")], "SEARCH x USING PRIMARY KEY (p=? AND uri=?)"),
        ("Observation", [("patient", "1,2")], "SEARCH x USING PRIMARY KEY (p=? AND rid=? AND v>? AND v<?)"),
    ],
)
def test_few_rows_are_found_by_a_range_of_their_index(
    database: apsw.Connection, resource_type: str, parameters: list[tuple[str, str]], begins: str
) -> None:
    names = FakeNames(idx_string=FEW, idx_date=FEW, idx_uri=FEW, idx_reference=FEW, idx_token=FEW)
    assert plan(database, page(names, resource_type, *parameters))[0] == begins


def test_many_rows_in_no_order_are_not_gathered_for_one_page(database: apsw.Connection) -> None:
    steps = plan(database, page(FakeNames(idx_date=MANY, live=100_000), "Observation", ("date", "ge2000")))
    assert steps[0] == "SEARCH x USING PRIMARY KEY (type=? AND v>? AND v<?)"
    assert not [step for step in steps if "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    ("rows", "table"),
    [
        ({"idx_reference": 300, "idx_token": MANY}, "idx_reference"),
        ({"idx_reference": MANY, "idx_token": 12}, "idx_token"),
        ({}, "idx_reference"),
    ],
)
def test_the_search_starts_where_fewest_rows_are(rows: dict[str, int], table: str) -> None:
    found = page(FakeNames(**rows), "Observation", ("code", "http://loinc.org|1"), ("patient", "1"))
    assert f"FROM {table} x" in found.sql


def test_codes_of_one_patient_are_read_from_the_rows_of_that_patient(database: apsw.Connection) -> None:
    names = FakeNames(by_patient=True, idx_reference=300, idx_token=MANY, idx_owned=80)
    steps = plan(database, page(names, "Observation", ("patient", "1"), ("code", "http://loinc.org|1")))
    assert steps[0] == "SEARCH x USING PRIMARY KEY (rid=? AND p=? AND t=?)"


def test_the_newest_results_of_one_patient_are_read_in_their_order(database: apsw.Connection) -> None:
    names = FakeNames(by_patient=True)
    parameters = (("patient", "1"), ("code", "http://loinc.org|1"))
    newest = Query(
        (Target("Observation", where("Observation", *parameters)),),
        20,
        sort=(Sort("date", ("date",), descending=True),),
    )
    steps = plan(database, compile_page(newest, seen(names)).statement)
    assert steps[0] == "SEARCH x USING PRIMARY KEY (rid=? AND p=? AND t=?)"
    assert not [step for step in steps if "TEMP B-TREE" in step or "footprint" in step]


def test_what_does_not_start_the_search_is_looked_up_for_each_version(database: apsw.Connection) -> None:
    names = FakeNames(idx_reference=FEW, idx_token=MANY, idx_date=MANY)
    found = page(names, "Observation", ("patient", "1"), ("code", "http://loinc.org|1"), ("date", "ge2020"))
    steps = " / ".join(plan(database, found))
    assert re.search(r"SEARCH i (EXISTS )?USING PRIMARY KEY \(p=\? AND t=\? AND v=\?\)", steps)
    assert "SEARCH f USING INTEGER PRIMARY KEY (rowid=?)" in steps
    assert "SCAN idx" not in steps
    assert "SCAN x" not in steps


def test_ids_come_before_everything_else(database: apsw.Connection) -> None:
    found = page(FakeNames(), "Patient", ("name", "smi"), ("_id", "1"))
    assert plan(database, found)[0] == "SEARCH x USING COVERING INDEX sqlite_autoindex_version_1 (rid=?)"


@pytest.mark.parametrize("parameters", [[("_id", "unknown")], [("patient", "unknown")]])
def test_what_the_store_never_met_is_found_nowhere(
    database: apsw.Connection, parameters: list[tuple[str, str]]
) -> None:
    found = page(FakeNames(), "Observation", *parameters)
    assert "WHERE 0" in found.sql
    assert list(database.execute(found.sql, found.arguments)) == []


def test_a_type_without_resources_is_empty(database: apsw.Connection) -> None:
    found = page(FakeNames(), "Basic")
    assert list(database.execute(found.sql, found.arguments)) == []


def test_inside_a_compartment_the_search_starts_from_it(database: apsw.Connection) -> None:
    found = page(FakeNames(owner=FEW), "Observation", restriction=InCompartment("Patient", "1"))
    assert plan(database, found)[0] == "SEARCH x USING COVERING INDEX owner_of (rid=? AND v>? AND v<?)"


RESTRICTIONS = [
    InCompartment("Patient", "1"),
    HasLabel("", "R"),
    WrittenBy("anna"),
    Not(Matches("Observation", (("code", "1"),))),
    AnyOf((InCompartment("Patient", "1"), AllOf((WrittenBy("anna"), Not(HasLabel("", "R")))))),
]


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_the_restriction_is_part_of_every_statement(database: apsw.Connection, restriction: Restriction) -> None:
    names = FakeNames(idx_token=MANY, owner=MANY)
    asked = where("Observation", ("code", "http://loinc.org|1"))
    world = seen(names, restriction)
    inside = compile_restriction(restriction, "x", world).sql
    for statement in (
        page(names, "Observation", ("code", "http://loinc.org|1"), restriction=restriction),
        compile_count(Target("Observation", asked), world).statement,
        compile_matches("Observation", asked, 2, world).statement,
    ):
        assert inside in statement.sql
        assert statement.sql.count("?") == len(statement.arguments)
        assert list(database.execute(statement.sql, statement.arguments)) in ([], [(0,)])


def test_who_may_see_nothing_gets_a_statement_that_finds_nothing() -> None:
    assert compile_restriction(NONE, "x", seen(FakeNames())) == FALSE
    assert " AND 0 ORDER" in page(FakeNames(), "Patient", restriction=NONE).sql


@pytest.mark.parametrize(
    ("resource_type", "name", "value"),
    [
        ("Patient", "family", "name{}"),
        ("Patient", "identifier", "http://example.org|{}"),
        ("Patient", "birthdate", "ge{}"),
        ("Patient", "_id", "id{}"),
        ("Questionnaire", "url", "http://example.org/{}"),
        ("Observation", "subject", "Patient/{}"),
        ("Patient", "_lastUpdated", "lt{}"),
    ],
)
def test_a_thousand_alternatives_fit(database: apsw.Connection, resource_type: str, name: str, value: str) -> None:
    values = ",".join(value.format(number) for number in range(1000, 2000))
    for names in (
        FakeNames(),
        FakeNames(idx_string=MANY, idx_token=MANY, idx_date=MANY, idx_uri=MANY, idx_reference=MANY),
    ):
        found = page(names, resource_type, (name, values), ("_tag", "x"), ("_source", "http://a"))
        assert list(database.execute(found.sql, found.arguments)) == []
        alone = page(names, resource_type, (name, values))
        assert list(database.execute(alone.sql, alone.arguments)) == []


@pytest.mark.parametrize(
    ("text", "end"), [("smi", "smj"), ("a\U0010ffff", "b"), ("\ud7ff", "\ue000"), ("\U0010ffff", None), ("", None)]
)
def test_a_prefix_ends_before_the_next_character(text: str, end: str | None) -> None:
    assert after(text) == end


def test_what_is_behind_a_link_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[str] = []

    def counting(world: World, type: str, parts: Sequence[Node]) -> list[Start]:
        planned.append(type)
        return starts(world, type, parts)

    monkeypatch.setattr(compile_select, "starts", counting)
    page(FakeNames(), "Encounter", ("_has:Encounter:part-of:" * 7 + "status", "finished"))
    assert len(planned) == 8


def test_a_thousand_values_that_no_key_finds_are_one_look_at_the_footprint() -> None:
    values = ",".join(f"x{number}" for number in range(1000))
    statement = page(FakeNames(), "Patient", ("address-city:contains", values), ("identifier", "http://s|1"))
    assert statement.sql.count("FROM footprint") == 1
    assert len(statement.sql) < 60_000
    # Nor are they said once more for each of several pieces that could come in order.
    assert len(page(FakeNames(), "Patient", ("address-city:contains", values), ("identifier", "1")).sql) < 60_000
