"""A consultation that was held in a room and then recorded over the JSON API has one Encounter in FHIR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.e2e.realtime.conftest import Clinic
from tests.fakes.sockets import Client

Json = dict[str, Any]
RECORDS = "/api/v1/medical_records"


@contextmanager
def consultation(clinic: Clinic, id: str) -> Iterator[Client]:
    """Bring both sides into the room of an appointment; the client of the doctor."""
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours, clinic.client(clinic.patient) as theirs:
        assert ours.join(topic)["status"] == theirs.join(topic)["status"] == "ok"
        ours.hear("user_waiting")
        ours.ask(topic, "admit", {"user_id": clinic.patient.id})
        ours.hear("user_joined")
        yield ours


def written(clinic: Clinic, **more: Any) -> Json:
    """Return a record that the doctor writes of a consultation of now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"patient_id": clinic.patient.id, "consultation_date": now, "nom": "Marie Curie", **more}
    found: Json = clinic.doctor.ask("POST", RECORDS, {"medical_record": record})["data"]
    return found


def encounter_of(clinic: Clinic, record: Json) -> str:
    composition = clinic.doctor.ask("GET", f"Composition/{record['id']}")
    return str(composition["encounter"]["reference"])


def authorized(clinic: Clinic) -> dict[str, str]:
    return {"Authorization": f"Bearer {clinic.doctor.token}"}


def test_what_is_recorded_after_the_call_is_of_the_encounter_of_the_room(clinic: Clinic) -> None:
    clinic.patient = clinic.register("patient")
    id = clinic.book()
    with consultation(clinic, id) as ours:
        ours.ask(f"consultation:{id}", "end_call")
        ours.hear("call_ended")
    held = clinic.encounter(id)
    record = written(clinic, priority="urgent", status="final", soap={"plan": "Holter"})
    assert (record["priority"], record["status"]) == ("urgent", "final")
    after = clinic.encounter(id)
    assert encounter_of(clinic, record) == f"Encounter/{held['id']}" == f"Encounter/{after['id']}"
    assert {name for name in after if after[name] != held[name]} == {"meta", "priority"}
    shown = clinic.patient.ask("GET", f"{RECORDS}?priority=urgent")["data"]
    assert [each["id"] for each in shown] == [record["id"]]

    clinic.doctor.ask("DELETE", f"{RECORDS}/{record['id']}")
    assert clinic.encounter(id)["status"] == "finished"
    again = written(clinic, status="draft")
    assert encounter_of(clinic, again) == f"Encounter/{held['id']}"
    assert clinic.encounter(id)["period"] == held["period"]


def test_a_draft_of_during_the_call_is_saved_after_it(clinic: Clinic) -> None:
    clinic.patient = clinic.register("patient")
    id = clinic.book()
    with consultation(clinic, id) as ours:
        record = written(clinic, status="draft")
        assert clinic.encounter(id)["status"] == "in-progress"
        read = clinic.http.get(f"{RECORDS}/{record['id']}", headers=authorized(clinic))
        ours.ask(f"consultation:{id}", "end_call")
        ours.hear("call_ended")
    change = {"medical_record": {"soap": {"subjective": "Palpitations"}}}
    headers = authorized(clinic) | {"If-Match": read.headers["ETag"]}
    assert clinic.http.put(f"{RECORDS}/{record['id']}", json=change, headers=headers).status_code == 200
    ended = clinic.encounter(id)
    assert (ended["status"], "end" in ended["period"]) == ("finished", True)
    assert encounter_of(clinic, record) == f"Encounter/{ended['id']}"


def test_a_draft_of_before_the_call_lets_nobody_in_and_keeps_its_encounter(clinic: Clinic) -> None:
    clinic.patient = clinic.register("patient")
    id = clinic.book()
    record = written(clinic, status="draft")
    made = clinic.encounter(id)
    with consultation(clinic, id) as ours:  # The patient waits there until the doctor admits them.
        ours.ask(f"consultation:{id}", "end_call")
        ours.hear("call_ended")
    ended = clinic.encounter(id)
    assert (ended["id"], ended["status"]) == (made["id"], "finished")
    change = {"medical_record": {"soap": {"plan": "Holter"}}}
    clinic.doctor.ask("PUT", f"{RECORDS}/{record['id']}", change)
    assert clinic.encounter(id)["status"] == "finished"


def test_a_room_can_be_entered_however_many_records_there_are_of_it(clinic: Clinic) -> None:
    clinic.patient = clinic.register("patient")
    id = clinic.book()
    first, second = written(clinic, status="draft"), written(clinic, status="draft")
    assert encounter_of(clinic, first) != encounter_of(clinic, second)
    with consultation(clinic, id) as ours:
        third = written(clinic, status="draft")
        ours.ask(f"consultation:{id}", "end_call")
        ours.hear("call_ended")
    found = clinic.doctor.ask("GET", f"{encounter_of(clinic, third)}")
    assert {each["value"] for each in found["identifier"]} == {id}
    assert found["status"] == "finished"
