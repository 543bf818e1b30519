"""A record takes the Encounter that is there of its consultation: within reach, to be changed, of no other record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auth.accounts import Account
from fhir_server.accounts.desk import Desk
from fhir_server.errors import PreconditionFailed
from fhir_server.interactions.call import Call
from fhir_server.interactions.update import update
from fhir_server.live.encounter import planned
from fhir_server.moving.dead_letters import DeadLetters
from fhir_server.moving.dump import find as find_dump
from fhir_server.moving.export_view import export_view
from fhir_server.moving.import_view import import_view
from fhir_server.moving.workers import Workers
from fhir_server.views import medical_records
from fhir_server.views.acting import HOUSE, Acting
from fhir_server.views.held import still_held
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from tests.fakes.authority import HERE
from tests.fakes.callers import OWNER, doctor
from tests.fakes.desk import desk_of, found
from tests.fakes.dump import DOCTOR, MARIE, appointment, read_dump, record, user, write_dump
from tests.fakes.own_parameters import index

Json = dict[str, Any]
START, END = "2026-03-02T09:30:00+01:00", "2026-03-02T10:00:00+01:00"
APPOINTMENT: Json = {
    "resourceType": "Appointment",
    "id": "a",
    "status": "booked",
    "start": START,
    "end": END,
    "serviceType": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}]}],
    "participant": [{"actor": {"reference": each}, "status": "accepted"} for each in ("Patient/p", "Practitioner/d")],
}
HELD: Json = {**planned(APPOINTMENT, "Patient/p", ["Practitioner/d"]), "id": "room", "status": "finished"}
del HELD["meta"]
RESTRICTED = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}
LATER = {"starts_at": "2025-04-02T09:30:00+01:00", "ends_at": "2025-04-02T09:50:00+01:00"}
RECORD: Json = {"nom": "M.", "consultation_date": START, "patient_id": "p"}


async def there(desk: Desk, resource: Json) -> None:
    """Put a resource there, by somebody who may do everything."""
    type, id = resource["resourceType"], resource["id"]
    await update(Call(desk.services, OWNER, "test", type, id, resource=dict(resource)))


@asynccontextmanager
async def clinic(encounter: Json | None = HELD, scopes: str | None = None) -> AsyncIterator[tuple[Desk, Acting]]:
    """Open a desk with a doctor, a patient, their appointment of long ago that stays open, and an Encounter of it."""
    async with desk_of(telemed_profiles=True) as desk:
        await index(desk.services)
        for type, id in ("Patient", "p"), ("Practitioner", "d"):
            await there(desk, {"resourceType": type, "id": id})
        await there(desk, APPOINTMENT)
        team = {"participant": [{"member": {"reference": "Practitioner/d"}}], "subject": {"reference": "Patient/p"}}
        await there(desk, {"resourceType": "CareTeam", "id": "t", "status": "active", **team})
        if encounter is not None:
            await there(desk, encounter)
        account = Account("d", "d@example.org", "doctor", "active", 0)
        yield desk, Acting(desk, doctor("d", **({} if scopes is None else {"scopes": scopes})), account, HERE)


async def encounters(desk: Desk) -> set[str]:
    return {each["id"] for each in await found(desk, "Encounter")}


async def test_the_encounter_of_the_room_is_that_of_the_record() -> None:
    async with clinic() as (desk, acting):
        parts = await medical_records.create(acting, RECORD | {"priority": "urgent"})
        assert [each["id"] for each in parts["Encounter"]] == ["room"]
        assert await encounters(desk) == {"room"}
        assert parts["Encounter"][0]["period"] == HELD["period"]
        assert (show(VIEW, parts)["priority"], show(VIEW, parts)["consultation_date"]) == ("urgent", START)


@pytest.mark.parametrize(
    "other",
    [
        None,
        HELD | {"meta": RESTRICTED},
        HELD | {"subject": {"reference": "Patient/other"}},
        HELD | {"appointment": [{"reference": "Appointment/other"}]},
        HELD | {"status": "entered-in-error"},
    ],
)
async def test_what_is_not_there_for_the_doctor_or_of_something_else_is_not_taken(other: Json | None) -> None:
    async with clinic(None) as (desk, acting):
        for each in "Patient", "Appointment":
            await there(desk, {**(APPOINTMENT if each == "Appointment" else {"resourceType": each}), "id": "other"})
        if other is not None:
            await there(desk, other)
        await there(desk, APPOINTMENT | {"id": "other", "status": "cancelled"})
        parts = await medical_records.create(acting, RECORD)
        assert parts["Encounter"][0]["id"] != "room"
        assert parts["Encounter"][0]["appointment"] == [{"reference": "Appointment/a"}]


async def test_what_the_doctor_may_read_and_not_change_is_not_taken() -> None:
    scopes = "user/*.crs user/Composition.cruds user/Encounter.u?status=in-progress"
    async with clinic(scopes=scopes) as (desk, acting):
        parts = await medical_records.create(acting, RECORD | {"priority": "urgent"})
        assert parts["Encounter"][0]["id"] != "room"
        assert await encounters(desk) == {"room", parts["Encounter"][0]["id"]}


async def test_a_second_record_has_an_encounter_of_its_own_until_the_first_is_deleted() -> None:
    async with clinic() as (desk, acting):
        first = await medical_records.create(acting, RECORD | {"priority": "urgent"})
        second = await medical_records.create(acting, RECORD)
        assert second["Encounter"][0]["id"] != "room"
        assert show(VIEW, second)["priority"] == "normal"
        for each in first, second:
            await medical_records.remove(acting, each["Composition"][0]["id"])
        again = await medical_records.create(acting, RECORD)
        assert again["Encounter"][0]["id"] == "room"
        other = await medical_records.create(acting, RECORD | {"status": "final"})
        assert other["Encounter"][0]["id"] == second["Encounter"][0]["id"]
        assert len(await encounters(desk)) == 2


async def test_a_room_that_opens_while_the_record_is_written_is_not_passed_by() -> None:
    async with clinic(None) as (desk, acting):
        before = still_held(acting, replace(acting.act(), appointment="a"), "p", ())
        await desk.services.store.write(before)
        await there(desk, HELD)
        with pytest.raises(PreconditionFailed):
            await desk.services.store.write(before)


async def moved_in(desk: Desk, folder: Path) -> int:
    """Move a dump in; return how many of its lines were refused."""
    letters = DeadLetters(folder.with_suffix(".letters"))
    await import_view(desk, folder, find_dump(folder), letters, lambda report, position: None, Workers("memory:", 1))
    return letters.count


async def test_records_of_rooms_leave_and_come_back_and_former_ids_stay_theirs(tmp_path: Path) -> None:
    lines = {
        "users": [user(DOCTOR, "doctor"), user(MARIE)],
        "appointments": [appointment(1, MARIE), appointment(2, MARIE, **LATER)],
        "medical_records": [record(40, MARIE)],
    }
    async with desk_of(telemed_profiles=True) as desk:
        await index(desk.services)
        assert await moved_in(desk, write_dump(tmp_path / "dump", lines)) == 0
        (who,), (whom,) = await found(desk, "Practitioner"), await found(desk, "Patient")
        (later,) = await found(desk, "Appointment", ("date", "2025-04-02"))
        room = planned(later, f"Patient/{whom['id']}", [f"Practitioner/{who['id']}"])
        await there(desk, {**room, "id": "room", "status": "finished"})
        account = Account(who["id"], "d@example.org", "doctor", "active", 0)
        acting = Acting(desk, HOUSE, account, HERE)
        (before,) = await found(desk, "Composition")
        await medical_records.remove(acting, before["id"])
        made = []
        for moment in ("2025-03-02T08:30:00Z", "2025-04-02T08:30:00Z"):
            written = {"patient_id": whom["id"], "consultation_date": moment, "priority": "high", "nom": "Marie"}
            made.append(show(VIEW, await medical_records.create(acting, written)))
        (tmp_path / "out").mkdir()
        await export_view(desk, tmp_path / "out", lambda kind, number: None)
    exported = read_dump(tmp_path / "out")["medical_records"]
    theirs = {"patient_id": MARIE, "doctor_id": DOCTOR}
    assert sorted(exported, key=lambda line: line["id"]) == sorted(
        (each | theirs for each in made), key=lambda line: line["id"]
    )
    async with desk_of(telemed_profiles=True) as desk:
        assert await moved_in(desk, tmp_path / "out") == 0
        assert len(await encounters(desk)) == len(await found(desk, "Composition")) == 2
