"""The consultation that the demo has today."""

from __future__ import annotations

from fhir_server.accounts.desk import Desk
from fhir_server.demo.today import DOCTOR, PATIENT, book
from fhir_server.interactions.call import Call, Resource
from fhir_server.interactions.search import search
from fhir_server.live.appointment import Opening, Party, is_open, party_of
from fhir_server.loading.pieces import LOADER
from fhir_server.model.fhir_json import parse
from mappings.views.appointment import VIEW
from mappings.views.show import show
from tests.fakes.desk import desk_of


async def booked(desk: Desk) -> Resource:
    found = await search(Call(desk.services, LOADER, "r", "Appointment", parameters=()))
    bundle = found.resource if found.resource is not None else parse(found.body or b"{}")
    (entry,) = bundle["entry"]
    made: Resource = entry["resource"]
    return made


async def test_its_room_is_open_to_patient_and_doctor() -> None:
    async with desk_of() as desk:
        await book(desk)
        appointment = await booked(desk)
        assert party_of(appointment, {}) == Party((PATIENT,), (DOCTOR,))
        assert is_open(appointment, Opening(), desk.services.now())
        shown = show(VIEW, {"Appointment": [appointment]})
        assert (shown["kind"], shown["inserted_at"]) == ("video", appointment["created"])


async def test_a_demo_that_starts_again_a_while_later_has_the_one_that_is_there() -> None:
    async with desk_of() as desk:
        await book(desk)
        before = await booked(desk)
        await book(desk)
        assert await booked(desk) == before
