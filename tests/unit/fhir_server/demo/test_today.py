"""The consultation that the demo has today."""

from __future__ import annotations

from fhir_server.demo.today import DOCTOR, PATIENT, book
from fhir_server.interactions.call import Call
from fhir_server.interactions.search import search
from fhir_server.live.appointment import Opening, Party, is_open, party_of
from fhir_server.loading.pieces import LOADER
from fhir_server.model.fhir_json import parse
from tests.fakes.desk import desk_of


async def test_its_room_is_open_to_patient_and_doctor() -> None:
    async with desk_of() as desk:
        await book(desk)
        found = await search(Call(desk.services, LOADER, "r", "Appointment", parameters=()))
        bundle = found.resource if found.resource is not None else parse(found.body or b"{}")
        (entry,) = bundle["entry"]
        assert party_of(entry["resource"], {}) == Party((PATIENT,), (DOCTOR,))
        assert is_open(entry["resource"], Opening(), desk.services.now())
