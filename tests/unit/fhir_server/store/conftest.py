"""Async tests of the stores run on the loop of the fixture `runner`; `database` is where a SQLite store may be."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_server.store.base import RecordTable
from fhir_server.store.connect import connect
from fhir_server.store.sqlite.store import SqliteStore
from tests.fakes.clock import Clock
from tests.fakes.versions import criteria

TABLES = (RecordTable("job"),)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    runner = pyfuncitem.funcargs.get("runner")
    run = runner.run if runner else asyncio.run
    run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "fhir.db"


@pytest.fixture
def store(runner: asyncio.Runner, database: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = runner.run(connect(f"sqlite:///{database}", clock=clock, criteria=criteria, tables=TABLES))
    assert isinstance(store, SqliteStore)
    yield store
    runner.run(store.close())
