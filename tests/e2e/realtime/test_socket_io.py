"""The door of older clients: packets that no client sends, clients that read nothing, and who may read answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.e2e.realtime.conftest import Clinic, Person


@contextmanager
def opened(clinic: Clinic, person: Person, **more: Any) -> Iterator[ClientConnection]:
    """Open a connection by hand: engine.io's handshake and socket.io's."""
    address = clinic.root.replace("http", "ws", 1) + f"/socket.io/?EIO=4&transport=websocket&token={person.token}"
    with connect(address, compression=None, close_timeout=2, **more) as socket:
        assert str(socket.recv(timeout=5)).startswith("0{")
        socket.send("40")
        assert str(socket.recv(timeout=5)).startswith("40{")
        yield socket


def lives(socket: ClientConnection) -> bool:
    """Return whether a connection still answers."""
    try:
        socket.send('42999["heartbeat",{}]')
        while True:
            if str(socket.recv(timeout=5)).startswith("43999["):
                return True
    except ConnectionClosed:
        return False


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "9",
        "4",
        "42",
        "42{}",
        "42[]",
        "42[1]",
        "43",
        "44",
        "48",
        "42" + "[" * 60_000,
        "451-[]",
        "461-[]",
        "4x",
        "2[",
        "0",
        "2" + "[" * 60_000,
    ],
)
def test_what_is_no_packet_costs_at_most_the_connection_it_came_by(clinic: Clinic, packet: str) -> None:
    with opened(clinic, clinic.patient) as at_fault, opened(clinic, clinic.patient) as other:
        at_fault.send(packet)
        lives(at_fault)
        assert lives(other)
    with clinic.client(clinic.doctor) as phoenix:
        assert phoenix.ask("phoenix", "heartbeat")["status"] == "ok"
    assert "Traceback" not in clinic.log.read_text()


@pytest.mark.parametrize("event", ["connect", "disconnect", "connect_error", "*", "message", "phx_reply", "phx_close"])
def test_events_of_the_librarys_own_names_open_nothing(clinic: Clinic, event: str) -> None:
    forged = {"asgi.scope": {"realtime.member": {"account": clinic.doctor.id}}}
    with opened(clinic, clinic.patient) as client, opened(clinic, clinic.patient) as other:
        client.send(f"42{json.dumps([event, forged])}")
        lives(client)
        assert lives(other)
    assert "Traceback" not in clinic.log.read_text()


def test_a_second_handshake_on_one_connection_is_refused(clinic: Clinic) -> None:
    with opened(clinic, clinic.patient) as client:
        client.send("40")
        assert str(client.recv(timeout=5)).startswith("44")


def test_messages_that_are_too_large_close_the_connection(clinic: Clinic) -> None:
    with opened(clinic, clinic.patient) as client:
        client.send('42["chat_message",{"message":"' + "x" * 70_000 + '"}]')
        assert not lives(client)


def test_who_reads_nothing_is_put_out_and_holds_up_nobody(clinic: Clinic) -> None:
    id = clinic.book()
    topic = f"consultation:{id}"
    with clinic.client(clinic.doctor) as ours, opened(clinic, clinic.patient, max_queue=1) as theirs:
        ours.join(topic)
        theirs.send(f"42{json.dumps(['phx_join', {'topic': topic}])}")
        ours.hear("user_waiting")
        ours.ask(topic, "admit", {"user_id": clinic.patient.id})
        for _ in range(150):
            ours.send(topic, "webrtc_offer", {"offer": "x" * 60_000})
        began = time.monotonic()
        assert ours.hear("user_left") == {"user_id": clinic.patient.id, "role": "patient"}
        assert ours.ask("phoenix", "heartbeat")["status"] == "ok"
        assert time.monotonic() - began < 5


def test_pages_of_listed_origins_may_read_answers_and_no_others(clinic: Clinic) -> None:
    query = {"EIO": "4", "transport": "polling", "token": clinic.patient.token}
    own = clinic.http.get("/socket.io/", params=query, headers={"Origin": clinic.root})
    assert own.status_code == 200
    assert own.headers["access-control-allow-origin"] == clinic.root
    assert "access-control-allow-credentials" not in own.headers
    assert (own.headers["cache-control"], own.headers["x-content-type-options"]) == ("no-store", "nosniff")
    foreign = clinic.http.get("/socket.io/", params=query, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 400
    assert "access-control-allow-origin" not in foreign.headers
    nobody = clinic.http.get("/socket.io/", params={"EIO": "4", "transport": "polling"})
    assert nobody.status_code == 401
    assert "token" in nobody.json()["error"]["message"]
    strange = clinic.http.get("/socket.io/", params={"EIO": "4", "transport": "polling", "sid": "guessed"})
    assert strange.status_code == 400


def test_disabling_an_account_closes_its_connections(clinic: Clinic) -> None:
    person = clinic.register("patient")
    with opened(clinic, person) as client:
        assert lives(client)
        began = time.monotonic()
        clinic.admin.ask("POST", f"/admin/users/{person.id}/disable")
        told = json.loads(str(client.recv(timeout=5)).removeprefix("42"))
        assert (told[0], told[1]["code"]) == ("closing", 4401)
        assert not lives(client)
        assert time.monotonic() - began < 2
