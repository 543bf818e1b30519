"""The dictionaries: bounded, and never ahead of what is durable."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Target, Token
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key
from fhir_server.store.connect import connect
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite import dictionary
from fhir_server.store.sqlite.dictionary import KEPT, Dictionary, Names, Recent
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
from tests.fakes.clock import Clock
from tests.fakes.versions import coded, new, put


def test_recent_forgets_everything_rather_than_grow():
    recent: Recent[str] = Recent(3)
    for number, key in enumerate("abcd"):
        recent.remember(key, number)
    assert recent == {"d": 3}


async def test_forgotten_numbers_are_found_again(store: SqliteStore):
    for n in range(40):
        await put(store, new(Key("Patient", str(n)), 1, owners=[Key("Patient", str(n % 5))]), coded(f"c{n % 7}"))
        store._dictionary.tokens.clear()
        store._dictionary.resources.clear()
    tokens = list(store._writing.raw.execute("SELECT count(*), count(DISTINCT code) FROM token"))
    assert tokens == [(7, 7)]
    assert await store.count((Target("Patient", Token("code", None, "C3")),), restriction=ALL) == 6
    assert await store.check() == []


async def test_names_of_a_failed_work_are_not_remembered(store: SqliteStore):
    async def fails(tx):
        await tx.put(new(Key("Device", "1"), 1, author="mallory"), coded("unheard-of"))
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            await store.write(fails)
    for table in ("type", "author", "param", "token", "resource"):
        assert list(store._writing.raw.execute(f"SELECT * FROM {table}")) == []
    assert store._names.type_id("Device") is None
    await put(store, new(Key("Device", "1"), 1, author="mallory"), coded("unheard-of"))
    assert (await store.read(Key("Device", "1"), restriction=ALL)).author == "mallory"
    assert await store.check() == []


async def test_every_form_of_a_parameter_has_a_number_of_its_own(store: SqliteStore):
    entries = IndexEntries(
        tokens=[("code", "", "a", 0), ("code:of-type", "", "a", 0), ("codex", "", "a", 0)],
        strings=[("code:text", "a", "", 0)],
    )
    await put(store, new(Key("Device", "1"), 1), entries)
    store._readers.renew()
    names = store._names
    forms = [names.param_id("Device", form) for form in ("code", "code:text", "code:of-type")]
    assert names.param_ids("Device", "code") == forms
    assert names.param_ids("Device", "cod") == names.param_ids("Patient", "code") == []


async def test_what_is_kept_by_patient_is_known_at_once_and_after_a_restart(store: SqliteStore):
    entries = IndexEntries(
        tokens=[("code", "", "a", 0), ("status", "", "a", 0)],
        references=[("subject", "Patient", "p", 0, 0)],
        by_patient=frozenset(("code", "subject")),
    )

    def kept(names: Names) -> list[str]:
        known = {name: names.param_id("Device", name) for name in ("code", "status", "subject")}
        return [name for name, number in known.items() if number is not None and names.is_by_patient(number)]

    async def work(tx):
        await tx.put(new(Key("Device", "1"), 1), entries)
        assert kept(store._writer_names) == ["code", "subject"]
        assert kept(store._names) == []

    await store.write(work)
    assert kept(store._names) == ["code", "subject"]
    assert Dictionary(store._writing.raw).by_patient == store._dictionary.by_patient


async def test_resources_are_counted_by_type(store: SqliteStore):
    for n in range(3):
        await put(store, new(Key("Device", str(n)), 1), coded("a"))
    store._readers.renew()
    assert store._names.live("Device") == 3
    assert store._names.live("Patient") == store._names.live("Never") == 0


async def test_a_count_of_rows_is_good_for_a_while(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    seconds = [100.0]
    monkeypatch.setattr(dictionary, "monotonic", lambda: seconds[0])
    rows = Statement("SELECT 1 FROM idx_type x WHERE x.v > ?", (0,))

    def counted(limit: int = 10) -> int:
        store._readers.renew()
        return store._names.estimate(rows, limit)

    assert counted() == 0
    for n in range(3):
        await put(store, new(Key("Device", str(n)), 1), coded("a"))
    assert counted() == 0, "what was counted lately is good enough"
    assert counted(2) == 2, "no further than asked for"
    seconds[0] += KEPT + 1
    assert counted() == 3


async def test_counts_that_are_kept_do_not_grow_without_end(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dictionary, "COUNTS", 5)
    for n in range(12):
        store._names.estimate(Statement("SELECT ?", (n,)), 1)
    assert len(store._names._counted) <= 5


async def test_rows_since_a_time_are_found_by_halving(store: SqliteStore, clock: Clock):
    times = []
    for n in range(20):
        clock.advance(n % 3)
        times.append(clock())
        await put(store, new(Key("Device", str(n)), 1), coded("a"))
    store._readers.renew()
    for time in (0, times[0] - 1, *times, *(time + 1 for time in times), times[-1] + 1):
        first = next((at for at, each in enumerate(times, 1) if each >= time), len(times) + 1)
        assert store._names.first_since(time) == first


async def test_a_compressed_store_reads_the_same(tmp_path):
    pytest.importorskip("zstandard", reason="zstandard is not installed")
    url, key, text = f"sqlite:///{tmp_path}/z.db", Key("Patient", "1"), "again and " * 500
    store = await connect(url, compress=True)
    version = await put(store, new(key, 1, text=text))
    assert await store.read(key, restriction=ALL) == version
    assert next(store._writing.raw.execute("SELECT length(data) FROM body"))[0] < 500
    await store.close()
    store = await connect(url)
    assert await store.read(key, restriction=ALL) == version
    await store.close()
