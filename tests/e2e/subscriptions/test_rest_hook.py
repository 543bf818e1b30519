"""R4's own subscriptions by rest-hook (http://hl7.org/fhir/R4/subscription.html), at a real listener."""

from __future__ import annotations

import gzip
import threading

import pytest
from lxml import etree

from tests.e2e.subscriptions.conftest import Fhir
from tests.fakes.listener import Listener, Received, Reply
from tests.fakes.subscribing import WEIGHTS, subscription, weight

pytestmark = pytest.mark.usefixtures("alone")
HOOK = {"type": "rest-hook", "endpoint": "https://x.example"}


def test_with_a_payload_the_resource_is_put_below_the_endpoint(fhir: Fhir, listener: Listener) -> None:
    header = ["Authorization: Bearer secret-token", "X-Ours: 1"]
    fhir.subscribe(subscription(WEIGHTS, f"{listener.endpoint}/in/", channel={"header": header}))
    fhir.create({"resourceType": "Observation", "status": "final", "code": {"text": "another"}})
    id = fhir.create(weight(value=77.1))
    (come,) = listener.count(1)
    assert (come.method, come.path) == ("PUT", f"/in/Observation/{id}")
    assert come.json == fhir.read(f"Observation/{id}")
    assert come.headers["content-type"].startswith("application/fhir+json")
    assert (come.headers["authorization"], come.headers["x-ours"]) == ("Bearer secret-token", "1")


def test_each_version_that_meets_the_criteria_comes_in_order(fhir: Fhir, listener: Listener) -> None:
    fhir.subscribe(subscription("Observation?code=29463-7&status=final", listener.endpoint))
    id = fhir.create(weight(value=1))
    fhir.put(weight(value=2, id=id))
    fhir.put(weight(value=3, id=id, status="entered-in-error"))
    fhir.put(weight(value=4, id=id))
    fhir.ask("DELETE", f"Observation/{id}")
    last = fhir.create(weight(value=5))
    come = listener.wait(lambda received: any(each.path.endswith(last) for each in received))
    assert [each.json["valueQuantity"]["value"] for each in come] == [1, 2, 4, 5]


def test_without_a_payload_nothing_is_said(fhir: Fhir, listener: Listener) -> None:
    fhir.subscribe(subscription("Observation", f"{listener.endpoint}/bell", payload=None))
    fhir.create(weight())
    (come,) = listener.count(1)
    assert (come.method, come.path, come.body) == ("POST", "/bell", b"")


def test_the_payload_may_be_xml(fhir: Fhir, listener: Listener) -> None:
    fhir.subscribe(subscription("Patient", listener.endpoint, payload="application/fhir+xml"))
    fhir.create({"resourceType": "Patient", "birthDate": "1970-01-31"})
    (come,) = listener.count(1)
    assert come.headers["content-type"].startswith("application/fhir+xml")
    root = etree.fromstring(come.body)
    assert root.tag == "{http://hl7.org/fhir}Patient"
    assert root.find("{http://hl7.org/fhir}birthDate").get("value") == "1970-01-31"  # type: ignore[union-attr]


def test_a_large_binary_comes_without_its_content(fhir: Fhir, listener: Listener) -> None:
    fhir.subscribe(subscription("Binary", listener.endpoint))
    id = fhir.create({"resourceType": "Binary", "contentType": "text/plain", "data": "aGVs" * 2000})
    (come,) = listener.count(1)
    assert come.path == f"/Binary/{id}"
    assert (come.json["contentType"], "data" in come.json) == ("text/plain", False)


def test_what_is_not_taken_is_sent_again_and_nothing_overtakes_it(fhir: Fhir, listener: Listener) -> None:
    refused = iter([503, 500])
    listener.answer = lambda request: next(refused, 200)
    id = fhir.subscribe(subscription(WEIGHTS, listener.endpoint))
    for value in (1, 2, 3):
        fhir.create(weight(value=value))
    come = listener.count(5)
    assert [each.json["valueQuantity"]["value"] for each in come] == [1, 1, 1, 2, 3]
    assert "error" not in fhir.settled(id, "active")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"thanks")),
        Reply(body=b"x" * 2 * 1024 * 1024),
        Reply(202, headers={"Content-Type": "text/html"}, body=b"<p>thanks"),
    ],
    ids=["compressed", "large", "html"],
)
def test_what_is_taken_is_taken_whatever_the_answer_brings_along(fhir: Fhir, listener: Listener, reply: Reply) -> None:
    listener.answer = lambda request: reply
    id = fhir.subscribe(subscription(WEIGHTS, listener.endpoint))
    for value in (1, 2, 3):
        fhir.create(weight(value=value))
    come = listener.count(3)
    assert [each.json["valueQuantity"]["value"] for each in come] == [1, 2, 3]
    assert "error" not in fhir.settled(id, "active")


def test_after_some_failures_it_is_in_error_and_after_more_it_is_off(fhir: Fhir, listener: Listener) -> None:
    listener.answer = lambda request: 500
    id = fhir.subscribe(subscription(WEIGHTS, f"{listener.endpoint}/secret-path"))
    fhir.create(weight())
    off = fhir.settled(id, "off")
    assert off["error"] == "The endpoint answered with status 500."
    statuses = [each["resource"]["status"] for each in fhir.read(f"Subscription/{id}/_history")["entry"]]
    assert statuses == ["off", "error", "active", "requested"]
    assert len(listener.received) == 4


def test_what_waited_comes_when_it_is_asked_for_anew(fhir: Fhir, listener: Listener) -> None:
    listener.answer = lambda request: 500
    asked = subscription(WEIGHTS, listener.endpoint)
    id = fhir.subscribe(asked)
    waiting = fhir.create(weight())
    fhir.settled(id, "off")
    listener.answer = lambda request: 200
    listener.received.clear()
    fhir.put(asked | {"id": id})
    (come,) = listener.count(1)
    assert come.path == f"/Observation/{waiting}"
    assert "error" not in fhir.settled(id, "active")


def test_one_that_is_off_or_deleted_hears_nothing(fhir: Fhir, listener: Listener) -> None:
    off = fhir.subscribe(subscription(WEIGHTS, f"{listener.endpoint}/off"))
    gone = fhir.subscribe(subscription(WEIGHTS, f"{listener.endpoint}/gone"))
    fhir.subscribe(subscription(WEIGHTS, f"{listener.endpoint}/on"))
    fhir.put(subscription(WEIGHTS, f"{listener.endpoint}/off") | {"id": off, "status": "off"})
    assert fhir.ask("DELETE", f"Subscription/{gone}").status_code == 204
    for _ in range(2):
        fhir.create(weight())
    come = listener.count(2)
    assert {each.path.split("/")[1] for each in come} == {"on"}


def test_its_end_comes(fhir: Fhir, listener: Listener) -> None:
    id = fhir.create(subscription(WEIGHTS, listener.endpoint, end="2021-01-01T00:00:00Z"))
    assert fhir.settled(id, "off")["error"] == "The end of the subscription has come."


def test_large_resources_come_to_all_one_at_a_time_and_small_ones_meanwhile(fhir: Fhir, listener: Listener) -> None:
    held, free = threading.Event(), threading.Event()
    now, most = 0, 0

    def answer(request: Received) -> int:
        nonlocal now, most
        if len(request.body) > 100_000:
            now += 1
            most = max(most, now)
            held.set()
            free.wait(20)
            now -= 1
        return 200

    listener.answer = answer
    for number in range(3):
        fhir.subscribe(subscription(WEIGHTS, f"{listener.endpoint}/{number}"))
    fhir.subscribe(subscription("Patient", f"{listener.endpoint}/small"))
    try:
        id = fhir.create(weight(note=[{"text": "x" * 900_000}]))
        assert held.wait(20)
        other = fhir.create({"resourceType": "Patient"})
        listener.wait(lambda received: f"/small/Patient/{other}" in [each.path for each in received])
        assert len([each for each in listener.received if each.path.endswith(id)]) == 1
    finally:
        free.set()
    come = listener.wait(lambda received: len([each for each in received if each.path.endswith(id)]) == 3)
    assert {each.path for each in come} == {f"/{n}/Observation/{id}" for n in range(3)} | {f"/small/Patient/{other}"}
    assert most == 1


def test_an_end_in_a_leap_second_is_one(fhir: Fhir, listener: Listener) -> None:
    fhir.subscribe(subscription(WEIGHTS, listener.endpoint, end="2090-12-31T23:59:60Z"))
    fhir.create(weight())
    listener.count(1)


def test_a_dead_endpoint_keeps_nobody_waiting(fhir: Fhir, listener: Listener) -> None:
    alive = threading.Event()

    def answer(request: Received) -> int:
        if request.path.startswith("/dead"):
            alive.wait(20)
        return 200

    listener.answer = answer
    for number in range(40):
        fhir.create(subscription(WEIGHTS, f"{listener.endpoint}/dead/{number}"))
    fhir.subscribe(subscription(WEIGHTS, f"{listener.endpoint}/alive"))
    created = [fhir.create(weight()) for _ in range(5)]

    def reached(received: list[Received]) -> bool:
        return [each.path for each in received if "alive" in each.path] == [
            f"/alive/Observation/{id}" for id in created
        ]

    try:
        come = listener.wait(reached)
        assert len([each for each in come if "dead" in each.path]) <= 40
    finally:
        alive.set()


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"criteria": "Observation?patient.name=x"}, "criteria", "invalid"),
        ({"criteria": "Observation?_has:Provenance:target:agent=x"}, "criteria", "invalid"),
        ({"criteria": "Observation?colour=red"}, "criteria", "not-supported"),
        ({"criteria": "Colour?a=b"}, "criteria", "value"),
        ({"criteria": "AuditEvent?action=R"}, "criteria", "not-supported"),
        ({"criteria": "Subscription"}, "criteria", "not-supported"),
        ({"criteria": "http://example.org/no-such-topic"}, "criteria", "not-found"),
        ({"status": "active"}, "status", "value"),
        ({"channel": {"type": "sms", "endpoint": "tel:1"}}, "channel.type", "not-supported"),
        ({"channel": {"type": "rest-hook"}}, "channel.endpoint", "value"),
        ({"channel": HOOK | {"endpoint": "http://127.0.0.1:1/"}}, "channel.endpoint", "value"),
        ({"channel": HOOK | {"endpoint": "https://u:p@x.example"}}, "channel.endpoint", "value"),
        ({"channel": HOOK | {"header": ["Host: y"]}}, "channel.header[0]", "value"),
        ({"channel": HOOK | {"payload": "text/html"}}, "channel.payload", "not-supported"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_not_offered_is_refused_by_name(
    fhir: Fhir, listener: Listener, change: dict[str, object], where: str, code: str
) -> None:
    answer = fhir.ask("POST", "Subscription", subscription(WEIGHTS, listener.endpoint) | change)
    assert answer.status_code == 422
    assert (f"Subscription.{where}", code) in [(each["expression"][0], each["code"]) for each in answer.json()["issue"]]


def test_an_internal_address_is_not_asked_whatever_it_is_called(fhir: Fhir, listener: Listener) -> None:
    """A public name that leads to this machine is found out when it is called, not before."""
    id = fhir.create(subscription(WEIGHTS, "https://localhost/metadata"))
    fhir.settled(id, "active")
    fhir.create(weight())
    off = fhir.settled(id, "off")
    assert off["error"] == "The address is in a network that may not be asked."
