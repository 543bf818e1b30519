"""Who is told what: everything goes out with the rights that the owner has when it goes out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.realtime.conftest import ADMIN, Clinic, Person
from tests.e2e.subscriptions.conftest import TRIES, Fhir, until
from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.listener import Listener, Reply
from tests.fakes.mailbox import Mailbox, mailbox
from tests.fakes.subscribing import WEIGHTS, subscription, weight

Json = dict[str, Any]
DAYS = itertools.count(1)


@pytest.fixture(scope="module")
def mail() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def clinic(allowed: Listener, mail: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = Path(tmp_path_factory.mktemp("owners"))
    store, log = f"sqlite:///{folder}/fhir.db", folder / "server.log"
    added = fhir_server(
        *("user", "add", ADMIN, "--role", "admin", "--store", store), folder=folder, FHIR_USER_PASSWORD=PASSWORD
    )
    assert added.returncode == 0, added.stderr
    more = TRIES | {
        "FHIR_SERVER_RATE_FACTOR": "1000",
        "FHIR_SERVER_FETCH_ORIGINS": allowed.origin,
        "FHIR_SERVER_APP_URL": "https://app.example",
        "FHIR_SERVER_SMTP_HOST": "127.0.0.1",
        "FHIR_SERVER_SMTP_PORT": str(mail.port),
        "FHIR_SERVER_SMTP_SECURITY": "none",
        "FHIR_SERVER_SUBSCRIPTION_FAILURES": "1000",
    }
    with (
        Running(["serve", "--port", "0", "--store", store], folder, log=log, **more) as running,
        httpx.Client(base_url=running.root, timeout=30) as http,
    ):
        yield Clinic(running, http, log)


def fhir(person: Person) -> Fhir:
    return Fhir(person.http, person.token)


def values(listener: Listener, path: str) -> list[float]:
    """Return the weights that came below a path."""
    return [each.json["valueQuantity"]["value"] for each in listener.received if each.path.startswith(path)]


def test_a_doctor_hears_of_patients_with_an_open_relation_alone(clinic: Clinic, listener: Listener) -> None:
    doctor, known, stranger = clinic.doctor, clinic.register("patient"), clinic.register("patient")
    book(known, doctor)
    fhir(doctor).subscribe(subscription(WEIGHTS, f"{listener.endpoint}/doctor"))
    fhir(stranger).create(weight(stranger.id, 1))
    fhir(known).create(weight(known.id, 2))
    listener.wait(lambda received: len(values(listener, "/doctor")) >= 1)
    assert values(listener, "/doctor") == [2]


def test_what_may_not_be_seen_any_more_when_it_goes_out_stays_in(clinic: Clinic, listener: Listener) -> None:
    """The relation ends between the event and its delivery; what comes after is delivered again."""
    doctor, patient = clinic.doctor, clinic.register("patient")
    appointment = book(patient, doctor)
    listener.answer = lambda request: 503
    id = fhir(doctor).subscribe(subscription(WEIGHTS, f"{listener.endpoint}/late"))
    fhir(patient).create(weight(patient.id, 1))
    fhir(doctor).settled(id, "error")
    fhir(patient).put(appointment | {"status": "cancelled"})
    listener.received.clear()
    listener.answer = lambda request: 200
    fhir(doctor).settled(id, "active")
    book(patient, doctor)
    fhir(patient).create(weight(patient.id, 2))
    listener.wait(lambda received: 2 in values(listener, "/late"))
    # A delivery that had begun before it was cancelled may have come, but was answered with 503.
    assert values(listener, "/late")[-1] == 2


def test_who_is_disabled_is_told_nothing_any_more(clinic: Clinic, listener: Listener) -> None:
    person = clinic.register("patient")
    listener.answer = lambda request: 503
    id = fhir(person).subscribe(subscription(WEIGHTS, f"{listener.endpoint}/disabled"))
    fhir(person).create(weight(person.id, 1))
    fhir(person).settled(id, "error")
    clinic.admin.ask("POST", f"/admin/users/{person.id}/disable")
    # Active, in error, off: as the trail has it, because nobody else sees the subscription.
    changes = f"AuditEvent?entity=Subscription/{id}&action=U"
    until(lambda: fhir(clinic.admin).read(changes), lambda bundle: bundle["total"] >= 3)
    assert fhir(clinic.admin).ask("GET", f"Subscription/{id}").status_code == 404
    listener.answer = lambda request: 200
    sent = len(listener.received)
    other = clinic.register("patient")
    fhir(other).subscribe(subscription(WEIGHTS, f"{listener.endpoint}/other"))
    fhir(other).create(weight(other.id, 2))
    listener.wait(lambda received: values(listener, "/other") == [2])
    assert not [each for each in listener.received[sent:] if each.path.startswith("/disabled")]


def test_subscriptions_are_seen_and_changed_by_their_owners_alone(clinic: Clinic, listener: Listener) -> None:
    mine, other = clinic.register("patient"), clinic.register("patient")
    asked = subscription(WEIGHTS, listener.endpoint, channel={"header": ["Authorization: Bearer secret"]})
    id = fhir(mine).subscribe(asked)
    assert fhir(other).ask("GET", f"Subscription/{id}").status_code == 404
    assert fhir(other).ask("GET", f"Subscription/{id}/_history/1").status_code == 404
    assert fhir(other).ask("PUT", f"Subscription/{id}", asked | {"id": id, "status": "off"}).status_code in (404, 405)
    assert fhir(other).ask("DELETE", f"Subscription/{id}").status_code in (204, 404)
    assert fhir(other).read("Subscription")["total"] == 0
    assert fhir(clinic.admin).read("Subscription")["total"] == 0
    assert fhir(mine).read(f"Subscription/{id}")["status"] == "active"


def test_what_was_told_is_in_the_audit_trail(clinic: Clinic, listener: Listener) -> None:
    patient = clinic.register("patient")
    id = fhir(patient).subscribe(subscription(WEIGHTS, listener.endpoint))
    fhir(patient).create(weight(patient.id, 1))
    listener.count(1)
    path = f"AuditEvent?entity=Subscription/{id}&type=110106&patient={patient.id}"
    found = until(lambda: fhir(clinic.admin).read(path), lambda bundle: bundle.get("total", 0) > 0)
    event = found["entry"][0]["resource"]
    assert (event["type"]["code"], event["outcome"]) == ("110106", "0")


def test_who_reads_it_and_sends_it_on_is_in_the_trail_and_nothing_is_sent_there(
    clinic: Clinic, listener: Listener
) -> None:
    patient = clinic.register("patient")
    elsewhere = {"Location": f"{listener.endpoint}/elsewhere"}
    listener.answer = lambda request: Reply(307, elsewhere)
    id = fhir(patient).subscribe(subscription(WEIGHTS, f"{listener.endpoint}/here"))
    fhir(patient).create(weight(patient.id, 1))
    failed = fhir(patient).settled(id, "error")
    assert failed["error"] == "The endpoint answered with status 307; redirects are not followed."
    assert {each.path.split("/")[1] for each in listener.received} == {"here"}
    trail = fhir(clinic.admin).read(f"AuditEvent?entity=Subscription/{id}&type=110106&patient={patient.id}")
    assert {each["resource"]["outcome"] for each in trail["entry"]} == {"8"}


def test_letters_say_nothing_and_go_to_the_owner_alone(clinic: Clinic, mail: Mailbox) -> None:
    patient = confirmed(clinic, mail)
    channel = {"type": "email", "endpoint": f"mailto:{patient.email}"}
    letters = subscription(WEIGHTS, "", payload=None) | {"channel": channel}
    elsewhere = letters | {"channel": channel | {"endpoint": "mailto:somebody@else.example"}}
    refused = fhir(patient).create(elsewhere)
    off = fhir(patient).settled(refused, "off")
    assert off["error"] == "Letters go to the confirmed address of the owner's own account alone."
    id = fhir(patient).subscribe(letters)
    fhir(patient).create(weight(patient.id, 81.5))
    letter = mail.take(patient.email)
    assert id in letter
    assert "81.5" not in letter
    assert "Observation" not in letter


def confirmed(clinic: Clinic, mail: Mailbox) -> Person:
    """Return somebody who has confirmed their address by the code of a letter."""
    person = clinic.register("patient")
    code = mail.take(person.email).partition("#token=")[2].split()[0]
    clinic.http.post("/api/v1/auth/verify_email", json={"token": code}).raise_for_status()
    return person


def book(patient: Person, doctor: Person) -> Json:
    """Book an appointment on a day of its own, which opens a care relation; return it."""
    day = f"2030-01-{next(DAYS):02}"
    who = (f"Patient/{patient.id}", f"Practitioner/{doctor.id}")
    return patient.ask(
        "POST",
        "Appointment",
        {
            "resourceType": "Appointment",
            "status": "booked",
            "start": f"{day}T10:00:00Z",
            "end": f"{day}T10:20:00Z",
            "participant": [{"actor": {"reference": each}, "status": "accepted"} for each in who],
        },
    )
