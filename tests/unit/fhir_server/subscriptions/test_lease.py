"""A lease is held by one, renewed in time, and taken over when it has ended."""

from __future__ import annotations

import pytest

from fhir_server.store.base import Store, Transaction
from fhir_server.subscriptions.lease import SECONDS, Lease, LeaseLost
from tests.unit.fhir_server.subscriptions.conftest import House

pytestmark = pytest.mark.anyio


def lease(house: House, *, alone: bool = False) -> Lease:
    services = house.server.services
    return Lease(services.store, "work", services.now, alone=alone)


async def demand(store: Store, held: Lease) -> None:
    async def work(tx: Transaction) -> None:
        await held.demand(tx)

    await store.write(work)


async def test_one_holds_it_at_a_time(house: House) -> None:
    first, second = lease(house), lease(house)
    assert await first.hold()
    assert not await second.hold()
    assert (first.stands, second.stands) == (True, False)


async def test_it_is_renewed_before_it_ends(house: House) -> None:
    first, second = lease(house), lease(house)
    for _ in range(5):
        assert await first.hold()
        assert not await second.hold()
        house.server.clock.advance(SECONDS * 0.8)


async def test_it_is_taken_over_when_its_holder_has_died(house: House) -> None:
    dead, heir = lease(house), lease(house)
    assert await dead.hold()
    house.server.clock.advance(SECONDS - 1)
    assert not await heir.hold()
    house.server.clock.advance(2)
    assert await heir.hold()


async def test_what_the_former_holder_writes_is_refused(house: House) -> None:
    store = house.server.services.store
    slow, heir = lease(house), lease(house)
    assert await slow.hold()
    await demand(store, slow)
    house.server.clock.advance(SECONDS + 1)
    assert not slow.stands
    assert await heir.hold()
    with pytest.raises(LeaseLost):
        await demand(store, slow)
    await demand(store, heir)


async def test_it_can_be_given_back(house: House) -> None:
    first, second = lease(house), lease(house)
    assert await first.hold()
    await first.release()
    assert await second.hold()
    await first.release()
    await demand(house.server.services.store, second)


async def test_who_is_alone_takes_it_at_once_and_keeps_it(house: House) -> None:
    assert await lease(house).hold()
    alone = lease(house, alone=True)
    assert await alone.hold()
    house.server.clock.advance(SECONDS * 100)
    assert alone.stands
