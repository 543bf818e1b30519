"""Fixtures: a server over each store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from profiles.validation.validator import Validator
from tests.fakes.clock import Clock
from tests.fakes.server import Server, services_at


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator()


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry()


@pytest.fixture(scope="session")
def extractor(registry: Registry) -> Extractor:
    return Extractor(registry)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
async def server(
    request: pytest.FixtureRequest, tmp_path: Path, registry: Registry, extractor: Extractor, validator: Validator
) -> AsyncIterator[Server]:
    clock = Clock()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'fhir.db'}"
    services = await services_at(url, registry, extractor, validator, clock)
    yield Server(services, clock)
    await services.store.close()
