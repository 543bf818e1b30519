"""What is written in a room: kept in the record by consent of the patient, and only while that stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.realtime.conftest import Clinic, Person
from tests.fakes.patience import PATIENCE
from tests.fakes.sockets import Client

CONSENT = "/api/v1/consents/chat_retention"
Json = dict[str, Any]


@pytest.fixture
def patient(clinic: Clinic) -> Person:
    return clinic.register("patient")


@contextmanager
def talking(clinic: Clinic, patient: Person, id: str) -> Iterator[tuple[Client, Client, bool]]:
    """Bring doctor and patient into a room; tell whether both were told that messages are kept."""
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours, clinic.client(patient) as theirs:
        told = [client.join(topic)["response"]["chat_kept"] for client in (ours, theirs)]
        ours.hear("user_waiting")
        assert ours.ask(topic, "admit", {"user_id": patient.id})["status"] == "ok"
        theirs.hear("admitted")
        assert told[0] is told[1]
        yield ours, theirs, told[0]


def say(client: Client, id: str, text: str) -> bool:
    """Say something; return whether the answer says that it is kept."""
    answer = client.ask(f"consultation:{id}", "chat_message", {"message": text})
    assert answer["status"] == "ok"
    return bool(answer["response"]["kept"])


def kept(clinic: Clinic, person: Person, id: str) -> list[Json]:
    """Return the messages of a consultation that somebody finds in the record."""
    encounter = clinic.encounter(id)["id"]
    found = person.ask("GET", f"Communication?encounter=Encounter/{encounter}&_sort=sent")
    return [each["resource"] for each in found.get("entry", ())]


def test_without_a_consent_nothing_is_kept(clinic: Clinic, patient: Person) -> None:
    id = clinic.book(patient)
    with talking(clinic, patient, id) as (ours, theirs, told):
        assert not told
        assert not say(ours, id, "Bonjour")
        assert not say(theirs, id, "Bonsoir")
        assert [theirs.hear("chat_message")["message"] for _ in range(2)] == ["Bonjour", "Bonsoir"]
    assert kept(clinic, patient, id) == []


def test_with_it_each_message_is_in_the_record_in_the_name_of_who_sent_it(clinic: Clinic, patient: Person) -> None:
    patient.ask("POST", CONSENT)
    id = clinic.book(patient)
    with talking(clinic, patient, id) as (ours, theirs, told):
        assert told
        assert say(ours, id, "Bonjour <b>Zoé</b>")
        assert say(theirs, id, "Bonsoir")
        heard = [ours.hear("chat_message") for _ in range(2)]
    doctor, subject = f"Practitioner/{clinic.doctor.id}", f"Patient/{patient.id}"
    for person in (patient, clinic.doctor):
        first, second = kept(clinic, person, id)
        assert [each["payload"][0]["contentString"] for each in (first, second)] == ["Bonjour <b>Zoé</b>", "Bonsoir"]
        assert [each["sender"]["reference"] for each in (first, second)] == [doctor, subject]
        assert [each["recipient"] for each in (first, second)] == [[{"reference": subject}], [{"reference": doctor}]]
        assert [each["subject"]["reference"] for each in (first, second)] == [subject, subject]
        assert [each["sent"] for each in (first, second)] == [each["timestamp"] for each in heard]
    for each, agent in ((first, doctor), (second, subject)):
        trail = clinic.admin.ask("GET", f"AuditEvent?entity=Communication/{each['id']}&agent={agent}&action=C")
        (event,) = [entry["resource"] for entry in trail["entry"]]
        assert event["outcome"] == "0"
    assert "Bonsoir" not in clinic.log.read_text()


def test_a_consent_given_meanwhile_counts_once_both_were_told(clinic: Clinic, patient: Person) -> None:
    id = clinic.book(patient)
    with talking(clinic, patient, id) as (ours, theirs, told):
        assert not told
        assert not say(ours, id, "avant")
        patient.ask("POST", CONSENT)
        assert ours.hear("chat_kept") == theirs.hear("chat_kept") == {"kept": True}
        assert say(ours, id, "après")
    assert [each["payload"][0]["contentString"] for each in kept(clinic, patient, id)] == ["après"]


def test_a_consent_taken_back_meanwhile_counts_at_once(clinic: Clinic, patient: Person) -> None:
    patient.ask("POST", CONSENT)
    id = clinic.book(patient)
    with talking(clinic, patient, id) as (ours, theirs, told):
        assert told
        assert say(ours, id, "avant")
        patient.ask("DELETE", CONSENT)
        assert not say(ours, id, "après")
        assert not say(theirs, id, "encore après")
        assert ours.hear("chat_kept") == theirs.hear("chat_kept") == {"kept": False}
    assert [each["payload"][0]["contentString"] for each in kept(clinic, patient, id)] == ["avant"]


def test_a_consent_whose_period_is_over_counts_no_more(clinic: Clinic, patient: Person) -> None:
    consent = patient.ask("POST", CONSENT)["data"]
    assert consent["type"] == "chat_retention"
    found = patient.ask("GET", f"Consent?patient={patient.id}&category=chat_retention")
    (entry,) = found["entry"]
    resource = entry["resource"]
    resource["provision"]["period"] = {"start": "2020-01-01", "end": "2021-01-01"}
    resource["meta"].pop("profile")
    patient.ask("PUT", f"Consent/{resource['id']}", resource)
    with talking(clinic, patient, clinic.book(patient)) as (_ours, _theirs, told):
        assert not told


def test_who_comes_in_is_admitted_and_leaves_is_in_the_trail(clinic: Clinic, patient: Person) -> None:
    id = clinic.book(patient)
    stranger = clinic.register("patient")
    with clinic.client(stranger) as client:
        assert client.join(f"consultation:{id}")["status"] == "error"
    with talking(clinic, patient, id) as (ours, theirs, _told):
        assert theirs.ask(f"consultation:{id}", "admit", {"user_id": patient.id})["status"] == "error"
        ours.ask(f"consultation:{id}", "end_call")
    asked, told = f"AuditEvent?entity=Appointment/{id}&type=110100&_count=50&_sort=date", []
    ends = time.monotonic() + PATIENCE
    # Rows of what is no write ride the next commit.
    while len(told) < 8 and time.monotonic() < ends:
        told = [happening(each["resource"]) for each in clinic.admin.ask("GET", asked)["entry"]]
    doctor = clinic.doctor.id
    assert told[:6] == [
        ("enter", stranger.id, "4"),
        ("enter", doctor, "0"),
        ("enter", patient.id, "0"),
        ("admit", doctor, "0"),
        ("admit", patient.id, "4"),
        ("end", doctor, "0"),
    ]
    assert sorted(told[6:]) == sorted(("leave", who, "0") for who in (doctor, patient.id))
    mine = [happening(each["resource"]) for each in patient.ask("GET", asked)["entry"]]
    assert mine == [each for each in told if each[1] != stranger.id], (
        "patients see it, but for who was nobody of theirs"
    )


def test_being_in_a_room_is_no_reading_of_its_appointment(clinic: Clinic, patient: Person) -> None:
    id = clinic.book(patient)
    with talking(clinic, patient, id) as (ours, theirs, _told):
        patient.ask("POST", CONSENT)
        # Who may stay is asked before it is told whether messages are kept, and rows come with the next commit.
        assert ours.hear("chat_kept") == theirs.hear("chat_kept") == {"kept": True}
        assert say(theirs, id, "Bonjour")
        read = clinic.admin.ask("GET", f"AuditEvent?entity=Appointment/{id}&action=R")
    assert read["total"] == 0


def happening(event: Json) -> tuple[str, str, str]:
    (agent,) = (each for each in event["agent"] if each["requestor"])
    return event["subtype"][0]["code"], agent["who"]["reference"].partition("/")[2], event["outcome"]
