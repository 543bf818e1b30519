"""One contract for every store: each test here runs against all of them.

The stores are opened on the loop of the fixture `runner`, on which the tests run too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from fhir_server.store.base import RecordTable, Store
from fhir_server.store.connect import connect
from profiles.restriction import ATTACHMENTS, RELATIONS, RULES
from tests.fakes.clock import Clock
from tests.fakes.versions import criteria

TABLES = (
    RecordTable("grant", unique=("code",), indexed=("user",)),
    RecordTable("job"),
    RecordTable(RELATIONS, indexed=("pair",)),
    RecordTable(RULES, indexed=("patient",)),
    RecordTable(ATTACHMENTS, indexed=("binary",)),
)
LIFETIME = 3600.0

Reopen = Callable[[], Awaitable[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/fhir.db"


@pytest.fixture
def store(runner: asyncio.Runner, clock: Clock, url: str) -> Iterator[Store]:
    """The store under test; whatever a test did, `check` is content with it at the end."""
    store = runner.run(connect(url, clock=clock, criteria=criteria, tables=TABLES, cursor_lifetime=LIFETIME))
    yield store
    problems = runner.run(store.check())
    runner.run(store.close())
    assert problems == []
