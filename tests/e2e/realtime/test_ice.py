"""The ICE servers of a consultation: who gets them and when, and whether a real coturn takes what they are given."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.benchmarks.processes import free_port
from tests.e2e.realtime.conftest import Clinic, Person, clinic_in
from tests.fakes.node import installed

SECRET = "north-of-the-test"
STUN = "stun:stun.clinic.example:3478"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Clinic]:
    turn = {"FHIR_SERVER_TURN_URLS": f"turn:127.0.0.1:{port}?transport=udp", "FHIR_SERVER_TURN_SECRET": SECRET}
    with clinic_in(tmp_path_factory.mktemp("ice"), FHIR_SERVER_STUN_URLS=STUN, **turn) as opened:
        yield opened


def asked(clinic: Clinic, person: Person | None, id: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {person.token}"} if person else {}
    return clinic.http.get(f"/api/v1/appointments/{id}/ice", headers=headers)


def test_both_sides_get_servers_with_credentials_of_their_own(clinic: Clinic) -> None:
    id, before = clinic.book(), int(time.time())
    for person in (clinic.patient, clinic.doctor):
        answer = asked(clinic, person, id)
        assert answer.headers["cache-control"] == "no-store"
        data = answer.json()["data"]
        stun, turn = data["ice_servers"]
        assert stun == {"urls": [STUN]}
        ends, _, user = turn["username"].partition(":")
        assert user == person.id
        assert before <= int(ends) - data["expires_in"] <= int(time.time())
        assert SECRET not in answer.text
    log = clinic.log.read_text()
    assert SECRET not in log
    assert turn["credential"] not in log


def test_nobody_else_gets_any(clinic: Clinic) -> None:
    id = clinic.book()
    assert asked(clinic, None, id).status_code == 401
    for person in (clinic.register("patient"), clinic.new_doctor()):
        assert asked(clinic, person, id).status_code == 404
    assert asked(clinic, clinic.admin, id).status_code in (403, 404)
    assert asked(clinic, clinic.patient, "nothing-there").status_code == 404
    assert asked(clinic, clinic.patient, "a b").status_code in (403, 404)


def test_another_doctor_in_whose_care_the_patient_is_sees_the_appointment_and_gets_none(clinic: Clinic) -> None:
    other = clinic.new_doctor()
    clinic.book(doctor=other)
    answer = asked(clinic, other, clinic.book())
    assert answer.status_code == 403
    assert "take part" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("starts", "status"), [(16, "booked"), (-81, "booked"), (0, "pending"), (0, "cancelled")])
def test_there_are_none_while_the_room_is_closed(clinic: Clinic, starts: float, status: str) -> None:
    answer = asked(clinic, clinic.patient, clinic.book(starts=starts, status=status))
    assert answer.status_code == 403
    assert answer.json() == {"error": {"message": "The room of this appointment is not open now."}}


def test_asking_is_in_the_trail(clinic: Clinic) -> None:
    id = clinic.book()
    asked(clinic, clinic.doctor, id)
    found = clinic.admin.ask("GET", f"AuditEvent?entity=Appointment/{id}&agent=Practitioner/{clinic.doctor.id}")
    assert found["entry"]


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[None]:
    folder = Path(tmp_path_factory.mktemp("coturn"))
    here = ("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers", f"--listening-port={port}")
    scheme = ("--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=clinic.example")
    quiet = ("-n", "--no-tls", "--no-dtls", "--no-cli", f"--pidfile={folder}/pid", "--log-file=stdout")
    with (folder / "log").open("w") as log:
        running = subprocess.Popen([installed("coturn", "turnserver"), *here, *scheme, *quiet], stdout=log, stderr=log)
        yield
        running.terminate()
        running.wait(10)


def relayed(port: int, name: str, password: str) -> bool:
    """Return whether coturn's own client gets something through its server."""
    client = installed("coturn", "turnutils_uclient")
    command = [client, "-n", "1", "-m", "1", "-c", "-y", "-u", name, "-w", password, "-p", str(port), "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0 and "Total lost packets 0" in done.stdout + done.stderr


@pytest.mark.external
def test_coturn_takes_the_credential_and_nothing_near_it(clinic: Clinic, coturn: None, port: int) -> None:
    turn: dict[str, Any] = asked(clinic, clinic.patient, clinic.book()).json()["data"]["ice_servers"][1]
    name, password = turn["username"], turn["credential"]
    deadline = time.monotonic() + 20
    while not relayed(port, name, password):
        assert time.monotonic() < deadline, "coturn does not take the credential"
    ends, _, user = name.partition(":")
    assert not relayed(port, f"{int(ends) + 1}:{user}", password)
    assert not relayed(port, f"{ends}:{clinic.doctor.id}", password)
