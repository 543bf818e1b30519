"""Whose a subscription is, and who may have one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from auth.policy import BREAK_GLASS
from fhir_server.interactions.call import ANONYMOUS, Principal
from fhir_server.interactions.subscribing.rules import Rules
from fhir_server.interactions.subscribing.tables import Owner, owned_by_id
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from profiles.validation.validator import Validator
from tests.fakes.clock import Clock
from tests.fakes.server import Server, services_at
from tests.fakes.subscribing import subscription

pytestmark = pytest.mark.anyio
ASKED = subscription("Observation", "https://x.example") | {"id": "s"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    registry, clock = Registry(), Clock()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/fhir.db"
    services = await services_at(url, registry, Extractor(registry), Validator(), clock)
    yield Server(replace(services, subscribing=Rules(most=2)), clock)
    await services.store.close()


async def test_it_belongs_to_who_wrote_it_last(server: Server) -> None:
    await server.put(ASKED)
    scopes = ("system/Observation.rs", "system/Subscription.cruds")
    server.principal = Principal("Client/other", ANONYMOUS.rights, client="other", scopes=scopes)
    await server.put(ASKED)
    row = await owned_by_id(server.services.store, "s")
    assert row is not None
    assert (row.owner, row.asked) == (Owner("Client/other", client="other", scopes=scopes), 2)


async def test_it_belongs_to_nobody_once_it_is_deleted(server: Server) -> None:
    await server.put(ASKED)
    await server.do("delete", "Subscription/s")
    assert await owned_by_id(server.services.store, "s") is None


async def test_one_owner_has_so_many_and_no_more(server: Server) -> None:
    await server.put(ASKED)
    await server.put(ASKED | {"id": "t"})
    refusal = await server.refusal("update", "Subscription/u", resource=ASKED | {"id": "u"})
    assert (refusal.status, refusal.issues[0].code) == (422, "too-costly")
    await server.put(ASKED | {"status": "off"})
    server.principal = Principal("Client/other", ANONYMOUS.rights)
    await server.put(ASKED | {"id": "u"})


async def test_break_glass_asks_for_nothing_later(server: Server) -> None:
    server.principal = replace(ANONYMOUS, purpose=BREAK_GLASS)
    refusal = await server.refusal("create", "Subscription", resource=ASKED)
    assert refusal.status == 403
