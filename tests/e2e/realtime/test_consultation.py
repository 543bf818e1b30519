"""A consultation from the waiting room to the end of the call, and what FHIR keeps of it."""

from __future__ import annotations

import time

import pytest

from tests.e2e.realtime.conftest import Clinic, Person

UNAUTHORIZED = {"status": "error", "response": {"reason": "unauthorized"}}


def test_from_the_waiting_room_to_the_end(clinic: Clinic) -> None:
    id = clinic.book()
    topic, doctor, patient = f"consultation:{id}", clinic.doctor.id, clinic.patient.id
    with clinic.client(clinic.patient) as theirs, clinic.client(clinic.doctor) as ours:
        said = theirs.join(topic)
        told = {"user_id": patient, "role": "patient", "waiting": True, "chat_kept": False}
        assert said["response"] == told
        assert clinic.encounter(id)["status"] == "arrived"
        waits = {"status": "error", "response": {"reason": "waiting"}}
        assert theirs.ask(topic, "webrtc_offer", {"offer": {"sdp": "v=0"}}) == waits
        assert theirs.ask(topic, "admit", {"user_id": patient}) == waits

        assert ours.join(topic)["response"] == told | {"user_id": doctor, "role": "doctor", "waiting": False}
        assert set(ours.hear("presence_state")) == {doctor}
        assert ours.hear("user_waiting") == {"user_id": patient, "role": "patient"}
        assert clinic.encounter(id)["status"] == "arrived"
        assert ours.ask(topic, "admit", {"user_id": patient})["status"] == "ok"
        assert theirs.hear("admitted") == {"user_id": patient}
        assert set(theirs.hear("presence_state")) == {doctor, patient}
        diff = ours.hear("presence_diff")
        assert (set(diff["joins"]), diff["leaves"]) == ({patient}, {})
        assert ours.hear("user_joined") == {"user_id": patient, "role": "patient"}

        encounter = clinic.encounter(id)
        assert encounter["status"] == "in-progress"
        assert encounter["class"]["code"] == "VR"
        assert encounter["subject"] == {"reference": f"Patient/{patient}"}
        assert [each["status"] for each in encounter["statusHistory"]] == ["planned", "arrived"]
        (participant,) = encounter["participant"]
        assert participant["individual"] == {"reference": f"Practitioner/{doctor}"}
        assert "start" in participant["period"]

        assert ours.ask(topic, "webrtc_offer", {"offer": {"sdp": "v=0"}, "to": patient})["status"] == "ok"
        assert theirs.hear("webrtc_offer") == {"offer": {"sdp": "v=0"}, "to": patient, "from": doctor}
        assert theirs.ask(topic, "webrtc_answer", {"answer": {"sdp": "v=0"}})["status"] == "ok"
        assert ours.hear("webrtc_answer")["from"] == patient
        assert ours.silent("webrtc_offer")
        assert theirs.ask(topic, "chat_message", {"message": "Bonjour"})["status"] == "ok"
        assert ours.hear("chat_message")["message"] == "Bonjour"
        assert theirs.ask(topic, "media_toggle", {"audio": False, "video": True})["status"] == "ok"
        assert ours.hear("media_state") == {"user_id": patient, "audio": False, "video": True}

        assert ours.ask(topic, "end_call")["status"] == "ok"
        assert theirs.hear("call_ended") == {"user_id": doctor, "role": "doctor"}
        ended = clinic.encounter(id)
        assert ended["status"] == "finished"
        assert ended["period"]["start"] == encounter["period"]["start"] < ended["period"]["end"]
        assert theirs.ask(topic, "phx_leave")["status"] == "ok"
        assert ours.hear("user_left") == {"user_id": patient, "role": "patient"}
        assert (theirs.hear("phx_close"), set(ours.hear("presence_diff")["leaves"])) == ({}, {patient})


def test_what_the_encounter_is_conforms_to_its_profile(clinic: Clinic) -> None:
    id = clinic.book()
    with clinic.client(clinic.doctor) as ours:
        assert ours.join(f"consultation:{id}")["status"] == "ok"
    encounter = clinic.encounter(id)
    assert encounter["status"] == "planned"
    (profile,) = encounter["meta"]["profile"]
    outcome = clinic.doctor.ask("POST", f"Encounter/$validate?profile={profile}", encounter)
    assert [issue for issue in outcome["issue"] if issue["severity"] in ("error", "fatal")] == []


def test_who_hangs_up_before_the_appointment_begins_ends_it_too(clinic: Clinic) -> None:
    id = clinic.book(starts=10)
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours:
        ours.join(topic)
        assert ours.ask(topic, "end_call")["status"] == "ok"
        assert ours.hear("call_ended") == {"user_id": clinic.doctor.id, "role": "doctor"}
    ended = clinic.encounter(id)
    assert ended["status"] == "finished"
    assert ended["period"]["start"] == ended["period"]["end"]


def test_who_comes_back_after_a_break_need_not_wait_again(clinic: Clinic) -> None:
    id = clinic.book()
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours:
        ours.join(topic)
        with clinic.client(clinic.patient) as theirs:
            theirs.join(topic)
            ours.hear("user_waiting")
            ours.ask(topic, "admit", {"user_id": clinic.patient.id})
            ours.hear("user_joined")
        assert ours.hear("user_left")["user_id"] == clinic.patient.id
        with clinic.client(clinic.patient) as theirs:
            assert theirs.join(topic)["response"]["waiting"] is False
            ours.hear("user_joined")
    with clinic.client(clinic.patient) as theirs:
        assert theirs.join(topic)["response"]["waiting"] is False, "the consultation is in progress"
    assert clinic.encounter(id)["status"] == "in-progress"


@pytest.fixture(scope="module")
def stranger(clinic: Clinic) -> Person:
    return clinic.register("patient")


def test_only_participants_enter_and_nobody_is_told_why_not(clinic: Clinic, stranger: Person) -> None:
    id = clinic.book()
    other_doctor = clinic.new_doctor()
    for person in (stranger, other_doctor, clinic.admin):
        with clinic.client(person) as client:
            assert client.join(f"consultation:{id}") == UNAUTHORIZED
            assert client.join("consultation:nothing-there") == UNAUTHORIZED
            assert client.join("consultation:../Patient/1") == UNAUTHORIZED
    told = clinic.patient.ask("GET", f"AuditEvent?entity=Appointment/{id}&_count=100")
    assert told["total"] > 0


def test_a_consultation_that_is_called_off_puts_everybody_out(clinic: Clinic) -> None:
    id, other = clinic.book(), clinic.book()
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours, clinic.client(clinic.patient) as theirs:
        for client in (ours, theirs):
            client.join(topic)
            client.join(f"consultation:{other}")
        appointment = clinic.patient.ask("GET", f"Appointment/{id}")
        clinic.patient.ask("PUT", f"Appointment/{id}", appointment | {"status": "cancelled"})
        for client in (ours, theirs):
            client.hear("phx_close", topic)
            assert client.ask(topic, "end_call")["response"] == {"reason": "unmatched topic"}
            assert client.join(topic) == UNAUTHORIZED
        assert ours.ask(f"consultation:{other}", "chat_message", {"message": "x"})["status"] == "ok"


def test_a_consent_that_is_taken_back_puts_the_doctor_out_within_two_seconds(clinic: Clinic) -> None:
    patient = clinic.register("patient")
    patient.ask("POST", "/api/v1/consents/telemedicine_usage")
    id = clinic.book(patient)
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours, clinic.client(patient) as theirs:
        assert ours.join(topic)["status"] == theirs.join(topic)["status"] == "ok"
        began = time.monotonic()
        patient.ask("DELETE", "/api/v1/consents/telemedicine_usage")
        ours.hear("phx_close", topic)
        assert time.monotonic() - began < 2
        assert ours.join(topic) == UNAUTHORIZED
        assert ours.ask("phoenix", "heartbeat")["status"] == "ok"


@pytest.mark.parametrize(("starts", "status"), [(16, "booked"), (-81, "booked"), (0, "pending"), (0, "cancelled")])
def test_a_room_is_open_around_its_appointment_only(clinic: Clinic, starts: float, status: str) -> None:
    id = clinic.book(starts=starts, status=status)
    with clinic.client(clinic.patient) as client:
        assert client.join(f"consultation:{id}") == UNAUTHORIZED


@pytest.mark.parametrize("starts", [14, -79])
def test_a_room_opens_before_and_closes_after(clinic: Clinic, starts: float) -> None:
    id = clinic.book(starts=starts)
    with clinic.client(clinic.patient) as client:
        assert client.join(f"consultation:{id}")["status"] == "ok"


def test_bad_messages_are_told_what_is_wrong(clinic: Clinic) -> None:
    id = clinic.book()
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours:
        ours.join(topic)
        wrong = {
            "webrtc_offer": ({}, "offer is missing"),
            "webrtc_answer": ({"answer": 1}, "nobody else is here"),
            "webrtc_ice_candidate": ({"candidate": 1, "to": "x"}, "nobody of that name is here"),
            "chat_message": ({"message": " "}, "message must be text of at most 4000 characters"),
            "media_toggle": ({"audio": "no"}, "audio and video are true or false"),
            "admit": ({"user_id": ["x"]}, "nobody of that name waits"),
            "dance": ({}, "unmatched event"),
        }
        for event, (payload, reason) in wrong.items():
            assert ours.ask(topic, event, payload) == {"status": "error", "response": {"reason": reason}}


def test_who_reads_nothing_is_put_out_and_holds_up_nobody(clinic: Clinic) -> None:
    id = clinic.book()
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours, clinic.client(clinic.patient, max_queue=1) as theirs:
        ours.join(topic)
        theirs.join(topic)
        ours.hear("user_waiting")
        ours.ask(topic, "admit", {"user_id": clinic.patient.id})
        for _ in range(150):
            ours.send(topic, "webrtc_offer", {"offer": "x" * 60_000})
        began = time.monotonic()
        assert ours.hear("user_left") == {"user_id": clinic.patient.id, "role": "patient"}
        assert ours.ask("phoenix", "heartbeat")["status"] == "ok"
        assert time.monotonic() - began < 5
