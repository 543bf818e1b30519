"""Appointments over the JSON API: what may become of them by whom, and no doctor in two places at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.practice import Person, Practice, open_practice

Json = dict[str, Any]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with open_practice(tmp_path_factory.mktemp("appointments")) as opened:
        yield opened


@pytest.fixture(scope="module")
def doctor(clinic: Practice) -> Person:
    return clinic.doctor("doc@clinic.example", "10101201234")


@pytest.fixture(scope="module")
def patient(clinic: Practice) -> Person:
    return clinic.register("a@clinic.example")


def asked(doctor: Person, day: str, start: str = "09:00", end: str = "09:30", **more: Any) -> Json:
    times = {"starts_at": f"{day}T{start}:00+01:00", "ends_at": f"{day}T{end}:00+01:00"}
    return {"appointment": {"doctor_id": doctor.id, "kind": "video", "reason": "toux", **times, **more}}


def booked(patient: Person, doctor: Person, day: str, **more: Any) -> str:
    made = patient.ask("POST", "appointments", asked(doctor, day, **more))
    assert made.status_code == 201, made.text
    return f"appointments/{made.json()['data']['id']}"


def test_an_appointment_goes_its_way_and_no_other(doctor: Person, patient: Person, clinic: Practice) -> None:
    path = booked(patient, doctor, "2050-01-03")
    shown = patient.ask("GET", path).json()["data"]
    assert (shown["status"], shown["patient_id"], shown["kind"], shown["reason"]) == (
        *("pending", patient.id, "video", "toux"),
    )
    assert clinic.register("x@clinic.example").ask("GET", path).status_code == 404
    assert patient.ask("POST", f"{path}/confirm").status_code == 403
    early = doctor.ask("POST", f"{path}/complete")
    assert early.status_code == 409
    assert "only confirmed or cancelled" in early.json()["error"]["message"]
    assert patient.ask("DELETE", path).status_code == 409
    assert doctor.ask("POST", f"{path}/confirm").json()["data"]["status"] == "confirmed"
    assert doctor.ask("POST", f"{path}/confirm").status_code == 409
    later = {"appointment": {"ends_at": "2050-01-03T09:40:00+01:00"}}
    assert patient.ask("PUT", path, later).status_code == 409
    assert doctor.ask("PUT", path, later, if_match='W/"1"').status_code == 412
    assert doctor.ask("PUT", path, later).json()["data"]["ends_at"] == "2050-01-03T09:40:00+01:00"
    assert doctor.ask("POST", f"{path}/complete").json()["data"]["status"] == "completed"
    for way in ("confirm", "cancel", "complete"):
        assert doctor.ask("POST", f"{path}/{way}").status_code == 409
    assert doctor.ask("PUT", path, {"appointment": {"reason": "fièvre"}}).status_code == 409
    assert patient.ask("DELETE", path).status_code == 204
    assert patient.ask("GET", path).status_code == 404


def test_of_steps_at_the_same_moment_one_is_taken_and_the_others_are_told_why(doctor: Person, patient: Person) -> None:
    path = booked(patient, doctor, "2050-01-24")
    with ThreadPoolExecutor(6) as at_once:
        answers = list(at_once.map(lambda _: doctor.ask("POST", f"{path}/confirm"), range(6)))
    assert sorted(each.status_code for each in answers) == [200, *[409] * 5]


def test_a_step_depends_on_the_version_that_was_read_and_says_nothing_else(doctor: Person, patient: Person) -> None:
    path = booked(patient, doctor, "2050-01-17")
    read = patient.ask("GET", path).headers["etag"]
    assert doctor.ask("PUT", path, {"appointment": {"reason": "fièvre"}}).status_code == 200
    for way in ("confirm", "cancel"):
        assert doctor.ask("POST", f"{path}/{way}", if_match=read).status_code == 412
    now = patient.ask("GET", path).headers["etag"]
    confirmed = doctor.ask("POST", f"{path}/confirm", if_match=now)
    assert confirmed.status_code == 200
    assert doctor.ask("POST", f"{path}/complete", if_match=now).status_code == 412
    for wrong in ({"reason": "malade"}, {"appointment": {"cancellation_reason": "malade"}}):
        refused = patient.ask("POST", f"{path}/cancel", wrong)
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, list(wrong))
    assert list(doctor.ask("PUT", path, {"appointment": {"status": []}}).json()["error"]["fields"]) == ["status"]
    told = {"cancellation_reason": "malade"}
    cancelled = patient.ask("POST", f"{path}/cancel", told, if_match=confirmed.headers["etag"])
    assert cancelled.json()["data"]["cancellation_reason"] == "malade"
    for way in ("confirm", "complete"):
        assert patient.ask("POST", f"{path}/{way}").status_code == 409
    again = patient.ask("PUT", path, {"appointment": {"status": "confirmed", "cancellation_reason": None}})
    assert (again.status_code, again.json()["error"]["message"]) == (409, "It is cancelled for good.")


def test_another_doctor_of_the_patient_sees_an_appointment_and_leaves_it_alone(
    clinic: Practice, doctor: Person, patient: Person
) -> None:
    path, other = booked(patient, doctor, "2050-01-10"), clinic.doctor("second@clinic.example", "10101205678")
    booked(patient, other, "2050-01-10")
    assert other.ask("GET", path).status_code == 200
    assert other.ask("POST", f"{path}/confirm").status_code == 403
    assert other.ask("POST", f"{path}/cancel").status_code == 403


def test_a_word_of_the_patient_lets_in_nobody_whom_a_doctor_has_added(clinic: Practice, doctor: Person) -> None:
    patient, other = clinic.register("word@clinic.example"), clinic.doctor("third@clinic.example", "10101203333")
    path = booked(patient, doctor, "2050-02-10")
    there = f"/fhir/A{path[1:].replace('s/', '/', 1)}"
    kept = doctor.ask("GET", there).json()
    added = {"actor": {"reference": f"Practitioner/{other.id}"}, "status": "accepted"}
    asking = [each | {"status": "needs-action"} for each in kept["participant"]]
    assert doctor.ask("PUT", there, kept | {"participant": [*asking, added]}).status_code == 200
    assert doctor.ask("POST", f"{path}/confirm").status_code == 200
    assert patient.ask("PUT", path, {"appointment": {"reason": "fièvre"}}).status_code == 200
    assert other.ask("GET", f"/fhir/Patient/{patient.id}").status_code == 404
    now = patient.ask("GET", there).json()
    assert [each["status"] for each in now["participant"]] == ["needs-action", "accepted", "accepted"]
    now["participant"][0]["status"] = "accepted"
    assert patient.ask("PUT", there, now).status_code == 200
    assert other.ask("GET", f"/fhir/Patient/{patient.id}").status_code == 200


def test_who_asks_for_an_appointment_has_agreed_to_it(doctor: Person, patient: Person) -> None:
    for who, said in ((patient, ["accepted", "needs-action"]), (doctor, ["needs-action", "accepted"])):
        day = {"patient_id": patient.id} if who is doctor else {}
        made = who.ask("POST", "appointments", asked(doctor, f"2050-02-1{len(day) + 2}", **day))
        assert made.status_code == 201, made.text
        kept = who.ask("GET", f"/fhir/Appointment/{made.json()['data']['id']}").json()["participant"]
        assert [each["status"] for each in kept] == said


def test_an_appointment_of_other_software_without_times_can_be_cancelled(doctor: Person, patient: Person) -> None:
    taking = [
        {"actor": {"reference": each}, "status": "accepted"}
        for each in (f"Patient/{patient.id}", f"Practitioner/{doctor.id}")
    ]
    made = patient.ask(
        "POST", "/fhir/Appointment", {"resourceType": "Appointment", "status": "proposed", "participant": taking}
    )
    path = f"appointments/{made.json()['id']}"
    assert patient.ask("PUT", path, {"appointment": {"starts_at": "2050-01-11T09:00:00Z"}}).status_code == 422
    assert patient.ask("POST", f"{path}/cancel").json()["data"]["status"] == "cancelled"


def test_an_appointment_with_a_role_is_one_with_the_doctor_whose_role_it_is(clinic: Practice, doctor: Person) -> None:
    patient = clinic.register("role@clinic.example")
    taking = [
        {"actor": {"reference": each}, "status": "accepted"}
        for each in (f"Patient/{patient.id}", f"PractitionerRole/{doctor.id}")
    ]
    times = {"start": "2050-02-11T09:00:00Z", "end": "2050-02-11T09:20:00Z"}
    wanted = {"resourceType": "Appointment", "status": "pending", "participant": taking, **times}
    made = patient.ask("POST", "/fhir/Appointment", wanted)
    assert made.status_code == 201, made.text
    path = f"appointments/{made.json()['id']}"
    assert patient.ask("GET", path).json()["data"]["doctor_id"] == doctor.id
    for id in (doctor.id, patient.id):
        found = patient.ask("GET", f"appointments?doctor_id={id}").json()["meta"]["total"]
        assert found == (1 if id == doctor.id else 0)
    assert doctor.ask("POST", f"{path}/confirm").json()["data"]["status"] == "confirmed"
    kept = doctor.ask("GET", f"/fhir/Appointment/{made.json()['id']}").json()["participant"]
    assert [each["actor"]["reference"] for each in kept] == [each["actor"]["reference"] for each in taking]


def test_who_cancels_says_why_and_the_time_is_free_again(doctor: Person, patient: Person) -> None:
    path = booked(patient, doctor, "2050-01-04")
    assert patient.ask("POST", "appointments", asked(doctor, "2050-01-04")).status_code == 409
    gone = patient.ask("POST", f"{path}/cancel", {"cancellation_reason": "guérie"}).json()["data"]
    assert (gone["status"], gone["cancellation_reason"]) == ("cancelled", "guérie")
    booked(patient, doctor, "2050-01-04")
    assert patient.ask("DELETE", path).status_code == 204
    assert patient.ask("GET", path).status_code == 404
    versions = patient.ask("GET", f"/fhir/{path.replace('appointments', 'Appointment')}/_history").json()["entry"]
    kept = [(each["resource"]["status"], each["resource"].get("cancelationReason")) for each in versions]
    assert kept == [("entered-in-error", None), ("cancelled", {"text": "guérie"}), ("pending", None)]


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [
        ("10:00", "10:30", False),
        ("09:45", "10:01", False),
        ("10:29", "11:00", False),
        ("09:00", "12:00", False),
        ("10:10", "10:20", False),
        ("09:30", "10:00", True),
        ("10:30", "11:00", True),
    ],
)
def test_a_doctor_is_booked_once_at_a_time(
    clinic: Practice, doctor: Person, patient: Person, start: str, end: str, free: bool
) -> None:
    other = clinic.doctor(f"doc{start}{end}@clinic.example".replace(":", ""), f"20{start}{end}0".replace(":", ""))
    booked(patient, other, "2050-01-05", start="10:00", end="10:30")
    answer = patient.ask("POST", "appointments", asked(other, "2050-01-05", start, end))
    assert answer.status_code == (201 if free else 409), answer.text


def test_of_many_who_book_at_once_one_gets_the_time(clinic: Practice, doctor: Person) -> None:
    people = [clinic.register(f"many{number}@clinic.example") for number in range(8)]

    def book(person: Person) -> int:
        return person.ask("POST", "appointments", asked(doctor, "2050-01-06")).status_code

    with ThreadPoolExecutor(len(people)) as pool:
        assert sorted(pool.map(book, people)) == [201, *[409] * 7]
    one = next(person for person in people if person.ask("GET", "appointments").json()["meta"]["total"])
    assert one.ask("GET", "appointments?from=2050-01-06&status=pending").json()["meta"]["total"] == 1


def test_of_many_who_book_at_once_through_both_apis_one_gets_the_time(clinic: Practice, doctor: Person) -> None:
    people = [clinic.register(f"both{number}@clinic.example") for number in range(8)]
    wanted = asked(doctor, "2050-02-06")["appointment"]

    def book(person: Person) -> int:
        if people.index(person) % 2:
            return person.ask("POST", "appointments", {"appointment": wanted}).status_code
        sides = (f"Patient/{person.id}", f"Practitioner/{doctor.id}")
        taking = [{"actor": {"reference": each}, "status": "accepted"} for each in sides]
        made = {"resourceType": "Appointment", "status": "booked", "participant": taking}
        answer = person.ask(
            "POST", "/fhir/Appointment", made | {"start": wanted["starts_at"], "end": wanted["ends_at"]}
        )
        if answer.status_code == 409:
            (issue,) = answer.json()["issue"]
            assert (issue["code"], issue["expression"]) == ("conflict", ["Appointment.start"])
            assert "double booking" in issue["diagnostics"]
        return answer.status_code

    with ThreadPoolExecutor(len(people)) as pool:
        assert sorted(pool.map(book, people)) == [201, *[409] * 7]


def test_moving_an_appointment_meets_the_others(doctor: Person, patient: Person) -> None:
    booked(patient, doctor, "2050-01-07", start="10:00", end="10:30")
    path = booked(patient, doctor, "2050-01-07")
    to = asked(doctor, "2050-01-07", "10:15", "10:45")
    assert patient.ask("PUT", path, to).status_code == 409
    assert patient.ask("PUT", path, asked(doctor, "2050-01-07", "10:30", "10:45")).status_code == 200


def test_what_cannot_be_booked_is_told_by_field(clinic: Practice, doctor: Person, patient: Person) -> None:
    waiting = clinic.register("waiting@clinic.example", "doctor", rpps="10101209999")
    wrong = {
        "doctor_id": asked(waiting, "2050-01-08"),
        "patient_id": asked(doctor, "2050-01-08", patient_id="another"),
        "status": asked(doctor, "2050-01-08", status="confirmed"),
        "starts_at": asked(doctor, "2020-01-08"),
        "ends_at": asked(doctor, "2050-01-08", "09:00", "08:00"),
        "kind": asked(doctor, "2050-01-08", kind="fax"),
    }
    for field, body in wrong.items():
        refused = patient.ask("POST", "appointments", body)
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field])
    assert clinic.admin.ask("POST", "appointments", asked(doctor, "2050-01-08")).status_code == 403


def test_a_doctor_who_has_left_or_is_locked_out_is_not_booked(clinic: Practice, patient: Person) -> None:
    gone = clinic.doctor("gone@clinic.example", "10101209999")
    locked = clinic.doctor("locked@clinic.example", "10101208888")
    assert gone.ask("DELETE", "me", {"password": PASSWORD}).status_code == 200
    assert clinic.admin.ask("POST", f"/admin/users/{locked.id}/disable").status_code == 200
    for each in (gone, locked):
        refused = patient.ask("POST", "appointments", asked(each, "2050-03-01"))
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["doctor_id"])
    assert clinic.admin.ask("POST", f"/admin/users/{locked.id}/enable").status_code == 200
    booked(patient, locked, "2050-03-01")


@pytest.mark.parametrize("actors", [["Practitioner"], ["PractitionerRole"], ["PractitionerRole", "Practitioner"]])
def test_slots_tell_when_a_doctor_can_be_booked(clinic: Practice, patient: Person, actors: list[str]) -> None:
    doctor = clinic.doctor(f"{'.'.join(actors)}@clinic.example", f"101012077{len(actors)}{len(actors[0]) % 10}")
    schedule = {"resourceType": "Schedule", "actor": [{"reference": f"{each}/{doctor.id}"} for each in actors]}
    made = doctor.ask("POST", "/fhir/Schedule", schedule)
    assert made.status_code == 201, made.text
    for start, end in (("09:00", "09:30"), ("09:30", "10:00")):
        slot = {
            "resourceType": "Slot",
            "schedule": {"reference": f"Schedule/{made.json()['id']}"},
            "status": "free",
            "start": f"2050-01-09T{start}:00+01:00",
            "end": f"2050-01-09T{end}:00+01:00",
        }
        assert doctor.ask("POST", "/fhir/Slot", slot).status_code == 201

    def free() -> list[str]:
        found = patient.ask("GET", f"doctors/{doctor.id}/slots?status=free&from=2050-01-09")
        assert {each["doctor_id"] for each in found.json()["data"]} == {doctor.id}
        return [each["starts_at"] for each in found.json()["data"]]

    assert free() == ["2050-01-09T09:00:00+01:00", "2050-01-09T09:30:00+01:00"]
    path = booked(patient, doctor, "2050-01-09")
    assert free() == ["2050-01-09T09:30:00+01:00"]
    assert patient.ask("POST", f"{path}/cancel").status_code == 200
    assert len(free()) == 2
    assert patient.ask("GET", "doctors/none/slots").status_code == 404


def test_a_slot_is_busy_as_long_as_an_appointment_takes_some_of_it(clinic: Practice, patient: Person) -> None:
    doctor = clinic.doctor("parts@clinic.example", "10101207799")
    schedule = {"resourceType": "Schedule", "actor": [{"reference": f"Practitioner/{doctor.id}"}]}
    id = doctor.ask("POST", "/fhir/Schedule", schedule).json()["id"]
    slot = {"resourceType": "Slot", "schedule": {"reference": f"Schedule/{id}"}, "status": "free"}
    # From one day to the next in Paris, and in the night in which the clock is set back.
    for times in (("2050-10-29T23:30:00+02:00", "2050-10-30T00:30:00+02:00"), ("02:30:00+02:00", "02:30:00+01:00")):
        start, end = (each if "T" in each else f"2050-10-30T{each}" for each in times)
        assert doctor.ask("POST", "/fhir/Slot", slot | {"start": start, "end": end}).status_code == 201

    def states() -> list[str]:
        return [each["status"] for each in patient.ask("GET", f"doctors/{doctor.id}/slots").json()["data"]]

    def taken(start: str, end: str) -> str:
        times = {"starts_at": f"2050-10-{start}:00+02:00", "ends_at": f"2050-10-{end}:00+02:00"}
        asked = {"appointment": {"doctor_id": doctor.id, "kind": "office", **times}}
        made = patient.ask("POST", "appointments", asked)
        assert made.status_code == 201, made.text
        return f"appointments/{made.json()['data']['id']}"

    first, second = taken("29T23:40", "30T00:00"), taken("30T00:00", "30T00:20")
    assert states() == ["busy", "free"]
    assert patient.ask("POST", f"{first}/cancel").status_code == 200
    assert states() == ["busy", "free"]
    moved = {"starts_at": "2050-10-30T02:20:00+01:00", "ends_at": "2050-10-30T02:40:00+01:00"}
    assert patient.ask("PUT", second, {"appointment": moved}).status_code == 200
    assert states() == ["free", "busy"]
    taken("30T02:10", "30T02:30")
    assert states() == ["free", "busy"]
    assert patient.ask("POST", f"{second}/cancel").status_code == 200
    assert states() == ["free", "free"]
