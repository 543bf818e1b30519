"""Notifications and consents over the JSON API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.practice import Person, Practice, open_practice

Json = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notices")


@pytest.fixture(scope="module")
def clinic(folder: Path) -> Iterator[Practice]:
    with open_practice(folder, log=folder / "log") as opened:
        yield opened


@pytest.fixture(scope="module")
def doctor(clinic: Practice) -> Person:
    return clinic.doctor("doc@clinic.example", "10101201234")


def book(patient: Person, doctor: Person, day: str, kind: str = "video") -> Any:
    times = {"starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T09:30:00Z"}
    return patient.ask("POST", "appointments", {"appointment": {"doctor_id": doctor.id, "kind": kind, **times}})


def kinds(person: Person, filters: str = "") -> list[str]:
    return [each["kind"] for each in person.ask("GET", f"notifications?{filters}").json()["data"]]


def test_each_side_is_told_what_the_other_does(clinic: Practice, doctor: Person) -> None:
    patient = clinic.register("a@clinic.example", locale="en")
    id = book(patient, doctor, "2050-01-03").json()["data"]["id"]
    (told,) = doctor.ask("GET", "notifications").json()["data"]
    assert (told["kind"], told["title"], told["link"]) == (
        *("appointment_booked", "Nouveau rendez-vous", f"/appointments/{id}"),
    )
    assert kinds(patient) == []
    doctor.ask("POST", f"appointments/{id}/confirm")
    (told,) = patient.ask("GET", "notifications").json()["data"]
    assert (told["kind"], told["title"]) == ("appointment_confirmed", "Appointment confirmed")
    patient.ask("POST", f"appointments/{id}/cancel")
    assert kinds(doctor) == ["appointment_cancelled", "appointment_booked"]
    assert book(patient, doctor, "2050-01-03").status_code == 201
    assert book(patient, doctor, "2050-01-03").status_code == 409
    assert kinds(doctor, "kind=appointment_booked") == ["appointment_booked"] * 2


def test_notifications_are_read_one_by_one_and_all_at_once(clinic: Practice) -> None:
    doctor, patient = clinic.doctor("busy@clinic.example", "10101205555"), clinic.register("b@clinic.example")
    for day in range(10, 15):
        assert book(patient, doctor, f"2050-01-{day}").status_code == 201
    page = doctor.ask("GET", "notifications?per_page=2").json()
    assert page["meta"] == {"page": 1, "per_page": 2, "total": 5, "unread": 5}
    path = f"notifications/{page['data'][0]['id']}"
    first = doctor.ask("PUT", f"{path}/read").json()["data"]
    assert first["read_at"] is not None
    assert doctor.ask("PUT", f"{path}/read").json()["data"] == first == doctor.ask("GET", path).json()["data"]
    assert doctor.ask("GET", "notifications?unread=true").json()["meta"]["total"] == 4
    assert patient.ask("GET", path).status_code == 404
    assert patient.ask("PUT", f"{path}/read").status_code == 404
    assert patient.ask("GET", f"notifications?user=Practitioner/{doctor.id}").status_code == 422
    assert doctor.ask("PUT", "notifications/read_all").json()["data"] == {"read": 4}
    assert doctor.ask("GET", "notifications").json()["meta"]["unread"] == 0


def test_a_message_about_a_patient_out_of_care_is_no_notification(clinic: Practice) -> None:
    doctor, patient = clinic.doctor("apart@clinic.example", "10101207777"), clinic.register("f@clinic.example")
    message = {
        "resourceType": "Communication",
        "status": "completed",
        "subject": {"reference": f"Patient/{patient.id}"},
        "recipient": [{"reference": f"Practitioner/{doctor.id}"}],
    }
    # Not even one that calls itself a notification: these are the server's, and about nobody.
    kind = {"system": "urn:fhir-health-server:telemed/CodeSystem/telemed-notification-kind", "code": "password_reset"}
    for each in (message, message | {"category": [{"coding": [kind]}]}):
        made = patient.ask("POST", "/fhir/Communication", each)
        assert made.status_code == 201, made.text
        assert doctor.ask("GET", f"/fhir/Communication/{made.json()['id']}").status_code == 404
        assert kinds(doctor) == []
    del message["subject"]
    assert patient.ask("POST", "/fhir/Communication", message | {"category": [{"coding": [kind]}]}).status_code == 403


def test_whose_password_was_reset_is_told(clinic: Practice, folder: Path) -> None:
    clinic.register("c@clinic.example")
    clinic.http.post("/api/v1/auth/forgot_password", json={"email": "c@clinic.example"})
    code = clinic.letter(folder / "log", "Choisir un nouveau mot de passe")
    password = "copper meadow lantern 77"
    reset = clinic.http.post("/api/v1/auth/reset_password", json={"token": code, "password": password})
    assert reset.status_code == 200, reset.text
    signed = clinic.http.post("/api/v1/auth/login", json={"email": "c@clinic.example", "password": password})
    assert kinds(Person(clinic.http, signed.json()["data"])) == ["password_reset"]


def test_consents_are_given_and_taken_back_version_by_version(clinic: Practice, doctor: Person) -> None:
    patient = clinic.register("d@clinic.example", locale="en")
    given = {each["type"]: each for each in patient.ask("GET", "consents").json()["data"]}
    assert list(given) == ["data_processing", "telemedicine_usage"]
    assert {each["status"] for each in given.values()} == {"granted"}
    assert patient.ask("DELETE", "consents/research").status_code == 404
    made = patient.ask("POST", "consents/research")
    assert (made.status_code, made.json()["data"]["status"], made.json()["data"]["version"]) == (201, "granted", "1")
    assert patient.ask("POST", "consents/research").json() == made.json()
    assert patient.ask("DELETE", "consents/research").status_code == 204
    again = patient.ask("POST", "consents/research").json()["data"]
    assert (again["status"], again["revoked_at"]) == ("granted", None)
    found = patient.ask("GET", "/fhir/Consent?category=research").json()["entry"]
    assert [each["resource"]["meta"]["versionId"] for each in found] == ["3"]
    told = patient.ask("DELETE", "consents/data_processing")
    assert (told.status_code, told.json()["data"]["status"]) == (200, "revoked")
    assert "GDPR article 9(2)(h)" in told.json()["meta"]["message"]
    assert patient.ask("POST", "consents/marketing").status_code == 404
    for who in (doctor, clinic.admin):
        assert who.ask("GET", "consents").status_code == 403
        assert who.ask("POST", "consents/research").status_code == 403


def test_a_consent_that_was_taken_back_through_fhir_says_since_when(clinic: Practice) -> None:
    patient = clinic.register("g@clinic.example")
    assert patient.ask("POST", "consents/research").status_code == 201
    (found,) = patient.ask("GET", "/fhir/Consent?category=research").json()["entry"]
    consent = found["resource"]
    # Without a claim of the profile, which wants an end that says it.
    del consent["meta"]["profile"]
    path = f"/fhir/Consent/{consent['id']}"
    taken = patient.ask("PUT", path, consent | {"status": "inactive"})
    assert taken.status_code == 200, taken.text
    assert "end" not in taken.json()["provision"]["period"]
    # What is written afterwards does not take it back again.
    later = patient.ask("PUT", path, taken.json() | {"language": "fr"})
    assert later.json()["meta"]["lastUpdated"] > taken.json()["meta"]["lastUpdated"]

    def shown() -> Json:
        return next(each for each in patient.ask("GET", "consents").json()["data"] if each["type"] == "research")

    assert shown() == {
        "type": "research",
        "status": "revoked",
        "version": "1",
        "granted_at": consent["provision"]["period"]["start"],
        "revoked_at": taken.json()["meta"]["lastUpdated"],
    }
    # An end that had not come yet when it was taken back is not when.
    consent["provision"]["period"]["end"] = "2090-01-01"
    assert patient.ask("PUT", path, consent | {"status": "inactive"}).json()["meta"]["versionId"] == "4"
    assert shown()["revoked_at"] == taken.json()["meta"]["lastUpdated"]
    again = patient.ask("POST", "consents/research").json()["data"]
    assert (again["status"], again["revoked_at"]) == ("granted", None)


def test_without_consent_to_telemedicine_there_is_no_video(clinic: Practice, doctor: Person) -> None:
    patient = clinic.register("e@clinic.example")
    assert patient.ask("DELETE", "consents/telemedicine_usage").status_code == 204
    refused = book(patient, doctor, "2050-02-01")
    assert refused.status_code == 409
    assert "consent" in refused.json()["error"]["message"]
    assert book(patient, doctor, "2050-02-01", "office").status_code == 201
    assert patient.ask("POST", "consents/telemedicine_usage").status_code == 201
    assert book(patient, doctor, "2050-02-02").status_code == 201


def test_what_cannot_be_changed_of_oneself_is_told_and_not_passed_over(clinic: Practice) -> None:
    someone = clinic.register("fixed@clinic.example")
    shown = someone.ask("GET", "me").json()["data"]
    back = someone.ask("PUT", "me", shown | {"phone": "+33 1 23 45 67 89", "name": "Ada"})
    assert back.status_code == 200, back.text
    assert back.json()["data"] == shown | {"phone": "+33 1 23 45 67 89", "name": "Ada"}
    refused = someone.ask("PUT", "me", {"name": "Eve", "email": "other@clinic.example", "role": "admin"})
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"] == {name: ["cannot be changed here"] for name in ("email", "role")}
    assert someone.ask("GET", "me").json() == back.json()


def test_who_leaves_is_told_what_stays_of_a_patient_and_of_a_doctor(clinic: Practice) -> None:
    leaving = clinic.register("leaving@clinic.example", locale="en")
    retiring = clinic.register("retiring@clinic.example", "doctor", locale="en")
    proof = {"password": PASSWORD}
    told = {each.id: each.ask("DELETE", "me", proof).json()["data"]["message"] for each in (leaving, retiring)}
    assert "yours stays" in told[leaving.id]
    assert "what you have written in those of patients stays" in told[retiring.id]
    for each in (leaving, retiring):
        assert each.ask("GET", "me").status_code == 401
