"""The rows of the worked example in docs/store.md: create, update, update, delete, sweep."""

from __future__ import annotations

from typing import Any

from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key
from fhir_server.store.contained_row import contained_row
from fhir_server.store.sqlite.store import SqliteStore
from tests.fakes.clock import Clock
from tests.fakes.versions import NO_ENTRIES, new, put

P = Key("Patient", "1")
NORMAL, RESTRICTED = ("https://example.org/confidentiality", "N"), ("https://example.org/confidentiality", "R")


def entries(family: str) -> IndexEntries:
    return IndexEntries(
        tokens=[("gender", "https://example.org/gender", "female", 0)],
        strings=[("family", family.lower(), family, 0)],
        references=[("general-practitioner", "Practitioner", "dr", 0, 0)],
    )


def rows(store: SqliteStore, sql: str) -> list[tuple[Any, ...]]:
    return list(store._writing.raw.execute(sql))


async def test_four_versions_of_one_patient(store: SqliteStore, clock: Clock):
    times = []
    for number, method, found, label in (
        (1, "POST", entries("Moreau"), NORMAL),
        (2, "PUT", entries("Petit"), NORMAL),
        (3, "PUT", entries("Petit"), RESTRICTED),
        (4, "DELETE", NO_ENTRIES, RESTRICTED),
    ):
        await put(store, new(P, number, method=method, owners=[P], labels=[label]), found)
        times.append(clock.now)
        assert rows(store, "SELECT current FROM resource WHERE id = '1'") == [(number,)]
        assert rows(store, "SELECT live FROM type_count") == [(int(method != "DELETE"),)]
        clock.advance(60)
    assert rows(store, "SELECT id, current FROM resource WHERE current IS NULL") == [("dr", None)]
    assert rows(store, "SELECT v, number, position, time, deleted FROM version") == [
        (n, n, n, times[n - 1], int(n == 4)) for n in (1, 2, 3, 4)
    ]
    assert rows(store, "SELECT v, length(data) > 1, patients FROM body") == [
        (1, 1, "1"),
        (2, 1, "1"),
        (3, 1, "1"),
        (4, 0, "1"),
    ]
    assert rows(store, "SELECT v, died, time FROM dead") == [(1, 2, times[1]), (2, 3, times[2]), (3, 4, times[3])]
    assert rows(store, "SELECT norm, v FROM idx_string") == [("moreau", 1), ("petit", 2), ("petit", 3)]
    assert [v for (v,) in rows(store, "SELECT v FROM idx_type")] == [1, 2, 3]
    assert [v for (v,) in rows(store, "SELECT v FROM footprint")] == [1, 2, 3]
    kept = (
        rows(store, "SELECT v FROM owner"),
        rows(store, "SELECT l.v, t.code FROM label l JOIN token t USING (t) ORDER BY l.v"),
    )
    assert kept == ([(1,), (2,), (3,), (4,)], [(1, "N"), (2, "N"), (3, "R"), (4, "R")])

    clock.advance(3600)
    assert await store.sweep() == 3
    for table in ("idx_type", "idx_token", "idx_string", "idx_reference", "footprint", "dead"):
        assert rows(store, f"SELECT * FROM {table}") == []
    assert rows(store, "SELECT value FROM meta WHERE key = 'swept_to'") == [(4,)]
    assert rows(store, "SELECT v FROM owner") == kept[0]
    assert len(rows(store, "SELECT v FROM version")) == len(rows(store, "SELECT v FROM body")) == 4
    assert await store.check() == []


async def test_rows_of_what_is_contained_come_and_go_with_the_version(store: SqliteStore, clock: Clock):
    inner = IndexEntries(tokens=[("_id", "", "i", 0), ("code", "", "x", 0)], texts=("", "held"))
    held = IndexEntries(contained=[("#Basic", inner), ("#Basic", inner)])
    await put(store, new(P, 1), held)
    expected = [contained_row(1, 0), contained_row(1, 1)]
    assert [v for (v,) in rows(store, "SELECT v FROM footprint ORDER BY v")] == expected
    assert [v for (v,) in rows(store, "SELECT rowid FROM idx_text ORDER BY rowid")] == expected
    assert [v for (v,) in rows(store, "SELECT DISTINCT v FROM idx_token ORDER BY v")] == expected
    assert rows(store, "SELECT v FROM idx_type") == [(1,)], "what is contained is no resource of a type"
    await put(store, new(P, 2), IndexEntries())
    clock.advance(3601)
    assert await store.sweep() == 1
    for table in ("idx_token", "footprint", "idx_text"):
        assert rows(store, f"SELECT rowid FROM {table}" if table == "idx_text" else f"SELECT * FROM {table}") == []
    assert await store.check() == []
