"""Fixtures: a server over each store that learns its search parameters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from profiles.validation.validator import Validator
from tests.fakes.clock import Clock
from tests.fakes.own_parameters import learning
from tests.fakes.server import Server


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
async def server(request: pytest.FixtureRequest, tmp_path: Path, validator: Validator) -> AsyncIterator[Server]:
    clock = Clock()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'fhir.db'}"
    services = await learning(url, validator, clock)
    yield Server(services, clock)
    assert await services.store.check() == []
    await services.store.close()
