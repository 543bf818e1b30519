"""`database` is where a SQLite store may be, `store` is one that is open on the loop of the fixture `runner`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_server.store.base import RecordTable
from fhir_server.store.connect import connect
from fhir_server.store.sqlite.store import SqliteStore
from tests.fakes.clock import Clock
from tests.fakes.versions import criteria

TABLES = (RecordTable("job"),)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "fhir.db"


@pytest.fixture
def store(runner: asyncio.Runner, database: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = runner.run(connect(f"sqlite:///{database}", clock=clock, criteria=criteria, tables=TABLES))
    assert isinstance(store, SqliteStore)
    yield store
    runner.run(store.close())
