"""Frames that no client sends, over real connections: they end the connection they came on, or are answered.

Nobody else's connection is touched, and the server logs no fault.
"""

from __future__ import annotations

import base64
import json
import os
import random
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.realtime.conftest import Clinic
from tests.fakes.sockets import Client

CODES = {1002, 1003, 1007, 1008, 1009}
"""What a connection may be closed with for a frame of its own (RFC 6455, 7.4.1)."""
TOPIC = "consultation:1"


def binary_push(join_ref: bytes, ref: bytes, topic: bytes, event: bytes, data: bytes) -> bytes:
    """Return a push in the binary form of version 2.0.0, as npm's `phoenix` writes an ArrayBuffer."""
    sizes = bytes((0, len(join_ref), len(ref), len(topic), len(event)))
    return sizes + join_ref + ref + topic + event + data


def deep(depth: int) -> str:
    return '["1","1","consultation:1","x",' + '{"a":' * depth + "1" + "}" * depth + "]"


STRANGE: list[str | bytes] = [
    *("", " ", "null", "[]", "{}", "[1,2,3,4,5]", '"phx_join"', "\0", "[" * 60_000, deep(50), deep(10_000)),
    *(json.dumps([None, None, *rest]) for rest in (("", "", {}), (1, 2, 3), ([], {}, []), (TOPIC, "x" * 300, {}))),
    '["1","1","phoenix","access_token",{"token":{"a":1}}]',
    '["1","1","phoenix","heartbeat",[]]',
    '["1","1","consultation:1","phx_join",{"a":"\\ud800"}]',
    '["1","1","consultation:\\ud800","phx_join",{}]',
    '["1","1","consultation:\\u0000/../1","phx_join",{}]',
    '["1","1","notifications:","phx_join",{"last_seen":' + "9" * 10_000 + "}]",
    '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}',
    "x" * 65_536,
    "x" * 65_537,
    "€" * 60_000,
    b"",
    b"\0\1\2",
    b"\xff" * 1000,
    binary_push(b"1", b"2", b"consultation:1", b"chat_message", b"\0\1\2\3"),
    binary_push(b"1", b"2", b"phoenix", b"heartbeat", b"")[:7],
    os.urandom(5_000),
]


@pytest.mark.parametrize("frame", STRANGE, ids=range(len(STRANGE)))
def test_a_strange_frame_harms_its_own_connection_alone(clinic: Clinic, frame: str | bytes) -> None:
    with clinic.client(clinic.patient) as client, clinic.client(clinic.patient) as other:
        client.socket.send(frame)
        settled(client)
        assert other.ask("phoenix", "heartbeat")["status"] == "ok"
        assert other.heard == []
    assert "Traceback" not in clinic.log.read_text()


def test_frames_at_random(clinic: Clinic) -> None:
    chance = random.Random(7)
    with clinic.client(clinic.doctor) as other:
        for _ in range(150):
            with clinic.client(clinic.patient) as client:
                for _ in range(5):
                    try:
                        client.socket.send(at_random(chance))
                    except ConnectionClosed:
                        break
                settled(client)
        assert other.ask("phoenix", "heartbeat")["status"] == "ok"
    assert "Traceback" not in clinic.log.read_text()


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\xfe\xff\xff",
        b"\x81\x85\0\0\0\0\xff\xfe\xfd\xfc\xfb",
        b"\x81\x05hello",
        b"\xf1\x80\0\0\0\0",
        b"\x83\x80\0\0\0\0",
        b"\x80\x80\0\0\0\0",
        b"\x89\xfe\0\x7e\0\0\0\0" + b"p" * 126,
        b"\x88\x81\0\0\0\0\0",
        b"\x81\xff" + b"\xff" * 8,
        b"\x01\x81\0\0\0\0[" * 3,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=range(11),
)
def test_what_is_no_frame_of_websocket_harms_its_own_connection_alone(clinic: Clinic, data: bytes) -> None:
    with clinic.client(clinic.patient) as other, upgraded(clinic) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
        assert other.ask("phoenix", "heartbeat")["status"] == "ok"
    assert "Traceback" not in clinic.log.read_text()


def settled(client: Client) -> None:
    """Demand that the connection answers, or that it was closed with a code that says whose fault it was."""
    try:
        answer = client.ask("phoenix", "heartbeat")
    except ConnectionClosed as closed:
        code = None if closed.rcvd is None else closed.rcvd.code
    else:
        assert answer["status"] == "ok"
        return
    assert code in CODES


def at_random(chance: random.Random) -> str | bytes:
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    frame = [value(chance), value(chance), chance.choice(("phoenix", TOPIC, value(chance))), value(chance), {}]
    frame[3] = chance.choice(("phx_join", "phx_leave", "admit", "chat_message", "end_call", "access_token", frame[3]))
    frame[4] = {"to": value(chance), "message": value(chance), "offer": value(chance), "token": value(chance)}
    text = json.dumps(frame)
    if kind == 1:
        at = chance.randrange(len(text))
        return text[:at] + chr(chance.randrange(0xD7FF)) + text[at + chance.randrange(3) :]
    return text


def value(chance: random.Random) -> Any:
    return chance.choice((None, True, 0, -1, 10**30, 1.5, "", "1", "é\0", "x" * 500, [], {}, [[[]]], {"a": {"b": [1]}}))


def upgraded(clinic: Clinic) -> socket.socket:
    """Return a connection whose upgrade to WebSocket is done, and which the test writes bytes to."""
    at = urlsplit(clinic.root)
    raw = socket.create_connection((at.hostname, at.port), timeout=10)
    token = base64.b64encode(os.urandom(16)).decode()
    head = f"GET /socket/websocket?vsn=2.0.0&token={clinic.patient.token} HTTP/1.1\r\nHost: {at.netloc}\r\n"
    more = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {token}\r\n"
    raw.sendall(f"{head}{more}\r\n".encode())
    assert raw.recv(4096).startswith(b"HTTP/1.1 101 ")
    return raw
