"""The examples of docs/subscriptions.md, sent as they stand there but for the address of the endpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.subscriptions.conftest import Fhir
from tests.fakes.command import Running
from tests.fakes.listener import Listener
from tests.fakes.subscribing import topical, weight

pytestmark = pytest.mark.usefixtures("alone")
PAGE = Path(__file__).parents[3] / "docs" / "subscriptions.md"
Json = dict[str, Any]


def examples(listener: Listener) -> list[Json]:
    """Return the subscriptions of the page, with the listener in the place of their endpoints."""
    text = PAGE.read_text(encoding="utf-8").replace("https://chart.example.org", listener.endpoint)
    return [each for each in blocks(text) if each.get("resourceType") == "Subscription"]


def blocks(text: str) -> list[Json]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.S)]


def test_the_first_example_gets_what_the_page_says(fhir: Fhir, listener: Listener) -> None:
    asked = examples(listener)[0]
    fhir.subscribe(asked)
    made = fhir.create(weight(value=70))
    (come,) = listener.count(1)
    assert (come.method, come.path) == ("PUT", f"/fhir/Observation/{made}")
    assert come.headers["authorization"] == "Bearer the-secret-of-the-endpoint"


def test_the_example_of_a_topic_is_told_when_the_consultation_ends(fhir: Fhir, listener: Listener) -> None:
    asked = examples(listener)[1]
    fhir.put({"resourceType": "Patient", "id": "1"})
    fhir.subscribe(asked)
    encounter = {"resourceType": "Encounter", "status": "finished", "class": {"code": "VR"}}
    made = fhir.create(encounter | {"subject": {"reference": "Patient/1"}})
    handshake, told = listener.count(2)
    assert {handshake.path, told.path} == {"/notified"}
    assert handshake.status["type"][0]["valueCode"] == "handshake"
    assert told.events == [1]
    assert f"/Encounter/{made}" in told.body.decode()


def test_the_topic_of_ones_own_is_followed(listener: Listener, tmp_path: Path) -> None:
    (own,) = [each for each in blocks(PAGE.read_text("utf-8")) if each.get("resourceType") == "SubscriptionTopic"]
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "weight.json").write_text(json.dumps(own))
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", "memory:"]
    more = {"FHIR_SERVER_SUBSCRIPTION_TOPICS": "topics", "FHIR_SERVER_FETCH_ORIGINS": listener.origin}
    with Running(arguments, tmp_path, **more) as running, httpx.Client(base_url=running.root, timeout=30) as http:
        other = Fhir(http)
        asked = topical("weight", listener.endpoint, "Observation?patient=Patient/1") | {"criteria": own["url"]}
        other.put({"resourceType": "Patient", "id": "1"})
        other.subscribe(asked)
        other.create(weight("1", status="preliminary"))
        other.create(weight())
        made = other.create(weight("1"))
        told = listener.count(2)[1]
    assert told.events == [1]
    assert made in told.body.decode()
