"""A partner's view is one file: the server reads it at its start, and serves it with the rights of who asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server.views.described import TAKEN
from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.practice import ADMIN, Person, Practice

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-view.md"
(FILE,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    folder = tmp_path_factory.mktemp("partner")
    (folder / "views").mkdir()
    (folder / "views" / "blood_test.toml").write_text(FILE, encoding="utf-8")
    store = f"sqlite:///{folder}/fhir.db"
    add = ("user", "add", ADMIN, "--role", "admin", "--store", store)
    assert fhir_server(*add, folder=folder, FHIR_USER_PASSWORD=PASSWORD).returncode == 0
    more = {"FHIR_SERVER_RATE_FACTOR": "1000", "FHIR_SERVER_VIEWS": "views"}
    with (
        Running(["serve", "--port", "0", "--store", store], folder, **more) as running,
        httpx.Client(base_url=running.root, timeout=30) as client,
    ):
        yield Practice(client)


@pytest.fixture(scope="module")
def people(practice: Practice) -> tuple[Person, Person, Person]:
    """A patient, their doctor, and another patient."""
    marie, paul = practice.register("marie@example.org"), practice.register("paul@example.org")
    doctor = practice.doctor("doc@example.org", "10101201234")
    start = datetime.now(UTC) + timedelta(days=2)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=20)).isoformat()}
    booked = marie.ask("POST", "appointments", {"appointment": {"doctor_id": doctor.id, "kind": "office", **times}})
    assert booked.status_code == 201, booked.text
    return marie, doctor, paul


def test_records_are_made_read_changed_found_and_taken_away(people: tuple[Person, Person, Person]) -> None:
    marie, doctor, paul = people
    sent = {"person": marie.id, "test": "HbA1c", "urgency": "soon", "note": "", "wanted_on": "2026-04-02"}
    made = doctor.ask("POST", "blood_tests", {"blood_test": sent})
    assert made.status_code == 201, made.text
    record = made.json()["data"]
    assert record == sent | {"id": record["id"]}
    path = f"blood_tests/{record['id']}"
    assert marie.ask("GET", path).json()["data"] == record
    assert marie.ask("GET", f"/fhir/ServiceRequest/{record['id']}").json()["priority"] == "urgent"
    assert marie.ask("PUT", path, {"blood_test": {"note": "x"}}).status_code == 403
    assert paul.ask("GET", path).status_code == 404
    assert paul.ask("GET", "blood_tests").json()["meta"]["total"] == 0

    tag = made.headers["ETag"]
    changed = doctor.ask("PUT", path, {"blood_test": {"urgency": "now", "wanted_on": None}}, If_Match=tag)
    assert changed.json()["data"] == record | {"urgency": "now", "wanted_on": None}
    assert doctor.ask("PUT", path, {"blood_test": {"note": "y"}}, If_Match=tag).status_code == 412
    assert doctor.ask("PUT", path, {"blood_test": {"urgency": "now"}}).headers["ETag"] == changed.headers["ETag"]

    for asked, number in ((f"person={marie.id}", 1), ("urgency=now", 1), ("urgency=soon", 0), ("from=2026-01-01", 0)):
        assert doctor.ask("GET", f"blood_tests?{asked}&sort=-wanted_on").json()["meta"]["total"] == number, asked
    assert doctor.ask("DELETE", path).status_code == 204
    assert doctor.ask("GET", path).status_code == 404
    assert doctor.ask("GET", f"/fhir/ServiceRequest/{record['id']}").json()["status"] == "entered-in-error"


def test_what_cannot_be_taken_is_told_by_field(people: tuple[Person, Person, Person]) -> None:
    marie, doctor, _ = people
    refused = doctor.ask("POST", "blood_tests", {"blood_test": {"person": marie.id, "urgency": "x", "colour": "red"}})
    assert refused.status_code == 422
    assert set(refused.json()["error"]["fields"]) == {"urgency", "colour", "test"}
    assert doctor.ask("GET", "blood_tests?colour=red").status_code == 422
    assert doctor.ask("POST", "blood_tests", {"blood_tests": {}}).status_code == 422


def test_the_view_is_described_with_the_others_and_no_word_is_used_twice(practice: Practice) -> None:
    paths = practice.http.get("/openapi.json").json()["paths"]
    assert {*paths["/api/v1/blood_tests/{id}"]} == {"get", "put", "delete"}
    words = {path.split("/")[3] for path in paths if path.startswith("/api/v1/")}
    assert words - {"blood_tests"} == TAKEN


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ServiceRequest.priority", "ServiceRequest.colour", "fields.urgency.at: 'ServiceRequest.colour'"),
        ('parameter = "priority"', 'parameter = "colour"', "filters.urgency: Search parameter 'colour'"),
        ('path = "blood_tests"', 'path = "appointments"', "name or path: there is another view"),
    ],
)
def test_a_file_that_cannot_be_followed_keeps_the_server_from_starting(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in FILE
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "blood_test.toml").write_text(FILE.replace(old, new), encoding="utf-8")
    serve = ("serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/fhir.db")
    ended = fhir_server(*serve, folder=tmp_path, FHIR_SERVER_VIEWS="views")
    assert ended.returncode == 2
    assert f"fhir-server: views: blood_test.toml: {told}" in ended.stderr.splitlines()[-1]
