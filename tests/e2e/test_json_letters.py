"""Notifications by e-mail, and reminders of appointments: over a real mail server."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.mailbox import Mailbox, mailbox
from tests.fakes.practice import ADMIN, Person, Practice

Json = dict[str, Any]
LEAD = 60


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as opened:
        yield opened


class Place:
    """A server that can be stopped and started again over the same store, at the same address."""

    def __init__(self, folder: Path, box: Mailbox) -> None:
        self._folder = folder
        self._port = str(box.port)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._own = str(probe.getsockname()[1])
        self._store = f"sqlite:///{folder}/fhir.db"
        arguments = ("user", "add", ADMIN, "--role", "admin", "--store", self._store)
        assert fhir_server(*arguments, folder=folder, FHIR_USER_PASSWORD=PASSWORD).returncode == 0
        self.running = self.start()
        self.http = httpx.Client(base_url=self.running.root, timeout=30)

    def start(self) -> Running:
        return Running(
            ["serve", "--port", self._own, "--store", self._store],
            self._folder,
            log=self._folder / "log",
            FHIR_SERVER_SMTP_HOST="127.0.0.1",
            FHIR_SERVER_SMTP_PORT=self._port,
            FHIR_SERVER_SMTP_SECURITY="none",
            FHIR_SERVER_APP_URL="https://app.example",
            FHIR_SERVER_REMINDER_LEADS_MIN="1",
        )

    def start_again(self) -> None:
        self.running = self.start()


@pytest.fixture
def place(tmp_path: Path, box: Mailbox) -> Iterator[Place]:
    opened = Place(tmp_path, box)
    yield opened
    opened.http.close()
    opened.running.stop()


def who_wants_letters(clinic: Practice, box: Mailbox, email: str, role: str = "patient", **more: str) -> Person:
    person = clinic.register(email, role, **more)
    code = re.findall(r"^\s*([\w-]{20,})\s*$", box.take(email), re.MULTILINE)[0]
    assert clinic.http.post("/api/v1/auth/verify_email", json={"token": code}).status_code == 200
    shown = person.ask("PUT", "me", {"email_notifications": True}).json()["data"]
    assert shown["email_notifications"] is True
    return person


def booked(patient: Person, doctor: Person, start: datetime) -> str:
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=15)).isoformat()}
    asked = {"doctor_id": doctor.id, "kind": "office", "reason": "douleur thoracique", **times}
    made = patient.ask("POST", "appointments", {"appointment": asked})
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


def subjects(box: Mailbox, to: str) -> list[str]:
    return [str(each["Subject"]) for each in box.messages if each["To"] == to]


def test_who_wants_it_is_told_by_mail_in_their_language_and_of_nobody_s_health(place: Place, box: Mailbox) -> None:
    clinic = Practice(place.http)
    doctor = clinic.confirm(who_wants_letters(clinic, box, "doc@clinic.example", "doctor", rpps="10101201234"))
    patient = who_wants_letters(clinic, box, "a@clinic.example", locale="en")
    quiet = clinic.register("quiet@clinic.example")
    assert quiet.ask("GET", "me").json()["data"]["email_notifications"] is False
    box.take("quiet@clinic.example")
    box.refusals = 1
    id = booked(patient, doctor, datetime(2050, 1, 3, 9, tzinfo=UTC))
    # The mail server refused the first: the request has not noticed, and the letter comes by and by.
    text = box.take("doc@clinic.example")
    assert text == (
        f"Un rendez-vous a été demandé.\n\nhttps://app.example/appointments/{id}\n\n"
        "Vous recevez ce message parce que vous l'avez demandé dans votre profil, où vous pouvez aussi y renoncer.\n"
    )
    assert doctor.ask("POST", f"appointments/{id}/confirm").status_code == 200
    told = box.take("a@clinic.example")
    assert told.startswith("Your appointment is confirmed.\n")
    assert "thoracique" not in text + told
    patient.ask("PUT", "me", {"email_notifications": False})
    other = booked(quiet, doctor, datetime(2050, 1, 4, 9, tzinfo=UTC))
    box.take("doc@clinic.example")
    doctor.ask("POST", f"appointments/{id}/cancel")
    doctor.ask("POST", f"appointments/{other}/confirm")
    kinds = [each["kind"] for each in patient.ask("GET", "notifications").json()["data"]]
    assert kinds == ["appointment_cancelled", "appointment_confirmed"]
    patient.ask("PUT", "me", {"email_notifications": True})
    booked(patient, doctor, datetime(2050, 1, 5, 9, tzinfo=UTC))
    box.take("doc@clinic.example")
    assert subjects(box, "a@clinic.example") + subjects(box, "quiet@clinic.example") == []


def test_what_waits_is_sent_after_a_restart(place: Place, box: Mailbox) -> None:
    clinic = Practice(place.http)
    doctor = clinic.confirm(who_wants_letters(clinic, box, "doc@clinic.example", "doctor", rpps="10101201234"))
    patient = clinic.register("a@clinic.example")
    box.take("a@clinic.example")
    box.refusals = 1
    booked(patient, doctor, datetime(2050, 1, 3, 9, tzinfo=UTC))
    place.running.stop(signal.SIGKILL)
    place.start_again()
    assert box.take("doc@clinic.example").startswith("Un rendez-vous a été demandé.")


@pytest.mark.slow
def test_a_patient_is_reminded_once_also_over_a_restart_and_not_of_what_was_cancelled(
    place: Place, box: Mailbox
) -> None:
    clinic = Practice(place.http)
    doctor = clinic.doctor("doc@clinic.example", "10101201234")
    patient = who_wants_letters(clinic, box, "a@clinic.example", locale="en")
    now = datetime.now(UTC).replace(microsecond=0)
    kept = booked(patient, doctor, now + timedelta(seconds=LEAD + 12))
    gone, moved = (booked(patient, doctor, now + timedelta(hours=hours)) for hours in (1, 2))
    for id in (kept, gone, moved):
        assert doctor.ask("POST", f"appointments/{id}/confirm").status_code == 200
        assert box.take("a@clinic.example").startswith("Your appointment is confirmed.")
    assert patient.ask("POST", f"appointments/{gone}/cancel").status_code == 200
    later = now + timedelta(hours=3)
    times = {"starts_at": later.isoformat(), "ends_at": (later + timedelta(minutes=10)).isoformat()}
    assert doctor.ask("PUT", f"appointments/{moved}", {"appointment": times}).status_code == 200
    place.running.stop()
    place.start_again()
    at = (now + timedelta(seconds=LEAD + 12)).strftime("%d/%m/%Y %H:%M (UTC)")
    text = box.take("a@clinic.example")
    assert text.startswith(f"You have an appointment on {at}.\n\nhttps://app.example/appointments/{kept}\n")
    place.running.stop()
    place.start_again()
    time.sleep(5)
    told = patient.ask("GET", "notifications?kind=appointment_reminder").json()["data"]
    assert [each["link"] for each in told] == [f"/appointments/{kept}"]
    assert subjects(box, "a@clinic.example") == []
