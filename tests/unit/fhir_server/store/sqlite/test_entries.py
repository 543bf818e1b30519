"""Index rows and the footprint that names them."""

from __future__ import annotations

from dataclasses import replace

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
    texts=("narrative", "other words"),
    by_patient=frozenset(("code", "subject")),
)
PATIENTS = [Key("Patient", "p"), Key("Patient", "q")]
OTHERS = [("performer", "Patient", "q", 0, 0), ("focus", "Patient", "q", 0, 0)]
OWNERS = [*PATIENTS, Key("Encounter", "e")]
ROWS = 16
"""Rows of a version with ENTRIES: one for each of 12, and the two codes once more for each of two patients."""


def rows(store: SqliteStore) -> set[tuple[str, tuple[object, ...]]]:
    return {
        (table, row)
        for table, columns in TABLES.values()
        for row in store._writing.raw.execute(f"SELECT {columns} FROM {table}")
    }


def words(store: SqliteStore, word: str) -> list[int]:
    found = store._writing.raw.execute("SELECT rowid FROM idx_text WHERE idx_text MATCH ? ORDER BY rowid", (word,))
    return [v for (v,) in found]


async def test_every_entry_has_its_row_and_the_footprint_names_exactly_those(store: SqliteStore):
    await put(store, new(KEY, 1, owners=OWNERS), ENTRIES)
    ((v, footprint),) = store._writing.raw.execute("SELECT v, json(rows) FROM footprint")
    found = rows(store)
    assert len(found) == ROWS
    assert {table for table, _ in found} == {table for table, _ in TABLES.values()}
    assert set(footprint_rows(v, footprint)) == found
    assert await store.check() == []


async def test_the_columns_of_the_tables_are_those_of_their_keys(store: SqliteStore):
    for table, columns in TABLES.values():
        info = list(store._writing.raw.execute(f"SELECT name, pk FROM pragma_table_info('{table}') ORDER BY pk"))
        more = ["low", "via", "high"] if table == "idx_owned" else []
        assert [name for name, _ in info if name not in more] == columns.split(", ")
        assert {name for name, _ in info} == {*columns.split(", "), *more}


async def test_the_rows_by_patient_tell_by_which_reference_and_from_when_to_when(store: SqliteStore):
    dates = [("date", 5, 6, 0), ("date", 3, 4, 0), ("issued", 1, 9, 0)]
    references = [("performer", "Patient", "p", 0, 0), ("subject", "Patient", "p", 0, 0), *OTHERS]
    by_patient = frozenset(("code", "performer", "subject"))
    entries = replace(ENTRIES, tokens=ENTRIES.tokens[:1], dates=dates, references=references, by_patient=by_patient)
    await put(store, new(KEY, 1, owners=OWNERS), entries)
    params = {name: p for p, name in store._writing.raw.execute("SELECT p, name FROM param")}
    kept = store._writing.raw.execute("SELECT r.id, o.via, o.low, o.high FROM idx_owned o JOIN resource r USING (rid)")
    assert sorted(kept) == [("p", params["subject"], 3, 6), ("q", params["performer"], 3, 6)]


async def test_the_sweep_takes_every_row_of_a_dead_version_and_leaves_its_successor(store: SqliteStore, clock: Clock):
    await put(store, new(KEY, 1, owners=OWNERS), ENTRIES)
    await put(store, new(KEY, 2, owners=OWNERS), ENTRIES)
    assert len(rows(store)) == 2 * ROWS
    assert words(store, "narrative") == [1, 2]
    clock.advance(3601)
    assert await store.sweep() == 1
    assert len(rows(store)) == ROWS
    assert list(store._writing.raw.execute("SELECT v FROM footprint")) == [(2,)]
    assert list(store._writing.raw.execute("SELECT v FROM dead")) == []
    assert words(store, "narrative") == [2]
    assert await store.check() == []
    await update(store, KEY)
    assert (await store.vread(KEY, 1, restriction=ALL)) is not None


async def test_codes_are_kept_by_each_patient_of_the_version_and_nothing_else_is(store: SqliteStore):
    await put(store, new(KEY, 1, owners=OWNERS), ENTRIES)
    kept = store._writing.raw.execute(
        "SELECT r.id, p.name, k.system, k.code FROM idx_owned o JOIN resource r ON r.rid = o.rid "
        "JOIN param p ON p.p = o.p JOIN token k ON k.t = o.t ORDER BY 1, 3"
    )
    codes = [("code", "", "8480-6"), ("code", "http://loinc.org", "8480-6")]
    assert list(kept) == [(patient.id, *code) for patient in PATIENTS for code in codes]


async def test_without_a_patient_nothing_is_kept_by_one(store: SqliteStore):
    await put(store, new(KEY, 1, owners=[Key("Encounter", "e")]), ENTRIES)
    assert list(store._writing.raw.execute("SELECT * FROM idx_owned")) == []
    assert len(rows(store)) == ROWS - 4


async def test_an_owner_named_twice_is_one(store: SqliteStore):
    await put(store, new(KEY, 1, owners=[PATIENTS[0], PATIENTS[0]]), ENTRIES)
    assert len(rows(store)) == ROWS - 2
    assert await store.check() == []


async def test_a_version_without_words_has_no_row_in_the_full_text(store: SqliteStore):
    await put(store, new(KEY, 1), IndexEntries(tokens=ENTRIES.tokens))
    await put(store, new(Key("Observation", "2"), 1), IndexEntries(texts=("", "word")))
    assert list(store._writing.raw.execute("SELECT rowid FROM idx_text")) == [(2,)]
