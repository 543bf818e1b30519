"""`kill -9` while clients write: what was acknowledged is there after a restart, and no transaction by half."""

from __future__ import annotations

import http.client
import json
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.command import Running, fhir_server

CLIENTS = 16
ROUNDS = 4
LINKED = 5
HEADERS = {"Content-Type": "application/fhir+json"}


class Client(threading.Thread):
    """Writes until the server is gone; every second request is a transaction of linked resources."""

    def __init__(self, address: str, name: str) -> None:
        super().__init__(name=name)
        self.address = address
        self.singles: list[tuple[str, bytes]] = []
        self.bundles: list[str] = []
        self.unexpected: list[str] = []

    def run(self) -> None:
        try:
            connection = http.client.HTTPConnection(self.address, timeout=20)
            for number in range(100_000):
                if number % 2:
                    self._bundle(connection, f"{self.name}-{number}")
                else:
                    self._single(connection, f"{self.name}-{number}")
        except (OSError, http.client.HTTPException):
            return

    def _single(self, connection: http.client.HTTPConnection, mark: str) -> None:
        status, location, body = send(connection, "/fhir/Patient", patient(mark))
        if status == 201:
            self.singles.append((urlsplit(location).path, body))
        else:
            self.unexpected.append(f"{status}: {body[:200]!r}")

    def _bundle(self, connection: http.client.HTTPConnection, mark: str) -> None:
        status, _, body = send(connection, "/fhir", bundle(mark))
        if status == 200:
            self.bundles.append(mark)
        else:
            self.unexpected.append(f"{status}: {body[:200]!r}")


def send(connection: http.client.HTTPConnection, path: str, resource: Any) -> tuple[int, str, bytes]:
    connection.request("POST", path, json.dumps(resource).encode(), HEADERS)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Location") or "", answer.read()


def get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def patient(mark: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": "urn:mark", "value": mark}]}


def bundle(mark: str) -> dict[str, Any]:
    """A patient and four observations of theirs, all or nothing."""
    whose = "urn:uuid:0f1e2d3c-0000-4000-8000-000000000001"
    entry = [{"fullUrl": whose, "resource": patient(mark), "request": {"method": "POST", "url": "Patient"}}]
    for _ in range(LINKED - 1):
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "weight"},
            "subject": {"reference": whose},
            "identifier": [{"system": "urn:mark", "value": mark}],
        }
        entry.append({"resource": observation, "request": {"method": "POST", "url": "Observation"}})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entry}


def verify(connection: http.client.HTTPConnection, clients: list[Client]) -> None:
    for client in clients:
        assert client.unexpected == []
        for path, body in client.singles:
            assert get(connection, path) == (200, body), f"acknowledged and lost: {path}"
        for mark in client.bundles:
            assert parts(connection, mark) == (1, LINKED - 1), f"acknowledged and lost: {mark}"


def verify_whole(connection: http.client.HTTPConnection, clients: list[Client]) -> None:
    """What each client had under way when the server died is there as a whole or not at all."""
    for client in clients:
        done = len(client.singles) + len(client.bundles)
        for number in range(done, done + 2):
            found = parts(connection, f"{client.name}-{number}")
            assert found in ((0, 0), (1, LINKED - 1) if number % 2 else (1, 0)), f"half a transaction: {found}"


def parts(connection: http.client.HTTPConnection, mark: str) -> tuple[int, int]:
    found = []
    for kind in ("Patient", "Observation"):
        status, body = get(connection, f"/fhir/{kind}?identifier=urn:mark|{mark}".replace("|", "%7C"))
        assert status == 200, body
        found.append(len(json.loads(body).get("entry", [])))
    return found[0], found[1]


def test_nothing_acknowledged_is_lost_and_no_transaction_is_half(tmp_path: Path) -> None:
    chance = random.Random()
    store = f"sqlite:///{tmp_path}/fhir.db"
    serve = ["serve", "--auth", "open", "--port", "0", "--store", store]
    written = 0
    last: list[Client] = []
    for round in range(ROUNDS + 1):
        with Running(serve, tmp_path) as running:
            address = urlsplit(running.root).netloc
            connection = http.client.HTTPConnection(address, timeout=20)
            verify(connection, last)
            verify_whole(connection, last)
            connection.close()
            if round == ROUNDS:
                break
            last = [Client(address, f"r{round}c{number}") for number in range(CLIENTS)]
            for client in last:
                client.start()
            time.sleep(chance.uniform(0.3, 1.0))
            running.stop(signal.SIGKILL)
            for client in last:
                client.join(30)
            written += sum(len(client.singles) + len(client.bundles) for client in last)
    assert written > ROUNDS * CLIENTS
    checked = fhir_server("check", "--store", store, folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
