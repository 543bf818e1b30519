"""Reading beside the writer: every answer is as of the newest commit, new names included."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fhir_server.errors import StoreUnavailable
from fhir_server.search.query import EVERYTHING, Target
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, NewVersion, RecordTable, Scope, Transaction
from fhir_server.store.connect import connect, reading, shareable
from profiles.restriction import ALL

TABLE = RecordTable("load")


def test_a_reader_sees_what_the_writer_has_committed_since(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fhir.db'}"

    async def put(tx: Transaction, key: Key) -> None:
        await tx.put(NewVersion(key, 1, "POST", "tester", b'{"a":1}'), IndexEntries())
        await tx.records.put("load", key.id, {"end": 1})

    async def on() -> None:
        store = await connect(url, tables=[TABLE])
        try:
            async with reading(url, tables=[TABLE]) as reader:
                for number, key in enumerate((Key("Patient", "1"), Key("Basic", "2"), Key("Basic", "3")), 1):
                    assert await reader.read(key, restriction=ALL) is None
                    assert await reader.records.get("load", key.id) is None
                    await store.write(lambda tx, key=key: put(tx, key))
                    version = await reader.read(key, restriction=ALL)
                    assert version is not None
                    assert (version.body, version.author, version.number) == (b'{"a":1}', "tester", 1)
                    record = await reader.records.get("load", key.id)
                    assert record is not None
                    page = await reader.history(Scope(), restriction=ALL)
                    assert len(page.versions) == number
                found = await reader.matches("Basic", EVERYTHING, restriction=ALL, limit=9)
                assert {version.key for version in found} == {Key("Basic", "2"), Key("Basic", "3")}
                assert await reader.count((Target("Basic"),), restriction=ALL) == 2
        finally:
            await store.close()

    asyncio.run(on())


@pytest.mark.parametrize("url", ["memory:", "sqlite://", "sqlite:///:memory:", "postgresql://x/y"])
def test_only_a_file_can_be_read_beside_its_writer(url: str) -> None:
    async def on() -> None:
        async with reading(url):
            pass

    assert not shareable(url)
    with pytest.raises(StoreUnavailable):
        asyncio.run(on())


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async def on() -> None:
        async with reading(f"sqlite:///{tmp_path / 'none.db'}"):
            pass

    with pytest.raises(StoreUnavailable):
        asyncio.run(on())
    assert list(tmp_path.iterdir()) == []
