"""A server in open mode, and a real listener whose address it may ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.fakes.command import Running
from tests.fakes.listener import Listener
from tests.fakes.patience import PATIENCE

Json = dict[str, Any]
TRIES = {
    "FHIR_SERVER_SUBSCRIPTION_RETRY_S": "0.1",
    "FHIR_SERVER_SUBSCRIPTION_RETRY_MAX_S": "0.5",
    "FHIR_SERVER_SUBSCRIPTION_ERRORS": "2",
    "FHIR_SERVER_SUBSCRIPTION_FAILURES": "4",
}
HEADERS = {"Content-Type": "application/fhir+json"}


class Fhir:
    """A client of a FHIR server, perhaps as somebody."""

    def __init__(self, http: httpx.Client, token: str = "") -> None:
        self._http = http
        self._headers = HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.request(method, f"/fhir/{path}", json=body, headers=self._headers)

    def create(self, resource: Json) -> str:
        """Create a resource; return its id."""
        answer = self.ask("POST", resource["resourceType"], resource)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def put(self, resource: Json) -> Json:
        answer = self.ask("PUT", f"{resource['resourceType']}/{resource['id']}", resource)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    def read(self, path: str) -> Json:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def settled(self, id: str, status: str) -> Json:
        """Return a Subscription once it has a status."""
        return until(lambda: self.read(f"Subscription/{id}"), lambda found: found["status"] == status)

    def subscribe(self, resource: Json, status: str = "active") -> str:
        """Create a Subscription and wait until it has a status; return its id."""
        id = self.create(resource)
        self.settled(id, status)
        return id


def until(look: Callable[[], Json], wanted: Callable[[Json], bool]) -> Json:
    """Return what is seen once it is as wanted."""
    ends = time.monotonic() + PATIENCE
    while not wanted(found := look()):
        assert time.monotonic() < ends, f"it did not come; it is {found}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def allowed() -> Iterator[Listener]:
    """The listener whose origin the server may ask, though it is on this machine."""
    with Listener() as listener:
        yield listener


@pytest.fixture
def listener(allowed: Listener) -> Listener:
    allowed.enter(f"/{uuid4().hex}")
    return allowed


@pytest.fixture(scope="module")
def fhir(allowed: Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fhir]:
    folder = Path(tmp_path_factory.mktemp("subscriptions"))
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/fhir.db"]
    log = folder / "server.log"
    with (
        Running(arguments, folder, log=log, FHIR_SERVER_FETCH_ORIGINS=allowed.origin, **TRIES) as running,
        httpx.Client(base_url=running.root, timeout=30) as http,
    ):
        yield Fhir(http)
    assert [line for line in log.read_text().splitlines() if "[error" in line or "Traceback" in line] == []


@pytest.fixture
def alone(fhir: Fhir) -> Iterator[None]:
    """Let a test have its subscriptions for itself."""
    yield
    for entry in fhir.read("Subscription?status=active,error,requested").get("entry", []):
        fhir.ask("DELETE", f"Subscription/{entry['resource']['id']}")
