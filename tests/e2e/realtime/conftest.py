"""A clinic whose server has sockets: its people, and an appointment of today."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.sockets import Client

ADMIN = "root@clinic.example"
Json = dict[str, Any]


class Person:
    """Somebody who has signed in."""

    def __init__(self, http: httpx.Client, data: Json, email: str) -> None:
        self.http = http
        self.email = email
        self.id = data["user"]["id"]
        self.token = data["tokens"]["access_token"]

    def ask(self, method: str, path: str, body: Any = None) -> Json:
        path = path if path.startswith("/") else f"/fhir/{path}"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        answer = self.http.request(method, path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        found: Json = answer.json() if answer.content else {}
        return found

    def again(self) -> Person:
        """Sign in once more, with a session of its own."""
        signed = self.http.post("/api/v1/auth/login", json={"email": self.email, "password": PASSWORD})
        return Person(self.http, signed.json()["data"], self.email)


class Clinic:
    """The server and who is there."""

    def __init__(self, running: Running, http: httpx.Client, log: Path) -> None:
        self.running = running
        self.root = running.root
        self.http = http
        self.log = log
        self._numbers = itertools.count(1)
        signed = http.post("/api/v1/auth/login", json={"email": ADMIN, "password": PASSWORD})
        self.admin = Person(http, signed.json()["data"], ADMIN)
        self.doctor = self.new_doctor()
        self.patient = self.register("patient")

    def register(self, role: str, **more: str) -> Person:
        email = f"person-{next(self._numbers)}@clinic.example"
        user = {"email": email, "password": PASSWORD, "role": role, **more}
        made = self.http.post("/api/v1/auth/register", json={"user": user})
        return Person(self.http, made.json()["data"], email)

    def new_doctor(self) -> Person:
        found = self.register("doctor", rpps=f"101012{next(self._numbers):05}")
        self.admin.ask("POST", f"/admin/users/{found.id}/confirm")
        return found

    def book(
        self,
        patient: Person | None = None,
        *,
        starts: float = 0,
        status: str = "booked",
        doctor: Person | None = None,
    ) -> str:
        """Book an appointment that starts in so many minutes; return its id."""
        patient, doctor = patient or self.patient, doctor or self.doctor
        start = datetime.now(UTC) + timedelta(minutes=starts)
        who = (f"Patient/{patient.id}", f"Practitioner/{doctor.id}")
        appointment = {
            "resourceType": "Appointment",
            "status": status,
            "start": start.isoformat(timespec="seconds"),
            "end": (start + timedelta(minutes=20)).isoformat(timespec="seconds"),
            "participant": [{"actor": {"reference": each}, "status": "accepted"} for each in who],
        }
        return str(patient.ask("POST", "Appointment", appointment)["id"])

    def client(self, person: Person, **more: Any) -> Client:
        return Client(self.root, person.token, **more)

    def encounter(self, appointment: str) -> Json:
        found = self.doctor.ask("GET", f"Encounter?appointment=Appointment/{appointment}")
        (entry,) = found["entry"]
        return dict(entry["resource"])


@contextmanager
def clinic_in(folder: Path, **settings: str) -> Iterator[Clinic]:
    """Open a clinic whose store and log are in a folder; `settings` are of the environment."""
    store, log = f"sqlite:///{folder}/fhir.db", folder / "server.log"
    added = fhir_server(
        *("user", "add", ADMIN, "--role", "admin", "--store", store), folder=folder, FHIR_USER_PASSWORD=PASSWORD
    )
    assert added.returncode == 0, added.stderr
    # Each test books a consultation of now, with the same doctor.
    usual = {"FHIR_SERVER_RATE_FACTOR": "1000", "FHIR_SERVER_LOG_LEVEL": "debug", "FHIR_SERVER_DOUBLE_BOOKING": "allow"}
    more = {**usual, **settings}
    with (
        Running(["serve", "--port", "0", "--store", store], folder, log=log, **more) as running,
        httpx.Client(base_url=running.root, timeout=30) as http,
    ):
        yield Clinic(running, http, log)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with clinic_in(Path(tmp_path_factory.mktemp("realtime"))) as opened:
        yield opened
