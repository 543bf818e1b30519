"""A tenant in memory, and packages put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fhir_server.app import Tenant, open_tenant
from fhir_server.settings import Settings


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    async with open_tenant(Settings(auth="open", store="memory:")) as opened:
        yield opened
