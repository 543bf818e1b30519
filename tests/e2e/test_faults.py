"""A full disk and a locked file: a clear error, nothing lost, and recovery without a restart."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.command import Running, fhir_server

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
ROOM = 2 * 1024 * 1024
PATIENT = {"resourceType": "Patient", "name": [{"family": "x" * 2000}]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with Running(["serve", "--auth", "open", "--port", "0", "--store", "sqlite:///fhir.db"], tmp_path) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.root}/fhir", timeout=30) as connection:
        yield connection


def fill(client: httpx.Client) -> tuple[list[str], httpx.Response]:
    """Create patients until one is refused; return the paths of those acknowledged, and the refusal."""
    kept = []
    for _ in range(2000):
        answer = client.post("/Patient", json=PATIENT)
        if answer.status_code != 201:
            return kept, answer
        kept.append(f"/Patient/{answer.json()['id']}")
    raise AssertionError("the file grew past its limit")


def test_a_full_disk_is_507_and_the_server_goes_on_when_there_is_room_again(
    server: Running, client: httpx.Client, tmp_path: Path
) -> None:
    client.post("/Patient", json=PATIENT).raise_for_status()
    largest = max(path.stat().st_size for path in tmp_path.glob("fhir.db*"))
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (largest + ROOM, resource.RLIM_INFINITY))
    kept, refusal = fill(client)

    assert kept
    assert refusal.status_code == 507
    assert refusal.json()["resourceType"] == "OperationOutcome"
    assert refusal.json()["issue"][0]["code"] == "no-store"
    assert [client.get(path).status_code for path in kept] == [200] * len(kept)

    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)
    again = client.post("/Patient", json=PATIENT)
    assert again.status_code == 201
    assert client.get("/Patient?_summary=count").json()["total"] == len(kept) + 2

    server.stop()
    checked = fhir_server("check", "--store", "sqlite:///fhir.db", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_file_locked_by_another_program_is_503_until_it_is_let_go(client: httpx.Client, tmp_path: Path) -> None:
    first = client.post("/Patient", json=PATIENT).json()["id"]
    other = sqlite3.connect(tmp_path / "fhir.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    refusal = client.post("/Patient", json=PATIENT)
    assert refusal.status_code == 503
    assert refusal.json()["issue"][0]["code"] == "lock-error"
    assert client.get(f"/Patient/{first}").status_code == 200

    other.execute("ROLLBACK")
    other.close()
    assert client.post("/Patient", json=PATIENT).status_code == 201
    assert client.get("/Patient?_summary=count").json()["total"] == 2
