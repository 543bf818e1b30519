"""Fixtures: the services of a store on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fhir_server.interactions.call import Services
from profiles.validation.validator import Validator
from tests.fakes.clock import Clock
from tests.fakes.own_parameters import learning


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    services = await learning(f"sqlite:///{tmp_path / 'fhir.db'}", Validator(), Clock())
    yield services
    assert await services.store.check() == []
    await services.store.close()
