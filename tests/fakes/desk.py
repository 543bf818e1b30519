"""The desk of a tenant with real services, over a store of choice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.interactions.call import Call, Resource
from fhir_server.interactions.search import search
from fhir_server.loading.pieces import LOADER
from fhir_server.model.fhir_json import parse
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from tests.fakes.authority import PASSWORD


@asynccontextmanager
async def desk_of(**settings: object) -> AsyncIterator[Desk]:
    """Open a desk over a store in memory, unless the settings name another."""
    made = Settings(**{"store": "memory:", "telemed_profiles": False, **settings})  # type: ignore[arg-type]
    async with open_tenant(made) as tenant:
        yield await open_desk(made, tenant.services)


def patient(email: str = "ann@example.org", **more: object) -> Wanted:
    return Wanted(email, PASSWORD, **more)  # type: ignore[arg-type]


def doctor(email: str = "doc@example.org", **more: object) -> Wanted:
    return Wanted(email, PASSWORD, "doctor", rpps="10101201234", **more)  # type: ignore[arg-type]


async def found(desk: Desk, type: str, *query: tuple[str, str]) -> list[Resource]:
    """Return what a search finds for somebody who sees everything."""
    result = await search(Call(desk.services, LOADER, "test", type, parameters=query))
    bundle = result.resource if result.resource is not None else parse(result.body or b"{}")
    return [each["resource"] for each in bundle.get("entry", ())]
