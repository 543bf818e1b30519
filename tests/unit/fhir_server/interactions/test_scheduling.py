"""Professionals put up schedules of their own, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import ANONYMOUS
from tests.fakes.callers import caller, doctor
from tests.fakes.server import Server

pytestmark = pytest.mark.anyio

D, E, ROLE_D, ROLE_E = "Practitioner/d", "Practitioner/e", "PractitionerRole/rd", "PractitionerRole/re"


def schedule(*actors: str) -> dict[str, Any]:
    return {"resourceType": "Schedule", "id": "s", "actor": [{"reference": each} for each in actors]}


@pytest.fixture
async def clinic(server: Server) -> Server:
    for each in ("d", "e"):
        await server.put({"resourceType": "Practitioner", "id": each})
        who = {"reference": f"Practitioner/{each}"}
        await server.put({"resourceType": "PractitionerRole", "id": f"r{each}", "practitioner": who})
    await server.put({"resourceType": "Location", "id": "room"})
    return server


@pytest.mark.parametrize(
    ("actors", "own"),
    [
        ((D,), True),
        ((D, ROLE_D, "Location/room"), True),
        ((ROLE_D,), True),
        ((ROLE_D, "Location/room"), True),
        ((f"{ROLE_D}/_history/1",), True),
        ((ROLE_E,), False),
        ((ROLE_D, ROLE_E), False),
        ((ROLE_D, E), False),
        ((D, E), False),
        ((D, ROLE_E), False),
        ((D, f"{E}/_history/1"), False),
        ((D, f"{ROLE_E}/_history/1"), False),
    ],
)
async def test_a_schedule_names_who_writes_it_and_no_other(clinic: Server, actors: tuple[str, ...], own: bool) -> None:
    clinic.principal = doctor("d")
    if own:
        assert (await clinic.do("create", "Schedule", resource=schedule(*actors))).status == 201
    else:
        refused = await clinic.refusal("create", "Schedule", resource=schedule(*actors))
        assert isinstance(refused, Forbidden)
        assert [issue.expression for issue in refused.issues] == ["Schedule.actor"]


async def test_a_shared_one_is_made_by_administrators_and_kept_by_those_it_names(clinic: Server) -> None:
    clinic.principal = caller("admin", "root")
    await clinic.put(schedule(D, E))
    clinic.principal = doctor("d")
    await clinic.put(schedule(E, D) | {"comment": "mornings"})
    await clinic.put(schedule(D))
    assert isinstance(await clinic.refusal("update", "Schedule/s", resource=schedule(D, E)), Forbidden)
    clinic.principal = ANONYMOUS
    await clinic.put(schedule(D, E))


@pytest.mark.parametrize("actors", [("Location/room",), ("PractitionerRole/nobody",), ("PractitionerRole/missing",)])
async def test_one_that_leads_to_nobody_is_nobody_s(clinic: Server, actors: tuple[str, ...]) -> None:
    await clinic.put({"resourceType": "PractitionerRole", "id": "nobody"})
    clinic.principal = doctor("d")
    assert isinstance(await clinic.refusal("create", "Schedule", resource=schedule(*actors)), Forbidden)


async def test_a_role_that_the_professional_has_written_is_their_own_too(clinic: Server) -> None:
    clinic.principal = doctor("d")
    role = {"resourceType": "PractitionerRole", "practitioner": {"reference": D}}
    made = await clinic.do("create", "PractitionerRole", resource=role)
    own = str(made.location).partition("/_history")[0]
    assert (await clinic.do("create", "Schedule", resource=schedule(own))).status == 201


async def test_a_role_that_somebody_else_has_now_takes_its_schedule_along(clinic: Server) -> None:
    clinic.principal = ANONYMOUS
    await clinic.put(schedule(ROLE_D))
    clinic.principal = doctor("d")
    await clinic.put(schedule(ROLE_D) | {"comment": "mornings"})
    clinic.principal = caller("admin", "root")
    await clinic.put({"resourceType": "PractitionerRole", "id": "rd", "practitioner": {"reference": E}})
    clinic.principal = doctor("d")
    for changed in (schedule(ROLE_D), schedule(D)):
        assert isinstance(await clinic.refusal("update", "Schedule/s", resource=changed), Forbidden)


async def test_slots_of_it_are_theirs_and_those_of_others_are_not(clinic: Server) -> None:
    clinic.principal = ANONYMOUS
    await clinic.put(schedule(ROLE_D))
    await clinic.put(schedule(ROLE_E) | {"id": "other"})
    clinic.principal = doctor("d")
    assert (await clinic.do("create", "Slot", resource=slot("s"))).status == 201
    assert isinstance(await clinic.refusal("create", "Slot", resource=slot("other")), Forbidden)


def slot(schedule: str) -> dict[str, Any]:
    times = {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:30:00Z"}
    return {"resourceType": "Slot", "status": "free", "schedule": {"reference": f"Schedule/{schedule}"}, **times}
