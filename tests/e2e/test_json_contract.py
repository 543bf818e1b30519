"""The OpenAPI document is what the JSON API does: schemathesis finds nothing to complain about.

It makes requests from the document alone, right ones and wrong ones, and holds every answer against it: statuses, media
types, headers, shapes, that wrong data is refused and right data is not, that nobody gets in without a token.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from tests.fakes.command import environment
from tests.fakes.practice import Person, Practice, open_practice

pytestmark = pytest.mark.slow

HOOKS = Path(__file__).parents[1] / "fakes" / "contract_hooks.py"
ACCEPTED = ("2xx", "401", "403", "404", "409", "412", "416", "429")
"""Statuses that answer what the document allows: not there, not allowed, not as things stand, changed in between, a
part beyond the end."""
REFUSED = ("400", "401", "403", "404", "405", "409", "412", "415", "422", "429")
RULED = {
    r"POST /api/v1/appointments": "ends_at is after starts_at, which is to come; one side is who asks",
    r"PUT /api/v1/appointments/{id}": "as for a new one",
    r"POST /api/v1/medical_records": "doctor_id is who asks",
    r"PUT /api/v1/medical_records/{id}": "whose record it is stays; attachments are those it has",
    r"POST /api/v1/medical_records/{id}/attachments": "the file has a name and bytes",
    r"PUT /api/v1/me": "names have no control characters",
    r"POST /api/v1/auth/register": "the address is one, and free; the password is hard to guess",
    r"POST /api/v1/auth/(reset|change)_password": "the code counts, the password is hard to guess",
    r"POST /api/v1/auth/verify_email": "the code counts",
}
"""Operations that answer 422 to data of the right shape, for a reason that no schema can say."""
AFTER = ("DELETE /api/v1/me", "POST /api/v1/auth/logout", "DELETE /api/v1/auth/sessions/{id}")
"""Operations after which a token is none."""


@dataclass(frozen=True, slots=True)
class World:
    """A practice in which there is one of everything, and the path parameters that name it."""

    clinic: Practice
    people: Mapping[str, Person]
    named: Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("contract")
    with open_practice(folder, log=folder / "log") as clinic:
        doctor, patient = clinic.doctor("doc@clinic.example", "10101201234"), clinic.register("a@clinic.example")
        times = {"starts_at": "2050-01-03T09:00:00Z", "ends_at": "2050-01-03T09:30:00Z"}
        appointment = _made(patient, "appointment", {"doctor_id": doctor.id, "kind": "video", **times})
        record = _made(
            doctor,
            "medical_record",
            {"patient_id": patient.id, "nom": "Marie", "consultation_date": "2026-03-02T09:30:00+01:00"},
        )
        attached = doctor.send(f"medical_records/{record}/attachments", "a.pdf", b"%PDF-", "application/pdf").json()
        _slot(doctor)
        told = patient.ask("GET", "notifications").json()["data"][0]["id"]
        named = {
            "/medical_records/{id}": {"id": record, "file_id": attached["data"]["attachments"][0]["id"]},
            "/patients/{patient_id}": {"patient_id": patient.id},
            "/appointments/{id}": {"id": appointment},
            "/doctors/{id}": {"id": doctor.id},
            "/notifications/{id}": {"id": told},
            "/consents/{type}": {"type": "research"},
            "/fhir/export_mes": {"body.medical_record_id": record},
        }
        yield World(clinic, {"doctor": doctor, "patient": patient}, named)


def _made(person: Person, name: str, record: Mapping[str, Any]) -> str:
    made = person.ask("POST", f"{name}s", {name: record})
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


def _slot(doctor: Person) -> None:
    schedule = {"resourceType": "Schedule", "actor": [{"reference": f"Practitioner/{doctor.id}"}]}
    kept = doctor.ask("POST", "/fhir/Schedule", schedule).json()["id"]
    times = {"start": "2050-01-04T09:00:00Z", "end": "2050-01-04T09:30:00Z"}
    slot = {"resourceType": "Slot", "schedule": {"reference": f"Schedule/{kept}"}, "status": "free", **times}
    assert doctor.ask("POST", "/fhir/Slot", slot).status_code == 201


@pytest.mark.parametrize(("role", "phases"), [("doctor", "coverage,fuzzing"), ("patient", "fuzzing")])
def test_care_is_as_documented(world: World, role: str, phases: str, tmp_path: Path) -> None:
    excluded = ("--exclude-path-regex", "^/api/v1/auth", "--exclude-path", "/api/v1/me", "--phases", phases)
    complaints(world, world.people[role], tmp_path, "--include-path-regex", "^/api/v1/", *excluded)


def test_accounts_are_as_documented(world: World, tmp_path: Path) -> None:
    person = world.clinic.register("account@clinic.example")
    some = ("--include-path-regex", "^/api/v1/(auth|me)", "--phases", "fuzzing")
    left = [argument for each in AFTER for argument in ("--exclude-name", each)]
    complaints(world, person, tmp_path, *some, *left)


@pytest.mark.parametrize("operation", AFTER)
def test_to_leave_is_as_documented(world: World, operation: str, tmp_path: Path) -> None:
    person = world.clinic.register(f"{AFTER.index(operation)}@clinic.example")
    complaints(world, person, tmp_path, "--include-name", operation)


def complaints(world: World, person: Person, folder: Path, *operations: str) -> None:
    """Let schemathesis ask as somebody; fail with what it complains about."""
    config = folder / "schemathesis.toml"
    config.write_text(_config(world.named), encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    document = f"{world.clinic.http.base_url}/openapi.json"
    bounds = ("--max-examples", "8", "--warnings", "off", "--no-color")
    sent = ("--header", f"Authorization: Bearer {person.token}", "--seed", "1", "--continue-on-failure")
    done = run(
        [*command, document, *operations, *bounds, *sent],
        cwd=folder,
        env=environment(PYTHONPATH=str(HOOKS.parents[2])),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert "No issues found" in done.stdout, done.stdout


def _config(named: Mapping[str, Mapping[str, str]]) -> str:
    lines = [f"hooks = {json.dumps(str(HOOKS))}", "[checks.positive_data_acceptance]", _statuses(*ACCEPTED)]
    lines += ["[checks.negative_data_rejection]", _statuses(*REFUSED)]
    for name in RULED:
        lines += ["[[operations]]", f"include-name-regex = {json.dumps(f'^{name}$'.replace('{id}', '.id.'))}"]
        lines += ["[operations.checks.positive_data_acceptance]", _statuses(*ACCEPTED, "422")]
    for path, values in named.items():
        pattern = f"^/api/v1{path}".replace("{", ".").replace("}", ".")
        lines += ["[[operations]]", f"include-path-regex = {json.dumps(pattern)}", "[operations.parameters]"]
        lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _statuses(*statuses: str) -> str:
    return f"expected-statuses = {json.dumps(list(statuses))}"
