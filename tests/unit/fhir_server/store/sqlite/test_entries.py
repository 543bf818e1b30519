"""Index rows and the footprint that names them."""

from __future__ import annotations

from fhir_server.search.values import IndexEntries, decimal_key
from fhir_server.store.base import Key
from fhir_server.store.sqlite.entries import TABLES, footprint_rows
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
from tests.fakes.clock import Clock
from tests.fakes.versions import new, put, update

KEY = Key("Observation", "1")

ENTRIES = IndexEntries(
    tokens=[("code", "http://loinc.org", "8480-6", 0), ("code", "", "8480-6", 1)],
    strings=[("code:text", "blood pressure", "", 0), ("name", "müller", "Müller", 0)],
    references=[("subject", "Patient", "p", 0, 0), ("subject", "Patient", "p", 3, 0)],
    uris=[("subject", "https://other.example.org/Patient/1", "", 0), ("url", "http://x", "1.0", 0)],
    dates=[("date", -5, 1 << 62, 0)],
    numbers=[("probability", decimal_key(1), decimal_key(2), 0)],
    quantities=[("value-quantity", "http://unitsofmeasure.org", "mm[Hg]", decimal_key(-1), decimal_key(120), 2)],
    positions=[("near", 488_566_000, 23_522_000, 0)],
)


def rows(store: SqliteStore) -> set[tuple[str, tuple[object, ...]]]:
    return {
        (table, row)
        for table, columns in TABLES.values()
        for row in store._writing.raw.execute(f"SELECT {columns} FROM {table}")
    }


async def test_every_entry_has_its_row_and_the_footprint_names_exactly_those(store: SqliteStore):
    await put(store, new(KEY, 1), ENTRIES)
    ((v, footprint),) = store._writing.raw.execute("SELECT v, rows FROM footprint")
    found = rows(store)
    assert len(found) == 12
    assert {table for table, _ in found} == {table for table, _ in TABLES.values()}
    assert set(footprint_rows(v, footprint)) == found
    assert await store.check() == []


async def test_the_columns_of_the_tables_are_those_of_their_keys(store: SqliteStore):
    for table, columns in TABLES.values():
        info = list(store._writing.raw.execute(f"SELECT name, pk FROM pragma_table_info('{table}') ORDER BY pk"))
        assert ", ".join(name for name, _ in info) == columns


async def test_the_sweep_takes_every_row_of_a_dead_version_and_leaves_its_successor(store: SqliteStore, clock: Clock):
    await put(store, new(KEY, 1), ENTRIES)
    await put(store, new(KEY, 2), ENTRIES)
    assert len(rows(store)) == 24
    clock.advance(3601)
    assert await store.sweep() == 1
    assert len(rows(store)) == 12
    assert list(store._writing.raw.execute("SELECT v FROM footprint")) == [(2,)]
    assert list(store._writing.raw.execute("SELECT v FROM dead")) == []
    assert await store.check() == []
    await update(store, KEY)
    assert (await store.vread(KEY, 1, restriction=ALL)) is not None
