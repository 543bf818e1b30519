"""Two server processes and a real Redis between them: rooms span them, a kill leaves no ghosts, an outage heals.

SQLite has one writer, so each server has a copy of one store, with the same people, keys and appointments.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.benchmarks.processes import free_port
from tests.e2e.realtime.conftest import ADMIN, Clinic
from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.node import run_script
from tests.fakes.redis_server import RedisServer, redis_server
from tests.fakes.sockets import Client

pytestmark = pytest.mark.external


class Pair:
    """The servers `here` and `there`, the people of both, and appointments that were booked before."""

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        self.folder, self.redis = folder, redis
        self.ports = {"here": free_port(), "there": free_port()}
        self.root = f"http://127.0.0.1:{self.ports['here']}"
        (folder / "here").mkdir()
        added = ("user", "add", ADMIN, "--role", "admin", "--store", self._store("here"))
        assert fhir_server(*added, folder=folder, FHIR_USER_PASSWORD=PASSWORD).returncode == 0
        self.running = {"here": self._run("here")}
        with httpx.Client(base_url=self.root, timeout=30) as http:
            clinic = Clinic(self.running["here"], http, folder / "here.log")
            self.doctor, self.patient = clinic.doctor, clinic.patient
            self.stranger = clinic.register("patient")
            self.appointments = [clinic.book() for _ in range(4)]
        self.running["here"].stop()
        shutil.copytree(folder / "here", folder / "there")
        for name in self.ports:
            self.begin(name)

    def _store(self, name: str) -> str:
        return f"sqlite:///{self.folder}/{name}/fhir.db"

    def _run(self, name: str) -> Running:
        more = {"FHIR_SERVER_RATE_FACTOR": "1000", "FHIR_SERVER_PUBLIC_URL": self.root}
        more["FHIR_SERVER_DOUBLE_BOOKING"] = "allow"
        flags = ["serve", "--port", str(self.ports[name]), "--store", self._store(name)]
        bus = {"FHIR_SERVER_BUS": self.redis.address}
        return Running(flags, self.folder, log=self.folder / f"{name}.log", **more, **bus)

    def begin(self, name: str) -> None:
        self.running[name] = self._run(name)

    def client(self, name: str, token: str) -> Client:
        return Client(f"http://127.0.0.1:{self.ports[name]}", token)

    def both(self) -> tuple[Client, Client]:
        return self.client("here", self.doctor.token), self.client("there", self.patient.token)

    def meet(self, ours: Client, theirs: Client, topic: str) -> None:
        """Bring both into a room, and let both know it."""
        assert ours.join(topic)["status"] == "ok"
        if theirs.join(topic)["response"]["waiting"]:
            assert ours.hear("user_waiting") == {"user_id": self.patient.id, "role": "patient"}
            assert ours.ask(topic, "admit", {"user_id": self.patient.id})["status"] == "ok"
            assert theirs.hear("admitted") == {"user_id": self.patient.id}
        assert set(theirs.hear("presence_state")) == {self.doctor.id, self.patient.id}
        assert ours.hear("user_joined") == {"user_id": self.patient.id, "role": "patient"}
        assert set(ours.hear("presence_diff")["joins"]) == {self.patient.id}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = Path(tmp_path_factory.mktemp("pair"))
    (folder / "redis").mkdir()
    with redis_server(folder / "redis") as redis:
        found = Pair(folder, redis)
        yield found
        for each in found.running.values():
            each.stop()
        for name in found.ports:
            log = (folder / f"{name}.log").read_text()
            assert "Traceback" not in log
            assert "lantern" not in log, "the password of Redis is nobody's to read"


def said(client: Client, topic: str, text: str) -> dict[str, Any]:
    return client.ask(topic, "chat_message", {"message": text})


def test_a_room_spans_servers(pair: Pair) -> None:
    topic = f"consultation:{pair.appointments[0]}"
    doctor, patient = pair.doctor.id, pair.patient.id
    ours, theirs = pair.both()
    with ours, theirs:
        pair.meet(ours, theirs, topic)
        assert ours.ask(topic, "webrtc_offer", {"offer": {"sdp": "é"}, "to": patient})["status"] == "ok"
        assert theirs.hear("webrtc_offer") == {"offer": {"sdp": "é"}, "to": patient, "from": doctor}
        assert theirs.ask(topic, "webrtc_answer", {"answer": {"sdp": "v=0"}})["status"] == "ok"
        assert ours.hear("webrtc_answer") == {"answer": {"sdp": "v=0"}, "to": doctor, "from": patient}
        for number in range(40):
            said(theirs, topic, str(number))
        assert [ours.hear("chat_message")["message"] for _ in range(40)] == [str(number) for number in range(40)]
        assert theirs.ask(topic, "media_toggle", {"video": False})["status"] == "ok"
        assert ours.hear("media_state") == {"user_id": patient, "audio": True, "video": False}
        assert theirs.silent("webrtc_answer")
        assert ours.ask(topic, "end_call")["status"] == "ok"
        assert theirs.hear("call_ended") == {"user_id": doctor, "role": "doctor"}
        assert theirs.ask(topic, "phx_leave")["status"] == "ok"
        assert ours.hear("user_left")["user_id"] == patient
        assert set(ours.hear("presence_diff")["leaves"]) == {patient}


def test_the_client_of_phoenix_across_servers(pair: Pair) -> None:
    who = {"doctor": pair.doctor.token, "patient": pair.patient.token, "stranger": pair.stranger.token}
    ids = {"appointment": pair.appointments[1], "doctorId": pair.doctor.id, "patientId": pair.patient.id}
    there = f"http://127.0.0.1:{pair.ports['there']}"
    seen = run_script("phoenix.mjs", {"root": pair.root, "patientRoot": there, **who, **ids})
    both = sorted((pair.doctor.id, pair.patient.id))
    assert (seen["present"], seen["again"], seen["alone"]) == (both, both, [pair.doctor.id])
    assert (seen["offer"]["from"], seen["answer"]["from"]) == (pair.doctor.id, pair.patient.id)
    assert (seen["chat"]["message"], seen["ended"]["user_id"]) == ("Bonjour", pair.doctor.id)
    assert seen["media"] == {"user_id": pair.doctor.id, "audio": False, "video": True}


def test_a_server_that_is_killed_leaves_no_ghosts(pair: Pair) -> None:
    topic = f"consultation:{pair.appointments[2]}"
    ours, theirs = pair.both()
    with ours:
        pair.meet(ours, theirs, topic)
        pair.running["there"].stop(signal.SIGKILL)
        assert ours.hear("user_left") == {"user_id": pair.patient.id, "role": "patient"}
        assert set(ours.hear("presence_diff")["leaves"]) == {pair.patient.id}
        assert ours.ask(topic, "webrtc_offer", {"offer": 1})["response"] == {"reason": "nobody else is here"}
        pair.begin("there")
        with pair.client("there", pair.patient.token) as back:
            assert back.join(topic)["response"]["waiting"] is False, "they were admitted before"
            assert ours.hear("user_joined")["user_id"] == pair.patient.id
            state = back.hear("presence_state")
            assert {user: len(each["metas"]) for user, each in state.items()} == dict.fromkeys(state, 1)
            assert set(state) == {pair.doctor.id, pair.patient.id}


def test_an_outage_of_redis_is_told_and_heals(pair: Pair) -> None:
    topic = f"consultation:{pair.appointments[3]}"
    ours, theirs = pair.both()
    with ours, theirs:
        pair.meet(ours, theirs, topic)
        pair.redis.end()
        answers = [said(ours, topic, f"lost {number}")["response"] for number in range(20)]
        assert {"reason": "unavailable"} in answers, "what cannot be delivered is not said to be"
        assert ours.hear("user_left")["user_id"] == pair.patient.id
        assert theirs.hear("user_left")["user_id"] == pair.doctor.id
        assert said(ours, topic, "alone")["status"] == "ok"
        pair.redis.begin()
        assert ours.hear("user_joined")["user_id"] == pair.patient.id
        assert theirs.hear("user_joined")["user_id"] == pair.doctor.id
        assert said(theirs, topic, "back")["status"] == "ok"
        assert theirs.ask("phoenix", "heartbeat")["status"] == "ok"
        while (heard := ours.hear("chat_message")["message"]) != "back":
            assert heard.startswith(("lost", "alone"))
