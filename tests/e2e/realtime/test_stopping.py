"""A server that stops: every socket is told, everybody has left, and nothing waits for a client."""

from __future__ import annotations

import time

from tests.e2e.realtime.conftest import Clinic


def test_a_server_that_stops_tells_its_sockets_and_does_not_wait_for_them(clinic: Clinic) -> None:
    topic = f"consultation:{clinic.book()}"
    with clinic.client(clinic.doctor) as ours, clinic.client(clinic.patient) as theirs:
        assert ours.join(topic)["status"] == theirs.join(topic)["status"] == "ok"
        began = time.monotonic()
        assert clinic.running.stop() == 0
        assert time.monotonic() - began < 10
        for client in (ours, theirs):
            assert client.to_the_end()[1] == 1012
    assert "Traceback" not in clinic.log.read_text()
