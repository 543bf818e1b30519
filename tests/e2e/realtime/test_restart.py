"""A server that is killed and comes back: clients of npm's `phoenix` join again by themselves, and miss nothing."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.benchmarks.processes import free_port
from tests.e2e.realtime.conftest import ADMIN, Clinic
from tests.e2e.realtime.test_notifications import notify
from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.node import external_folder

pytestmark = pytest.mark.external


class Server:
    """A server that may be ended and begun again, at its address or at another one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = f"sqlite:///{folder}/fhir.db"
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        added = ("user", "add", ADMIN, "--role", "admin", "--store", self._store)
        assert fhir_server(*added, folder=folder, FHIR_USER_PASSWORD=PASSWORD).returncode == 0
        self.running = self.begin(self.port)

    def begin(self, port: int) -> Running:
        settings = {"FHIR_SERVER_PUBLIC_URL": self.root, "FHIR_SERVER_ROOM_WAITS": "false"}
        flags = ["serve", "--port", str(port), "--store", self._store]
        self.running = Running(flags, self._folder, log=self.log, **settings)
        return self.running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path)
    yield found
    found.running.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_clients_come_back_after_a_restart_and_hear_what_they_missed(server: Server, how: signal.Signals) -> None:
    with httpx.Client(base_url=server.root, timeout=30) as http:
        clinic = Clinic(server.running, http, server.log)
        patient, id = clinic.patient, clinic.book()
        asked = {"root": server.root, "token": patient.token, "userId": patient.id, "appointment": id}
        command = ["node", "restart.mjs", json.dumps(asked)]
        with subprocess.Popen(command, cwd=external_folder(), stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            assert {client.stdout.readline(), client.stdout.readline()} == {"ready\n", "room\n"}
            first = notify(clinic, patient, "one")
            assert client.stdout.readline() == "notified\n"
            server.running.stop(how)
            # While the client finds nobody at the address, the server is at another one.
            away = free_port()
            server.begin(away)
            with httpx.Client(base_url=f"http://127.0.0.1:{away}", timeout=30) as elsewhere:
                patient.http = elsewhere
                second = notify(clinic, patient, "two")
            server.running.stop()
            server.begin(server.port)
            *_, said = client.stdout
            assert client.wait(60) == 0
    seen = json.loads(said)
    assert seen["notifications"] == [first, second]
    # Booking has told them of the appointment, too, or not: what counts is that there is one more afterwards.
    assert seen["unread"][1] == seen["unread"][0] + 2
    assert seen["presence"] == [[patient.id], [patient.id]]
