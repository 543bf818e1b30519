"""An engine over a store in memory, at work in the loop of the test, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fhir_server.interactions.call import ANONYMOUS
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.interactions.subscribing.tables import Owner
from fhir_server.interactions.telling.owners import OwnerGone, Standing
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.subscriptions.channels import NotTaken, RestHooks
from fhir_server.subscriptions.courier import Means
from fhir_server.subscriptions.engine import NAME, Engine
from fhir_server.subscriptions.lease import Lease
from fhir_server.subscriptions.parcel import Parcel
from profiles.validation.validator import Validator
from realtime.subscriptions.backoff import Backoff
from tests.fakes.clock import Clock
from tests.fakes.patience import PATIENCE
from tests.fakes.server import Server, services_at
from tests.fakes.subscribing import subscription

Json = dict[str, Any]


class Endpoint(RestHooks):
    """Endpoints that take everything, but for as many parcels as are to be refused."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Parcel] = []
        self.refuses = 0
        self.during: Callable[[], Awaitable[object]] | None = None

    async def send(self, entry: Entry, parcel: Parcel) -> None:
        await asyncio.sleep(0)
        if self.refuses:
            self.refuses -= 1
            raise NotTaken("The endpoint answered with status 500.", parcel)
        self.taken.append(parcel)
        if self.during is not None:
            await self.during()


@dataclass
class House:
    """A server, its endpoint, and what makes engines for it. `standing` is who every owner is, or why they are not."""

    server: Server
    endpoint: Endpoint
    standing: Standing | OwnerGone = field(default_factory=lambda: Standing(ANONYMOUS))

    async def whose(self, owner: Owner) -> Standing:
        if isinstance(self.standing, OwnerGone):
            raise self.standing
        return self.standing

    def engine(self, *, alone: bool = True, backoff: Backoff | None = None) -> Engine:
        services = self.server.services
        lease = Lease(services.store, NAME, services.now, alone=alone)
        tries = backoff or Backoff(first=0, errors=2, most=4)
        return Engine(Means(services, lease, self.whose, self.endpoint, tries, lambda id: None))

    @asynccontextmanager
    async def at_work(self, **given: Any) -> AsyncIterator[Engine]:
        engine = self.engine(**given)
        await engine.begin()
        try:
            yield engine
        finally:
            await engine.stop()

    async def subscribe(self, criteria: str = "Observation", **more: Any) -> str:
        """Create a subscription and wait until it is active; return its id."""
        made = await self.server.do("create", "Subscription", resource=subscription(criteria, "https://x.example"))
        assert made.location is not None
        id = made.location.split("/")[1]
        await self.until(lambda: self.status(id), lambda status: status == "active")
        return id

    async def status(self, id: str) -> str:
        return str((await self.server.show(f"Subscription/{id}"))["status"])

    @staticmethod
    async def until(look: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not wanted(found := await look()):  # noqa: ASYNC110 - it is looked at from outside
                await asyncio.sleep(0.01)
        return found

    async def taken(self, number: int) -> list[Parcel]:
        """Return what the endpoint has taken once there is so much."""

        async def look() -> list[Parcel]:
            return self.endpoint.taken

        return list(await self.until(look, lambda taken: len(taken) >= number))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
async def house(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    monkeypatch.setattr("fhir_server.subscriptions.engine.EVERY", 0.01)
    registry, clock = Registry(), Clock()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/fhir.db"
    services = await services_at(url, registry, Extractor(registry), Validator(), clock)
    yield House(Server(services, clock), Endpoint())
    await services.store.close()
