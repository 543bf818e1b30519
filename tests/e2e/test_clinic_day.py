"""A day at the clinic over HTTP, from registration to the moment at which the doctor loses sight of the patient."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.practice import Practice, open_practice

PDF = b"%PDF-1.7 an electrocardiogram"
SOAP = {"subjective": "Palpitations\r\ndepuis mardi", "objective": "", "assessment": "Extrasystoles", "plan": "Holter"}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with open_practice(tmp_path_factory.mktemp("day")) as opened:
        yield opened


def test_a_day_at_the_clinic(clinic: Practice) -> None:
    marie, paul = clinic.register("marie@example.org"), clinic.register("paul@example.org")
    waiting = clinic.register("doc@example.org", "doctor", rpps="10101201234")
    assert waiting.ask("GET", "medical_records").status_code == 403
    doctor = clinic.confirm(waiting)
    assert marie.ask("PUT", "me", {"name": "Marie Curie", "birth_date": "1985-05-14"}).status_code == 200
    assert doctor.ask("GET", f"patients/{marie.id}/medical_records").status_code == 404

    start = datetime.now(UTC) + timedelta(days=2)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=20)).isoformat()}
    booked = marie.ask("POST", "appointments", {"appointment": {"doctor_id": doctor.id, "kind": "video", **times}})
    assert booked.status_code == 201, booked.text
    visit = f"appointments/{booked.json()['data']['id']}"
    clash = paul.ask("POST", "appointments", {"appointment": {"doctor_id": doctor.id, "kind": "office", **times}})
    assert clash.status_code == 409
    assert doctor.ask("GET", "notifications").json()["data"][0]["link"] == f"/{visit}"
    assert doctor.ask("POST", f"{visit}/confirm").json()["data"]["status"] == "confirmed"

    record = {
        "nom": "Marie Curie", "age": 41, "category": "cardiologie", "priority": "urgent", "status": "final",
        "soap": SOAP, "consultation_date": start.isoformat(), "tags": ["palpitations"], "patient_id": marie.id,
    }  # fmt: skip
    made = doctor.ask("POST", "medical_records", {"medical_record": record})
    assert made.status_code == 201, made.text
    path = f"medical_records/{made.json()['data']['id']}"
    assert doctor.send(f"{path}/attachments", "ecg.pdf", PDF, "application/pdf").status_code == 201
    assert doctor.ask("POST", f"{visit}/complete").json()["data"]["status"] == "completed"

    told = marie.ask("GET", "notifications").json()
    assert [each["kind"] for each in told["data"]] == ["medical_record_created", "appointment_confirmed"]
    assert told["meta"]["unread"] == 2
    read = marie.ask("GET", path).json()["data"]
    assert {name: read[name] for name in record} == record
    assert marie.ask("GET", read["attachments"][0]["url"]).content == PDF
    assert paul.ask("GET", path).status_code == 404
    assert paul.ask("GET", read["attachments"][0]["url"]).status_code == 404
    _same_through_fhir(marie, path.rpartition("/")[2])

    assert doctor.ask("GET", f"/fhir/Patient/{marie.id}").status_code == 200
    assert marie.ask("DELETE", "consents/telemedicine_usage").status_code == 204
    assert doctor.ask("GET", f"/fhir/Patient/{marie.id}").status_code == 404
    assert doctor.ask("GET", f"patients/{marie.id}/medical_records").status_code == 404
    assert doctor.ask("PUT", path, {"medical_record": {"age": 42}}).status_code in (403, 404)
    assert doctor.ask("POST", "medical_records", {"medical_record": record}).status_code == 403
    assert marie.ask("GET", path).json()["data"]["age"] == 41


def _same_through_fhir(marie: Any, id: str) -> None:
    """The record is found through FHIR by patient, date, category and priority."""
    system = "urn:fhir-health-server:telemed/CodeSystem"
    criteria = (
        f"patient={marie.id}&category={system}/telemed-category|cardiologie&consultation-date=gt2020-01-01"
        f"&encounter:Encounter.priority={system}/telemed-priority|urgent"
    )
    found = marie.ask("GET", f"/fhir/Composition?{criteria}").json()
    assert [each["resource"]["id"] for each in found["entry"]] == [id]


def test_a_record_leaves_as_a_document_only_by_consent(clinic: Practice) -> None:
    ann, doctor = clinic.register("ann@example.org"), clinic.doctor("doc2@example.org", "10101205678")
    times = {"starts_at": "2050-01-01T09:00:00Z", "ends_at": "2050-01-01T09:20:00Z"}
    asked = {"appointment": {"doctor_id": doctor.id, "kind": "office", **times}}
    assert ann.ask("POST", "appointments", asked).status_code == 201
    record = {"nom": "Ann", "soap": SOAP, "consultation_date": "2026-03-02T09:30:00Z", "patient_id": ann.id}
    id = doctor.ask("POST", "medical_records", {"medical_record": record}).json()["data"]["id"]
    doctor.send(f"medical_records/{id}/attachments", "ecg.pdf", PDF, "application/pdf")
    body = {"medical_record_id": id}
    for who in (ann, doctor):
        assert who.ask("POST", "fhir/export_mes", body).status_code == 403
    assert ann.ask("POST", "consents/mes_export").status_code == 201
    for who in (ann, doctor):
        answer = who.ask("POST", "fhir/export_mes", body)
        assert answer.status_code == 200, answer.text
        bundle = answer.json()["data"]
        kinds = [each["resource"]["resourceType"] for each in bundle["entry"]]
        assert (bundle["type"], kinds[0]) == ("document", "Composition")
        assert set(kinds[1:]) == {"Patient", "Encounter", "Practitioner", "DocumentReference", "Binary"}
    assert ann.ask("DELETE", "consents/mes_export").status_code == 204
    assert ann.ask("POST", "fhir/export_mes", body).status_code == 403
    assert ann.ask("POST", "fhir/export_mes", {"medical_record_id": "none"}).status_code == 404
    assert list(ann.ask("POST", "fhir/export_mes", {}).json()["error"]["fields"]) == ["medical_record_id"]


def test_a_patient_has_the_own_summary_at_hand(clinic: Practice) -> None:
    bob, doctor = clinic.register("bob@example.org"), clinic.doctor("doc3@example.org", "10101209012")
    times = {"starts_at": "2050-01-01T09:00:00Z", "ends_at": "2050-01-01T09:20:00Z"}
    asked = {"appointment": {"doctor_id": doctor.id, "kind": "office", **times}}
    assert bob.ask("POST", "appointments", asked).status_code == 201
    bundle = bob.ask("GET", "fhir/patient").json()["data"]
    found = {each["resource"]["resourceType"]: each["resource"]["id"] for each in bundle["entry"]}
    assert (found.keys(), found["Patient"]) == ({"Patient", "Appointment"}, bob.id)
    assert doctor.ask("GET", "fhir/patient").status_code == 403
