"""What is told on a socket: what the owner may see, and no more than who hears it by their token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.interactions.call import Principal
from fhir_server.interactions.subscribing.tables import Kept, Owner
from fhir_server.interactions.telling.owners import OwnerGone, Standing
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.store.base import Key
from tests.fakes.callers import patient
from tests.fakes.clinic import CATEGORY, observation
from tests.fakes.server import Server

pytestmark = pytest.mark.anyio

ANN = Owner("Patient/ann")
LABORATORY, VITAL_SIGNS = Key("Observation", "laboratory"), Key("Observation", "vital-signs")


def by(scopes: str) -> Principal:
    return patient("ann", scopes=scopes)


def viewer(server: Server, hearer: Principal | None) -> Viewer:
    async def whose(owner: Owner) -> Standing:
        return Standing(by("user/Observation.rs user/Patient.rs"))

    return Viewer(server.services, whose, hearer)


async def shown(server: Server, hearer: Principal | None) -> set[str]:
    """Return which of two new Observations are shown."""
    seen = viewer(server, hearer)
    events = [Kept(1, key, 1, 0, "POST") for key in (LABORATORY, VITAL_SIGNS)]
    return {event.key.id for event in events if await seen.version(ANN, event) is not None}


@pytest.fixture
async def filled(server: Server) -> Server:
    await server.put({"resourceType": "Patient", "id": "ann"})
    for key in (LABORATORY, VITAL_SIGNS):
        await server.put(observation("ann", category=key.id) | {"id": key.id})
    return server


async def test_who_hears_it_by_a_token_for_less_is_shown_less(filled: Server) -> None:
    assert await shown(filled, None) == {"laboratory", "vital-signs"}
    assert await shown(filled, by("user/Observation.rs")) == {"laboratory", "vital-signs"}
    assert await shown(filled, by(f"user/Observation.rs?category={CATEGORY}|laboratory")) == {"laboratory"}


async def test_who_hears_it_by_a_token_for_more_is_shown_what_the_owner_may_see(filled: Server) -> None:
    await filled.put({"resourceType": "Patient", "id": "bob"})
    of_bob = Key("Observation", "of-bob")
    await filled.put(observation("bob") | {"id": of_bob.id})
    everything = replace(filled.principal, actor="Patient/ann")
    assert await viewer(filled, everything).version(ANN, Kept(1, of_bob, 1, 0, "POST")) is None
    assert await shown(filled, everything) == {"laboratory", "vital-signs"}


async def test_an_old_version_is_judged_by_the_criteria_of_the_token(filled: Server) -> None:
    for key in (LABORATORY, VITAL_SIGNS):
        await filled.put(observation("ann", category="laboratory", value=71) | {"id": key.id})
    assert await shown(filled, by(f"user/Observation.rs?category={CATEGORY}|laboratory")) == {"laboratory"}


async def test_of_a_type_out_of_the_scope_of_the_token_nothing_is_told(filled: Server) -> None:
    with pytest.raises(OwnerGone):
        await shown(filled, by("user/Patient.rs"))
    assert await viewer(filled, by("user/Observation.rs")).current(ANN, Key("Patient", "ann")) is None
    assert await viewer(filled, by("user/Patient.rs")).current(ANN, Key("Patient", "ann")) is not None
