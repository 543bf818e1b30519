"""What a server says of subscriptions that offers none, and what it answers to one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.realtime.conftest import clinic_in
from tests.e2e.subscriptions.conftest import Fhir
from tests.fakes.command import Running, fhir_server
from tests.fakes.subscribing import WEIGHTS, subscription


def test_without_channels_nothing_is_advertised_or_taken(tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text("subscription_channels = []\n")
    flags = ["serve", "--config", str(file), "--auth", "open", "--port", "0", "--store", f"sqlite:///{tmp_path}/x.db"]
    with Running(flags, tmp_path, log=tmp_path / "log") as running, httpx.Client(base_url=running.root) as http:
        fhir = Fhir(http)
        statement = fhir.read("metadata")
        (rest,) = statement["rest"]
        (resource,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
        assert not {"instantiates", "extension"} & {*statement, *rest, *resource}
        assert "supportedProfile" not in resource
        refused = fhir.ask("POST", "Subscription", subscription(WEIGHTS, "https://chart.example.org/fhir"))
    assert refused.status_code == 422
    assert "it has none at all" in refused.text


def test_where_the_channel_is_not_offered_nobody_is_let_in_to_hear_it(tmp_path: Path) -> None:
    with clinic_in(tmp_path, FHIR_SERVER_SUBSCRIPTION_CHANNELS="rest-hook,email") as clinic:
        address = clinic.root.replace("http", "ws", 1)
        for query in ("", f"?token={clinic.patient.token}"):
            with pytest.raises(InvalidStatus) as refused, connect(f"{address}/socket/subscriptions{query}"):
                pass
            answer = refused.value.response
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
            assert b"does not offer the channel websocket" in answer.body
        with pytest.raises(InvalidStatus) as refused, connect(f"{address}/socket/elsewhere"):
            pass
        assert b"/socket/websocket" in refused.value.response.body
        assert b"subscriptions" not in refused.value.response.body
        with clinic.client(clinic.patient) as room:
            assert room.join(f"notifications:{clinic.patient.id}")["status"] == "ok"


def test_a_topic_of_what_nobody_is_told_of_keeps_the_server_from_starting(tmp_path: Path) -> None:
    url = "https://clinic.example/SubscriptionTopic/trail"
    topic: dict[str, Any] = {"resourceType": "SubscriptionTopic", "url": url, "title": "The trail", "status": "active"}
    topic["resourceTrigger"] = [{"resource": "AuditEvent", "supportedInteraction": ["create"]}]
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "trail.json").write_text(json.dumps(topic))
    flags = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{tmp_path}/x.db"]
    done = fhir_server(*flags, folder=tmp_path, FHIR_SERVER_SUBSCRIPTION_TOPICS="topics")
    assert done.returncode == 2
    assert f"fhir-server: subscription_topics: {url} cannot be followed: Nobody is told of AuditEvent" in done.stderr
