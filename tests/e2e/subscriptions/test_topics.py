"""Subscriptions to topics, as Subscriptions R5 Backport 1.1.0 has them for R4, at a real listener."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.subscriptions.conftest import Fhir
from tests.fakes.backport import NOTIFICATION, STATUS, guide_judge
from tests.fakes.listener import Listener, Received
from tests.fakes.subscribing import GUIDE, TOPIC, topical

Json = dict[str, Any]
JUDGE = guide_judge()
pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture(scope="module", autouse=True)
def people(fhir: Fhir) -> None:
    for id in ("p", "q"):
        fhir.put({"resourceType": "Patient", "id": id})


def encounter(patient: str, status: str = "finished", **more: Any) -> Json:
    made: Json = {"resourceType": "Encounter", "status": status, "class": {"code": "VR"}}
    return made | {"subject": {"reference": f"Patient/{patient}"}} | more


def appointment(patient: str, **more: Any) -> Json:
    taking = [{"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}]
    return {"resourceType": "Appointment", "status": "proposed", "participant": taking} | more


def kinds(received: list[Received]) -> list[str]:
    return [each.status["type"][0]["valueCode"] for each in received]


def events(received: list[Received]) -> list[Received]:
    return [each for each in received if each.status["type"][0]["valueCode"] == "event-notification"]


def wait(listener: Listener, number: int) -> list[Received]:
    """Return the notifications of events once there are so many; each conforms to the guide."""
    found = events(listener.wait(lambda received: len(events(received)) >= number))
    for each in found:
        assert [issue.message for issue in JUDGE(each.json, [NOTIFICATION], False) if issue.is_error] == []
    return found


def parts(request: Received) -> list[Json]:
    """Return the events that a notification tells of, each by the names of its parts."""
    rows = request.status["notification-event"]
    return [
        {part["name"]: next(value for name, value in part.items() if name != "name") for part in row["part"]}
        for row in rows
    ]


def test_the_topics_are_advertised(fhir: Fhir) -> None:
    statement = fhir.read("metadata")
    (resource,) = [each for each in statement["rest"][0]["resource"] if each["type"] == "Subscription"]
    url = f"{GUIDE}/capabilitystatement-subscriptiontopic-canonical"
    assert {(each["url"], each["valueCanonical"]) for each in resource["extension"]} == {
        (url, f"{TOPIC}/{name}") for name in ("appointment", "document", "encounter-finished")
    }
    assert f"{GUIDE}/backport-subscription" in resource["supportedProfile"]
    assert {each["name"] for each in resource["operation"]} >= {"status", "events"}


def test_the_endpoint_shakes_hands_and_is_told_of_events_by_number(fhir: Fhir, listener: Listener) -> None:
    asked = topical("encounter-finished", listener.endpoint, "Encounter?patient=Patient/p", content="full-resource")
    fhir.subscribe(asked)
    (shaken,) = listener.count(1)
    assert (kinds([shaken]), shaken.method) == (["handshake"], "POST")
    assert shaken.status["status"][0]["valueCode"] == "requested"
    assert shaken.status["events-since-subscription-start"][0]["valueString"] == "0"
    fhir.put(encounter("p", "in-progress", id="e"))
    fhir.put(encounter("q", id="other"))
    fhir.put(encounter("p", id="e"))
    fhir.put(encounter("p", id="e", language="fr"))
    fhir.put(encounter("p", id="f"))
    first, second = wait(listener, 2)
    base = fhir.read("metadata")["implementation"]["url"]
    (told,) = parts(first)
    assert (told["event-number"], told["focus"]) == ("1", {"reference": f"{base}/Encounter/e"})
    assert told["additional-context"] == {"reference": f"{base}/Patient/p"}
    assert first.status["topic"][0]["valueCanonical"] == f"{TOPIC}/encounter-finished"
    assert [each["resource"]["resourceType"] for each in first.json["entry"]] == ["Parameters", "Encounter", "Patient"]
    assert first.json["entry"][1]["resource"] == fhir.read("Encounter/e/_history/2")
    assert (second.events, second.status["events-since-subscription-start"][0]["valueString"]) == ([2], "2")


@pytest.mark.parametrize("content", ["empty", "id-only"])
def test_less_is_told_where_less_is_asked_for(fhir: Fhir, listener: Listener, content: str) -> None:
    fhir.subscribe(topical("appointment", listener.endpoint, content=content))
    made = fhir.create(appointment("p"))
    come = wait(listener, 1)
    assert len(come) == 1, [(each.path, each.body) for each in listener.received]
    (come,) = come
    assert len(come.json["entry"]) == 1
    assert (made in come.body.decode()) is (content == "id-only")
    assert ("focus" in parts(come)[0], "topic" in come.status) == (content == "id-only", content == "id-only")


def test_a_deletion_is_an_event_where_the_topic_says_so(fhir: Fhir, listener: Listener) -> None:
    asked = topical("appointment", listener.endpoint, "Appointment?patient=Patient/q", content="full-resource")
    fhir.subscribe(asked)
    fhir.create(appointment("p"))
    gone = fhir.create(appointment("q"))
    fhir.ask("DELETE", f"Appointment/{gone}")
    made, ended = wait(listener, 2)
    assert [each["request"]["method"] for each in made.json["entry"]] == ["GET", "POST"]
    assert ended.json["entry"][1]["request"] == {"method": "DELETE", "url": f"Appointment/{gone}"}
    assert "resource" not in ended.json["entry"][1]


def test_what_waited_comes_together_as_far_as_there_is_room(fhir: Fhir, listener: Listener) -> None:
    refusing = iter([200, 503])
    listener.answer = lambda request: next(refusing, 200)
    fhir.subscribe(topical("appointment", listener.endpoint, max_count=3))
    for _ in range(7):
        fhir.create(appointment("p"))
    come = wait(listener, 2)
    listener.wait(lambda received: events(received)[-1].events[-1:] == [7])
    come = events(listener.received)
    assert max(len(each.events) for each in come) <= 3
    taken = [number for each in come[1:] for number in each.events]
    assert taken == [1, 2, 3, 4, 5, 6, 7]
    assert come[0].events[0] == 1


def test_heartbeats_come_when_nothing_else_does(fhir: Fhir, listener: Listener) -> None:
    fhir.subscribe(topical("appointment", listener.endpoint, heartbeat_period=1))
    come = listener.count(3)
    assert kinds(come)[:3] == ["handshake", "heartbeat", "heartbeat"]
    assert come[1].status["events-since-subscription-start"][0]["valueString"] == "0"


def test_an_endpoint_that_does_not_shake_hands_is_an_error_until_it_does(fhir: Fhir, listener: Listener) -> None:
    refusing = iter([500, 500])
    listener.answer = lambda request: next(refusing, 200)
    id = fhir.create(topical("appointment", listener.endpoint))
    made = fhir.create(appointment("p"))
    fhir.settled(id, "error")
    fhir.settled(id, "active")
    (come,) = wait(listener, 1)
    assert kinds(listener.received)[:3] == ["handshake"] * 3
    assert made in come.body.decode()


def test_status_tells_how_subscriptions_are(fhir: Fhir, listener: Listener) -> None:
    one = fhir.subscribe(topical("appointment", f"{listener.endpoint}/one"))
    two = fhir.create(topical("appointment", f"{listener.endpoint}/two") | {"status": "off"})
    fhir.create(appointment("p"))
    wait(listener, 1)
    for method, body in (("GET", None), ("POST", {"resourceType": "Parameters"})):
        answer = fhir.ask(method, f"Subscription/{one}/$status", body)
        (entry,) = answer.json()["entry"]
        assert answer.json()["type"] == "searchset"
        assert [each.message for each in JUDGE(entry["resource"], [STATUS], False) if each.is_error] == []
        found = {row["name"]: row for row in entry["resource"]["parameter"]}
        assert found["type"]["valueCode"] == "query-status"
        assert (found["status"]["valueCode"], found["events-since-subscription-start"]["valueString"]) == (
            "active",
            "1",
        )

    def told(answer: Json) -> set[str]:
        rows = [row for each in answer.get("entry", []) for row in each["resource"]["parameter"]]
        return {row["valueReference"]["reference"].rpartition("/")[2] for row in rows if row["name"] == "subscription"}

    assert told(fhir.read(f"Subscription/$status?id={one}&id={two}")) == {one, two}
    assert told(fhir.read(f"Subscription/$status?id={one},{two}&status=off")) == {two}
    body = {"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "off"}]}
    posted = told(fhir.ask("POST", "Subscription/$status", body).json())
    assert two in posted
    assert one not in posted
    assert fhir.ask("GET", "Subscription/none/$status").status_code == 404
    assert fhir.ask("GET", "Subscription/$status?colour=red").status_code == 400


def test_events_that_were_told_can_be_asked_for_again(fhir: Fhir, listener: Listener) -> None:
    id = fhir.subscribe(topical("appointment", listener.endpoint, content="empty"))
    made = [fhir.create(appointment("p")) for _ in range(4)]
    listener.wait(lambda received: [n for each in events(received) for n in each.events] == [1, 2, 3, 4])

    def asked(query: str) -> Json:
        found = fhir.read(f"Subscription/{id}/$events{query}")
        assert [each.message for each in JUDGE(found, [NOTIFICATION], False) if each.is_error] == []
        return found

    def numbers(bundle: Json) -> list[str]:
        rows = [row for row in bundle["entry"][0]["resource"]["parameter"] if row["name"] == "notification-event"]
        return [row["part"][0]["valueString"] for row in rows]

    assert numbers(asked("")) == ["1", "2", "3", "4"]
    assert numbers(asked("?eventsSinceNumber=2&eventsUntilNumber=3")) == ["2", "3"]
    assert numbers(asked("?eventsSinceNumber=9")) == []
    assert made[0] not in str(asked(""))
    full = asked("?eventsSinceNumber=4&content=full-resource")
    assert [each["resource"]["id"] for each in full["entry"][1:]] == [made[3]]
    for query in ("?eventsSinceNumber=x", "?content=all", "?since=1"):
        assert fhir.ask("GET", f"Subscription/{id}/$events{query}").status_code == 400
    assert fhir.ask("GET", "Subscription/none/$events").status_code == 404


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        (topical("appointment", "https://x.example", "Appointment?identifier=1"), "criteria.extension[0]"),
        (topical("appointment", "https://x.example", "Patient?name=x"), "criteria.extension[0]"),
        (topical("appointment", "https://x.example", channel={"payload": "text/plain"}), "channel.payload"),
        (topical("no-such-topic", "https://x.example"), "criteria"),
    ],
)
def test_what_a_topic_does_not_offer_is_refused(fhir: Fhir, asked: Json, where: str) -> None:
    answer = fhir.ask("POST", "Subscription", asked)
    assert answer.status_code == 422
    assert f"Subscription.{where}" in [each["expression"][0] for each in answer.json()["issue"]]


def test_sockets_need_accounts_and_are_not_advertised_without(fhir: Fhir) -> None:
    (rest,) = fhir.read("metadata")["rest"]
    (resource,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
    assert "extension" not in rest
    assert "get-ws-binding-token" not in {each["name"] for each in resource["operation"]}
    assert fhir.ask("GET", "Subscription/$get-ws-binding-token").status_code == 501
