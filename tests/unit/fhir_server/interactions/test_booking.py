"""One practitioner has one open Appointment at a time, however it is written."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.errors import Conflict
from tests.fakes.server import Server, content, entry

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.fixture
async def clinic(server: Server) -> Server:
    for id in ("d", "e"):
        await server.put({"resourceType": "Practitioner", "id": id})
    role = {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/d"}}
    await server.put(role)
    return server


def appointment(start: str, end: str, id: str | None = None, who: str = "Practitioner/d", **more: Any) -> Json:
    taking = [{"actor": {"reference": who}, "status": more.pop("taking", "accepted")}]
    made: Json = {"resourceType": "Appointment", "status": "booked", "participant": taking}
    made |= {"start": f"2050-01-03T{start}:00Z", "end": f"2050-01-03T{end}:00Z", **more}
    return made if id is None else made | {"id": id}


async def created(server: Server, resource: Json) -> Json:
    return content(await server.do("create", "Appointment", resource=resource))


async def refused(server: Server, name: str, path: str, **given: Any) -> None:
    refusal = await server.refusal(name, path, **given)
    assert isinstance(refusal, Conflict)
    assert "double booking" in refusal.issues[0].message
    assert refusal.issues[0].expression == "Appointment.start"


async def test_what_overlaps_is_refused_by_create_update_and_patch(clinic: Server) -> None:
    await created(clinic, appointment("10:00", "10:30"))
    await refused(clinic, "create", "Appointment", resource=appointment("10:15", "10:45"))
    await refused(clinic, "update", "Appointment/x", resource=appointment("09:00", "10:01", "x"))
    await clinic.put(appointment("10:30", "11:00", "next"))
    await refused(clinic, "update", "Appointment/next", resource=appointment("10:29", "11:00", "next"))
    steps = json.dumps([{"op": "replace", "path": "/start", "value": "2050-01-03T10:29:00Z"}]).encode()
    await refused(clinic, "patch", "Appointment/next", raw=steps)
    assert (await clinic.show("Appointment/next"))["start"] == "2050-01-03T10:30:00Z"


@pytest.mark.parametrize(
    "other",
    [
        appointment("10:00", "10:30", status="cancelled"),
        appointment("10:00", "10:30", status="fulfilled"),
        appointment("10:00", "10:30", status="noshow"),
        appointment("10:00", "10:30", who="Practitioner/e"),
        appointment("10:00", "10:30", taking="declined"),
        appointment("09:00", "10:00"),
    ],
)
async def test_what_takes_no_time_of_the_doctor_is_in_nobody_s_way(clinic: Server, other: Json) -> None:
    await created(clinic, other)
    await created(clinic, appointment("10:00", "10:30"))


@pytest.mark.parametrize("first", ["Practitioner/d", "PractitionerRole/r"])
@pytest.mark.parametrize("second", ["Practitioner/d", "PractitionerRole/r"])
async def test_a_doctor_is_one_person_in_every_role(clinic: Server, first: str, second: str) -> None:
    await created(clinic, appointment("10:00", "10:30", who=first))
    await refused(clinic, "create", "Appointment", resource=appointment("10:10", "10:20", who=second))


async def test_one_that_is_taken_up_again_meets_the_others(clinic: Server) -> None:
    await clinic.put(appointment("10:00", "10:30", "a", status="cancelled"))
    await created(clinic, appointment("10:00", "10:30"))
    await refused(clinic, "update", "Appointment/a", resource=appointment("10:00", "10:30", "a"))
    await clinic.do("delete", "Appointment/a")
    await refused(clinic, "update", "Appointment/a", resource=appointment("10:00", "10:30", "a"))


async def test_a_transaction_is_judged_as_a_whole(clinic: Server) -> None:
    one, other = appointment("10:00", "10:30", "a"), appointment("10:30", "11:00", "b")
    await clinic.bundle(entry("PUT", "Appointment/a", one), entry("PUT", "Appointment/b", other))
    swapped = appointment("10:30", "11:00", "a"), appointment("10:00", "10:30", "b")
    await clinic.bundle(*(entry("PUT", f"Appointment/{each['id']}", each) for each in swapped))
    refusal = await clinic.bundle_refusal(
        entry("POST", "Appointment", appointment("12:00", "12:30")),
        entry("POST", "Appointment", appointment("12:15", "12:45")),
    )
    assert isinstance(refusal, Conflict)
    assert str(refusal.issues[0].expression).startswith("Bundle.entry[0]")
    (first, second) = await clinic.bundle(
        entry("POST", "Appointment", appointment("13:00", "13:30")),
        entry("POST", "Appointment", appointment("13:15", "13:45")),
        type="batch",
    )
    assert (first["response"]["status"][:3], second["response"]["status"][:3]) == ("201", "409")


async def test_of_many_at_once_one_gets_the_time(clinic: Server) -> None:
    async def book(number: int) -> int:
        resource = appointment("10:00", "10:30", description=f"{number}")
        try:
            if number % 2:
                await clinic.bundle(entry("POST", "Appointment", resource))
            else:
                await created(clinic, resource)
        except Conflict:
            return 409
        return 201

    assert sorted(await asyncio.gather(*map(book, range(8)))) == [201, *[409] * 7]


async def test_where_double_booking_is_allowed_nothing_is_looked_at(clinic: Server) -> None:
    await created(clinic, appointment("10:00", "10:30", "a"))
    clinic.services = replace(clinic.services, double_booking=True)
    twice = await created(clinic, appointment("10:00", "10:30"))
    clinic.services = replace(clinic.services, double_booking=False)
    # What overlaps already may be changed, cut and closed, but not spread.
    await clinic.put(twice | {"description": "with a colleague"})
    await clinic.put(twice | {"end": "2050-01-03T10:20:00Z"})
    await refused(clinic, "update", f"Appointment/{twice['id']}", resource=twice | {"end": "2050-01-03T10:25:00Z"})
    await clinic.put(twice | {"status": "fulfilled"})


async def test_the_last_hour_there_is_can_be_booked_once(clinic: Server) -> None:
    last = {"start": "9999-12-31T23:00:00-14:00", "end": "9999-12-31T23:59:60-14:00"}
    await created(clinic, appointment("10:00", "10:30") | last)
    await created(clinic, appointment("10:00", "10:30", who="Practitioner/e") | last)


async def test_what_is_over_is_history(clinic: Server) -> None:
    past = {"start": "2020-01-03T10:00:00Z", "end": "2020-01-03T10:30:00Z"}
    await created(clinic, appointment("10:00", "10:30") | past)
    await created(clinic, appointment("10:00", "10:30") | past)
