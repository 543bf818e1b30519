"""What a patient agrees to by changing what a professional has written: what they change, and what they accept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_server.interactions.call import Preconditions, Principal
from profiles.restriction import RELATIONS
from tests.fakes.callers import OWNER, caller, doctor, patient
from tests.fakes.server import Server, entry
from tests.unit.fhir_server.interactions.test_relating import (
    DAY,
    TELEMED,
    appointment,
    clinic,
    consent,
    created,
    sees,
    team,
)

pytestmark = pytest.mark.anyio
assert clinic  # a fixture
Json = dict[str, Any]
A, D, E = patient("a"), doctor("d"), doctor("e")
FAR = {"start": "2090-01-01T09:00:00Z", "end": "2090-01-01T10:00:00Z"}
ALL_THREE = ("Patient/a", "Practitioner/d", "Practitioner/e")


async def put(server: Server, who: Principal, resource: Json, **more: Any) -> Json:
    server.principal = who
    await server.put(resource | more)
    return resource | more


async def patch(server: Server, resource: Json, path: str, value: Any) -> None:
    """Change one thing as the patient."""
    server.principal = A
    steps = [{"op": "add", "path": path, "value": value}]
    await server.do("patch", f"{resource['resourceType']}/{resource['id']}", raw=json.dumps(steps).encode())


async def ends(server: Server) -> dict[str, int | None]:
    """Return until when which doctor has a relation."""
    found = await server.services.store.records.scan(RELATIONS)
    return {each.value["pair"].partition("/")[0]: each.expires for each in found}


async def put_off(server: Server, **more: Any) -> Json:
    """Book as the patient; put it off and add a colleague as the doctor. Return it as it is now."""
    booked = await created(server, A, appointment("Patient/a", "Practitioner/d"))
    return await put(server, D, appointment(*ALL_THREE, **FAR) | {"id": booked["id"]} | more)


async def test_a_patient_who_changes_a_word_agrees_to_nothing_that_a_doctor_has_written(clinic: Server) -> None:
    made = await put_off(clinic)
    before = await ends(clinic)
    assert before.keys() == {"d"}
    for word in ("I shall be late", "I shall be in time"):
        await patch(clinic, made, "/comment", word)
        assert await ends(clinic) == before
        await put(clinic, A, made, comment=f"{word} after all")
        assert await ends(clinic) == before
        clinic.principal = A
        await clinic.bundle(entry("PUT", f"Appointment/{made['id']}", made | {"comment": word}))
        assert await ends(clinic) == before
    clinic.clock.advance(31 * DAY)
    await patch(clinic, made, "/comment", "Where is everybody?")
    assert await ends(clinic) == {}
    assert not await sees(clinic, E)


async def test_a_patient_who_accepts_agrees_to_what_there_is(clinic: Server) -> None:
    made = await put_off(clinic)
    before = await ends(clinic)
    asking = [{"actor": made["participant"][0]["actor"], "status": "needs-action"}, *made["participant"][1:]]
    await put(clinic, D, made, participant=asking)
    await patch(clinic, made, "/comment", "Why so late?")
    assert await ends(clinic) == before
    # By whoever else says that they have, a patient has not accepted.
    await put(clinic, D, made)
    await patch(clinic, made, "/comment", "Why so late?")
    assert await ends(clinic) == before
    await put(clinic, D, made, participant=asking)
    await patch(clinic, made, "/participant/0/status", "accepted")
    after = await ends(clinic)
    assert after.keys() == {"d", "e"}
    assert (after["d"] or 0) > (before["d"] or 0)
    assert await sees(clinic, E)


async def test_what_patients_change_themselves_they_have_decided(clinic: Server) -> None:
    made = await put_off(clinic)
    before = await ends(clinic)
    await patch(clinic, made, "/end", "2050-01-01T10:00:00Z")
    await patch(clinic, made, "/start", "2050-01-01T09:00:00Z")
    moved = await ends(clinic)
    assert moved.keys() == {"d"}
    assert (moved["d"] or 0) > (before["d"] or 0)
    await put(clinic, A, made, participant=made["participant"][:2])
    await put(clinic, A, made)
    assert (await ends(clinic)).keys() == {"d", "e"}


async def test_a_colleague_in_a_care_team_is_not_agreed_to_by_changing_its_name(clinic: Server) -> None:
    made = await created(clinic, A, team("Practitioner/d"))
    await put(clinic, D, made, participant=team("Practitioner/d", "PractitionerRole/e")["participant"])
    await patch(clinic, made, "/name", "My team")
    assert (await ends(clinic)).keys() == {"d"}
    await put(clinic, A, made, name="My team")
    await put(clinic, A, made, participant=team("Practitioner/d", "Practitioner/e")["participant"])
    assert (await ends(clinic)).keys() == {"d", "e"}


async def test_what_is_found_and_not_written_agrees_to_nothing(clinic: Server) -> None:
    made = await put_off(clinic)
    before = await ends(clinic)
    clinic.clock.advance(1)
    clinic.principal = A
    once = Preconditions(if_none_exist=f"_id={made['id']}")
    found = await clinic.do("create", "Appointment", resource=made, when=once)
    assert found.status == 200
    assert await ends(clinic) == before


async def test_an_appointment_that_a_doctor_says_is_at_the_office_ends_with_telemedicine_all_the_same(
    clinic: Server,
) -> None:
    given = await created(clinic, A, consent({"type": "permit"}, kind="telemedicine_usage"))
    office = {"appointmentType": {"coding": [{"system": f"{TELEMED}/telemed-appointment-kind", "code": "office"}]}}
    made = await put_off(clinic, **office)
    await patch(clinic, made, "/comment", "I shall be late")
    assert (await ends(clinic)).keys() == {"d"}
    await put(clinic, A, given, status="inactive")
    assert await ends(clinic) == {}


@pytest.mark.parametrize("who", [OWNER, caller("system", "ehr", scopes="system/*.cruds")])
async def test_who_keeps_the_record_of_all_answers_for_all_they_write(clinic: Server, who: Principal) -> None:
    made = await put_off(clinic)
    await put(clinic, who, made, comment="As agreed by telephone")
    assert (await ends(clinic)).keys() == {"d", "e"}
