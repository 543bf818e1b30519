"""A client that reads nothing, over a real connection: it is put out, others wait for nothing, and little is kept."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.benchmarks.processes import memory
from tests.e2e.realtime.conftest import Clinic, clinic_in

MESSAGE = "€" * 4_000
"""12 KB on the wire."""
MESSAGES = 3_000
MOST_MB = 40
"""What the server may grow by: far less than the 36 MB that nobody reads, twice over."""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    rates = {"FHIR_SERVER_SOCKET_MESSAGES": "100000", "FHIR_SERVER_SOCKET_BURST": "100000"}
    with clinic_in(Path(tmp_path_factory.mktemp("slow")), FHIR_SERVER_ROOM_WAITS="false", **rates) as opened:
        yield opened


def test_who_reads_nothing_costs_the_others_nothing(clinic: Clinic) -> None:
    topic = f"consultation:{clinic.book()}"
    with clinic.client(clinic.doctor) as ours, silent(clinic, topic):
        assert ours.join(topic)["status"] == "ok"
        ours.hear("presence_state")
        before = memory(clinic.running.process.pid)
        for number in range(MESSAGES):
            said = ours.ask(topic, "chat_message", {"message": MESSAGE})
            assert said["status"] == "ok"
            ours.hear("chat_message")
            if number % 50 == 0 and any(frame[3] == "user_left" for frame in ours.heard):
                break
        assert ours.hear("user_left")["user_id"] == clinic.patient.id
        assert ours.ask("phoenix", "heartbeat")["status"] == "ok"
        assert memory(clinic.running.process.pid) - before < MOST_MB
    assert "Traceback" not in clinic.log.read_text()


def silent(clinic: Clinic, topic: str) -> socket.socket:
    """Return a connection that has joined as the patient and reads nothing from then on."""
    at = urlsplit(clinic.root)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(10)
    raw.connect((at.hostname, at.port))
    head = f"GET /socket/websocket?vsn=2.0.0&token={clinic.patient.token} HTTP/1.1\r\nHost: {at.netloc}\r\n"
    more = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    raw.sendall(f"{head}{more}dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    assert raw.recv(4096).startswith(b"HTTP/1.1 101 ")
    join = json.dumps(["1", "1", topic, "phx_join", {}]).encode()
    raw.sendall(bytes((0x81, 0x80 | len(join), 0, 0, 0, 0)) + join)
    assert b"phx_reply" in raw.recv(4096)
    return raw
