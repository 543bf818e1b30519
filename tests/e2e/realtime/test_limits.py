"""What an operator sets of rooms and sockets holds over a real server: who waits, when they open, what is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.e2e.realtime.conftest import Clinic, clinic_in
from tests.fakes.patience import PATIENCE
from tests.fakes.sockets import Client

SETTINGS = {
    "FHIR_SERVER_ROOM_WAITS": "false",
    "FHIR_SERVER_ROOM_OPENS_MIN": "1",
    "FHIR_SERVER_ROOM_CLOSES_MIN": "2",
    "FHIR_SERVER_ROOM_STATUSES": "arrived",
    "FHIR_SERVER_SOCKETS": "2",
    "FHIR_SERVER_SOCKETS_UNBOUND": "2",
    "FHIR_SERVER_SOCKET_MESSAGE_BYTES": "2048",
    "FHIR_SERVER_SOCKET_IO": "false",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with clinic_in(Path(tmp_path_factory.mktemp("strict")), **SETTINGS) as opened:
        yield opened


@pytest.mark.parametrize(
    ("status", "starts", "opens"),
    [
        ("arrived", 0, True),
        ("arrived", 3, False),
        ("arrived", -21, True),
        ("arrived", -23, False),
        ("booked", 0, False),
    ],
)
def test_rooms_are_open_when_the_operator_says(strict: Clinic, status: str, starts: float, opens: bool) -> None:
    id = strict.book(status=status, starts=starts)
    with strict.client(strict.patient) as client:
        said = client.join(f"consultation:{id}")
    assert said["response"].get("reason") == (None if opens else "unauthorized")
    assert said["response"].get("waiting") is (False if opens else None)


def test_without_a_waiting_room_the_consultation_begins_when_both_are_there(strict: Clinic) -> None:
    id = strict.book(status="arrived")
    topic = f"consultation:{id}"
    with strict.client(strict.patient) as theirs, strict.client(strict.doctor) as ours:
        theirs.join(topic)
        assert strict.encounter(id)["status"] == "arrived"
        ours.join(topic)
        assert set(ours.hear("presence_state")) == {strict.doctor.id, strict.patient.id}
        assert theirs.hear("user_joined") == {"user_id": strict.doctor.id, "role": "doctor"}
        assert strict.encounter(id)["status"] == "in-progress"


def test_a_signal_is_heard_by_nobody_else(strict: Clinic) -> None:
    id = strict.book(status="arrived")
    topic, doctor = f"consultation:{id}", strict.doctor
    with strict.client(doctor) as ours, strict.client(doctor) as again, strict.client(strict.patient) as theirs:
        for client in (ours, again, theirs):
            assert client.join(topic)["status"] == "ok"
        candidate = {"candidate": {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host"}}
        assert ours.ask(topic, "webrtc_ice_candidate", candidate)["status"] == "ok"
        heard = theirs.hear("webrtc_ice_candidate")
        assert heard == candidate | {"to": strict.patient.id, "from": doctor.id}
        assert ours.silent("webrtc_ice_candidate")
        assert again.silent("webrtc_ice_candidate")


def test_a_message_that_is_too_large_closes_the_socket_it_came_by(strict: Clinic) -> None:
    with strict.client(strict.patient) as other, strict.client(strict.patient) as client:
        client.send("phoenix", "heartbeat", {"x": "y" * 2048})
        assert client.to_the_end()[1] == 1009
        assert other.ask("phoenix", "heartbeat")["status"] == "ok"


def test_one_account_has_so_many_sockets(strict: Clinic) -> None:
    with strict.client(strict.doctor) as first, strict.client(strict.doctor) as second:
        with strict.client(strict.doctor) as third:
            assert third.to_the_end()[1] == 1008
        for client in (first, second):
            assert client.ask("phoenix", "heartbeat")["status"] == "ok"


def test_one_address_has_so_many_sockets_that_are_not_bound(strict: Clinic) -> None:
    address = f"{strict.root.replace('http', 'ws', 1)}/socket/subscriptions"
    patient, binding = strict.patient, "Subscription/$get-ws-binding-token"
    token = next(row["valueString"] for row in patient.ask("GET", binding)["parameter"] if row["name"] == "token")
    with connect(address) as first, connect(address) as second:
        with connect(address) as third, pytest.raises(ConnectionClosed) as closed:
            third.recv(timeout=PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "too many sockets that are not bound")
        with connect(f"{address}?token={patient.token}") as named:
            named.send("bind no-such")
            assert "error bind" in str(named.recv(timeout=PATIENCE))
        first.send(f"bind-with-token {token}")
        first.send("bind no-such")
        assert "no such" in str(first.recv(timeout=PATIENCE))
        with connect(address) as fourth:
            for each in (second, fourth):
                each.send("bind no-such")
                assert "needs a token" in str(each.recv(timeout=PATIENCE))


def test_messages_are_not_compressed(strict: Clinic) -> None:
    """A client that offers `permessage-deflate` (RFC 7692) does not get it."""
    asked: dict[str, Any] = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    with Client(strict.root, strict.patient.token, additional_headers=asked) as client:
        assert client.socket.response is not None
        assert "Sec-WebSocket-Extensions" not in client.socket.response.headers


def test_socket_io_can_be_left_out(strict: Clinic) -> None:
    assert strict.http.get("/socket.io/?EIO=4&transport=polling").status_code == 404
