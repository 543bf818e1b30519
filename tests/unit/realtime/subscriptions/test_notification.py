"""Notifications: the shape that Subscriptions R5 Backport 1.1.0 demands, and R4's rules of a history Bundle."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.subscriptions.notification import Event, State, Told, bundle, status

BASE = "https://fhir.example.org/fhir"
AT = "2024-05-01T10:00:00.000Z"
STATE = State("Subscription/s", "http://example.org/topic", "active", 7)
ENCOUNTER = {"resourceType": "Encounter", "id": "e", "meta": {"versionId": "2"}, "status": "finished"}
PATIENT = {"resourceType": "Patient", "id": "p"}
SEEN = Event(7, AT, "PUT", Told("Encounter/e", ENCOUNTER), (Told("Patient/p", PATIENT),))
ID = "63c28e8a-f402-43e4-beb2-75b1c0f6833f"


def made(content: Any, *events: Event) -> dict[str, Any]:
    return bundle(STATE, "event-notification", events, content=content, id=ID, at=AT, base=BASE)


def test_the_first_entry_is_the_status_and_says_where_it_can_be_asked_for() -> None:
    found = made("id-only", SEEN)
    assert (found["type"], found["timestamp"]) == ("history", AT)
    (entry,) = found["entry"]
    assert entry["fullUrl"] == f"urn:uuid:{ID}"
    assert (entry["resource"]["resourceType"], entry["resource"]["id"]) == ("Parameters", ID)
    assert entry["request"] == {"method": "GET", "url": f"{BASE}/Subscription/s/$status"}
    assert entry["response"]["status"] == "200"


def test_the_status_has_the_parameters_of_the_profile() -> None:
    rows = status(STATE, "event-notification", [SEEN], content="id-only", base=BASE)["parameter"]
    assert rows == [
        {"name": "subscription", "valueReference": {"reference": f"{BASE}/Subscription/s"}},
        {"name": "topic", "valueCanonical": "http://example.org/topic"},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": "event-notification"},
        {"name": "events-since-subscription-start", "valueString": "7"},
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": "7"},
                {"name": "timestamp", "valueInstant": AT},
                {"name": "focus", "valueReference": {"reference": f"{BASE}/Encounter/e"}},
                {"name": "additional-context", "valueReference": {"reference": f"{BASE}/Patient/p"}},
            ],
        },
    ]


def test_empty_content_tells_neither_the_topic_nor_the_resource() -> None:
    found = made("empty", SEEN)
    (entry,) = found["entry"]
    names = [row["name"] for row in entry["resource"]["parameter"]]
    assert "topic" not in names
    (event,) = (row for row in entry["resource"]["parameter"] if row["name"] == "notification-event")
    assert [part["name"] for part in event["part"]] == ["event-number", "timestamp"]
    assert "Encounter" not in str(found)


def test_full_content_brings_the_resources_as_a_history() -> None:
    _, focus, context = made("full-resource", SEEN)["entry"]
    assert (focus["fullUrl"], focus["resource"]) == (f"{BASE}/Encounter/e", ENCOUNTER)
    assert focus["request"] == {"method": "PUT", "url": "Encounter/e"}
    assert context["request"] == {"method": "GET", "url": "Patient/p"}


@pytest.mark.parametrize(("method", "url"), [("POST", "Encounter"), ("DELETE", "Encounter/e")])
def test_how_it_came_about_is_said_as_a_request(method: str, url: str) -> None:
    focus = Told("Encounter/e", None if method == "DELETE" else ENCOUNTER)
    _, entry = made("full-resource", Event(7, AT, method, focus))["entry"]
    assert entry["request"] == {"method": method, "url": url}
    assert ("resource" in entry) is (method != "DELETE")


def test_a_resource_that_several_events_tell_of_comes_once_a_version() -> None:
    newer = Told("Encounter/e", ENCOUNTER | {"meta": {"versionId": "3"}})
    found = made("full-resource", SEEN, Event(8, AT, "PUT", newer, (Told("Patient/p", PATIENT),)))
    assert [entry["fullUrl"].rpartition("/fhir/")[2] for entry in found["entry"][1:]] == [
        "Encounter/e",
        "Patient/p",
        "Encounter/e",
    ]


def test_of_what_may_not_be_seen_the_number_is_told_alone() -> None:
    (entry,) = made("full-resource", Event(8, AT, "PUT"))["entry"]
    (event,) = (row for row in entry["resource"]["parameter"] if row["name"] == "notification-event")
    assert [part["name"] for part in event["part"]] == ["event-number", "timestamp"]


def test_errors_are_said_as_text() -> None:
    rows = status(State("Subscription/s", None, "error", 0, ("It broke.",)), "query-status", base=BASE)["parameter"]
    assert rows[-1] == {"name": "error", "valueCodeableConcept": {"text": "It broke."}}
