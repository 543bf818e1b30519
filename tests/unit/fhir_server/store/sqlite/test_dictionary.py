"""The dictionaries: bounded, and never ahead of what is durable."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Target, Token
from fhir_server.store.base import Key
from fhir_server.store.connect import connect
from fhir_server.store.sqlite.dictionary import Recent
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
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
