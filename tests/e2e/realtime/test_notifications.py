"""Notifications over a real server: pushed as they are written, without a word of what they say."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.e2e.realtime.conftest import Clinic, Person

KIND = "urn:fhir-health-server:telemed/CodeSystem/telemed-notification-kind"


def notify(clinic: Clinic, to: Person, text: str, **more: object) -> str:
    """Write a notification for a patient; return its id."""
    who = {"reference": f"Patient/{to.id}"}
    category = "http://terminology.hl7.org/CodeSystem/communication-category"
    made = {
        "resourceType": "Communication",
        "meta": {"profile": ["urn:fhir-health-server:telemed/StructureDefinition/telemed-notification"]},
        "status": "completed",
        "category": [
            {"coding": [{"system": category, "code": "reminder"}]},
            {"coding": [{"system": KIND, "code": "appointment_reminder"}]},
        ],
        "priority": "routine",
        "subject": who,
        "recipient": [who],
        "topic": {"text": text},
        "sent": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "payload": [{"contentString": text}],
        **more,
    }
    return str(to.ask("POST", "Communication", made)["id"])


def test_a_new_one_is_pushed_without_its_text(clinic: Clinic) -> None:
    person = clinic.register("patient")
    with clinic.client(person) as client:
        topic = f"notifications:{person.id}"
        assert client.join(topic) == {"status": "ok", "response": {"unread": 0, "missed": []}}
        id = notify(clinic, person, "Votre bilan est anormal")
        told = client.hear("notification")
        assert set(told) == {"id", "kind", "priority", "sent", "unread"}
        assert (told["id"], told["kind"], told["unread"]) == (id, "appointment_reminder", 1)
        assert client.ask(topic, "unread")["response"] == {"unread": 1}
        assert "anormal" not in clinic.log.read_text()


def test_what_was_missed_comes_on_joining(clinic: Clinic) -> None:
    person = clinic.register("patient")
    ids = [notify(clinic, person, f"{number}") for number in range(4)]
    with clinic.client(person) as client:
        said = client.join(f"notifications:{person.id}", {"last_seen": ids[1]})["response"]
        assert said["unread"] == 4
        assert [each["id"] for each in said["missed"]] == ids[2:]


def test_what_is_unread_comes_where_the_one_seen_last_is_gone(clinic: Clinic) -> None:
    person = clinic.register("patient")
    ids = [notify(clinic, person, f"{number}") for number in range(3)]
    read = person.ask("GET", f"Communication/{ids[1]}")
    person.ask("PUT", f"Communication/{ids[1]}", read | {"received": read["sent"]})
    with clinic.client(person) as client:
        for gone in ("no-such-id", "no id at all"):
            said = client.join(f"notifications:{person.id}", {"last_seen": gone})["response"]
            assert [each["id"] for each in said["missed"]] == [ids[0], ids[2]]


def test_nobody_hears_what_is_for_others(clinic: Clinic) -> None:
    person = clinic.register("patient")
    with clinic.client(clinic.patient) as client, clinic.client(person) as theirs:
        assert client.join(f"notifications:{person.id}")["response"] == {"reason": "unauthorized"}
        client.join(f"notifications:{clinic.patient.id}")
        theirs.join(f"notifications:{person.id}")
        notify(clinic, person, "x")
        assert theirs.hear("notification")["unread"] == 1
        assert client.silent("notification")


def test_a_message_that_is_no_notification_is_not_pushed(clinic: Clinic) -> None:
    person = clinic.register("patient")
    with clinic.client(person) as client:
        client.join(f"notifications:{person.id}")
        who = {"reference": f"Patient/{person.id}"}
        letter = {"resourceType": "Communication", "status": "completed", "subject": who, "recipient": [who]}
        person.ask("POST", "Communication", letter)
        assert client.silent("notification", 1.0)


def test_a_doctor_hears_of_what_is_for_them(clinic: Clinic) -> None:
    doctor, who = clinic.doctor, {"reference": f"Practitioner/{clinic.doctor.id}"}
    clinic.book()
    with clinic.client(doctor) as client:
        before = client.join(f"notifications:{doctor.id}")["response"]["unread"]
        id = notify(clinic, clinic.patient, "x", recipient=[who])
        told = client.hear("notification")
        assert (told["id"], told["unread"]) == (id, before + 1)
