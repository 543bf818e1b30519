"""Sockets over a real server: how one gets in, how long one stays, and what one may not do."""

from __future__ import annotations

import base64
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.realtime.conftest import Clinic
from tests.fakes.sockets import Client


def refusal(clinic: Clinic, token: str = "", **more: object) -> int:
    with pytest.raises(InvalidStatus) as caught:
        Client(clinic.root, token, **more)  # type: ignore[arg-type]
    return caught.value.response.status_code


def closing(client: Client) -> tuple[int, float]:
    """Return the code with which the server closes, and after how many seconds."""
    began = time.monotonic()
    return client.to_the_end()[1], time.monotonic() - began


def test_a_token_in_the_query_lets_in_and_hearts_beat(clinic: Clinic) -> None:
    with clinic.client(clinic.patient) as client:
        assert client.ask("phoenix", "heartbeat") == {"status": "ok", "response": {}}
        assert client.socket.protocol.extensions == []


def test_version_1_speaks_objects(clinic: Clinic) -> None:
    with clinic.client(clinic.patient, vsn="1.0.0") as client:
        client.socket.send(json.dumps({"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": "7"}))
        assert json.loads(client.socket.recv(timeout=5)) == {
            "topic": "phoenix",
            "event": "phx_reply",
            "payload": {"status": "ok", "response": {}},
            "ref": "7",
        }


def test_a_subprotocol_lets_in_as_phoenix_sends_it(clinic: Clinic) -> None:
    token = base64.b64encode(clinic.patient.token.encode()).decode().rstrip("=")
    offered = ["phoenix", f"base64url.bearer.phx.{token}"]
    with Client(clinic.root, subprotocols=offered) as client:
        assert client.socket.subprotocol == "phoenix"
        assert client.ask("phoenix", "heartbeat")["status"] == "ok"


def test_a_ticket_lets_in_once(clinic: Clinic) -> None:
    ticket = clinic.patient.ask("POST", "/api/v1/socket/ticket")["data"]["ticket"]
    with Client(clinic.root, ticket) as client:
        assert client.ask("phoenix", "heartbeat")["status"] == "ok"
    assert refusal(clinic, ticket) == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "%00", "é", "x" * 20_000])
def test_who_has_no_token_that_counts_is_refused(clinic: Clinic, token: str) -> None:
    assert refusal(clinic, token) in (400, 401)


def test_versions_that_nobody_speaks_are_refused(clinic: Clinic) -> None:
    assert refusal(clinic, clinic.patient.token, vsn="9.0.0") == 400


def test_signing_out_closes_the_socket_within_two_seconds(clinic: Clinic) -> None:
    here = clinic.patient.again()
    with clinic.client(here) as client, clinic.client(clinic.patient) as other:
        assert client.ask("phoenix", "heartbeat")["status"] == "ok"
        here.ask("POST", "/api/v1/auth/logout")
        code, seconds = closing(client)
        assert code == 4401
        assert seconds < 2
        assert other.ask("phoenix", "heartbeat")["status"] == "ok"


def test_disabling_an_account_closes_its_sockets(clinic: Clinic) -> None:
    person = clinic.register("patient")
    with clinic.client(person) as client:
        clinic.admin.ask("POST", f"/admin/users/{person.id}/disable")
        code, seconds = closing(client)
        assert code == 4401
        assert seconds < 2


def test_another_token_of_the_same_person_goes_on_and_anybody_elses_does_not(clinic: Clinic) -> None:
    with clinic.client(clinic.patient) as client:
        renewed = client.ask("phoenix", "access_token", {"token": clinic.patient.again().token})
        assert renewed["status"] == "ok"
        assert 0 < renewed["response"]["expires_in"] <= 3600
        for token in (clinic.doctor.token, "", None, 7):
            refused = client.ask("phoenix", "access_token", {"token": token})
            assert refused == {"status": "error", "response": {"reason": "unauthorized"}}
        assert client.ask("phoenix", "heartbeat")["status"] == "ok"


@pytest.mark.parametrize(
    ("text", "code"), [("{", 1007), ("[1,2]", 1007), ('["1","1","a","phx_reply",{}]', 1007), ("x" * 70_000, 1009)]
)
def test_what_is_no_frame_closes_that_socket_only(clinic: Clinic, text: str, code: int) -> None:
    with clinic.client(clinic.patient) as client, clinic.client(clinic.patient) as other:
        client.socket.send(text)
        assert closing(client)[0] == code
        assert other.ask("phoenix", "heartbeat")["status"] == "ok"


def test_bytes_are_no_messages(clinic: Clinic) -> None:
    with clinic.client(clinic.patient) as client:
        client.socket.send(b"\x00\x01")
        assert closing(client)[0] == 1003


def test_who_sends_too_much_is_told_and_then_closed(clinic: Clinic) -> None:
    with clinic.client(clinic.patient) as client:
        for _ in range(1000):
            try:
                client.send("phoenix", "heartbeat")
            except ConnectionClosed:
                break
        heard, code = client.to_the_end()
        assert code == 1008
        assert [frame[4]["response"] for frame in heard].count({"reason": "rate limited"}) > 20


def test_topics_that_nobody_has_are_refused_by_name(clinic: Clinic) -> None:
    with clinic.client(clinic.patient) as client:
        for topic in ("room:1", "consultation", "consultation:", "phoenix"):
            assert client.join(topic) == {"status": "error", "response": {"reason": "unmatched topic"}}
        assert client.ask("consultation:1", "chat_message")["response"] == {"reason": "unmatched topic"}


def test_no_token_reaches_the_log_and_refusals_reach_the_trail(clinic: Clinic) -> None:
    assert refusal(clinic, "not-a-token-that-counts") == 401
    with clinic.client(clinic.patient) as client:
        client.ask("phoenix", "heartbeat")
    log = clinic.log.read_text()
    assert clinic.patient.token not in log
    assert base64.b64encode(clinic.patient.token.encode()).decode().rstrip("=") not in log
    assert "token=" not in log
    assert "not-a-token" not in log
    trail = clinic.admin.ask("GET", "AuditEvent?type=110114&outcome=4&_count=5")
    assert trail["entry"]
