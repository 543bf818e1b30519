"""What goes out conforms to the R4 profiles of Subscriptions R5 Backport 1.1.0, and what comes in is judged by them."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.validation.validator import Validator
from realtime.subscriptions.notification import Event, State, Told, bundle, status
from tests.fakes.backport import NOTIFICATION, STATUS, SUBSCRIPTION, guide_judge
from tests.fakes.subscribing import GUIDE, topical

BASE = "https://fhir.example.org/fhir"
AT = "2024-05-01T10:00:00.000Z"
ID = "63c28e8a-f402-43e4-beb2-75b1c0f6833f"
ENCOUNTER = {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "VR"}}
PATIENT = {"resourceType": "Patient", "id": "p"}
EVENT = Event(2, AT, "PUT", Told("Encounter/e", ENCOUNTER), (Told("Patient/p", PATIENT),))
JUDGE = guide_judge()
Json = dict[str, Any]


def errors(resource: Json, profile: str) -> list[str]:
    """Return what R4 and a profile find wrong."""
    found = [*Validator().validate(resource), *JUDGE(resource, [profile], False)]
    return [f"{each.expression}: {each.message}" for each in found if each.is_error]


def told(kind: Any, content: Any, *events: Event, errors: tuple[str, ...] = ()) -> Json:
    state = State("Subscription/s", "http://example.org/topic", "active", 2, errors)
    return bundle(state, kind, events, content=content, id=ID, at=AT, base=BASE)


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
@pytest.mark.parametrize(
    ("kind", "events"),
    [
        ("handshake", ()),
        ("heartbeat", ()),
        ("event-notification", (EVENT,)),
        ("event-notification", (Event(1, AT, "POST"), EVENT, Event(3, AT, "DELETE", Told("Encounter/e")))),
        ("query-event", (EVENT,)),
    ],
)
def test_notifications_conform(kind: str, content: str, events: tuple[Event, ...]) -> None:
    made = told(kind, content, *events)
    assert errors(made, NOTIFICATION) == []
    assert errors(made["entry"][0]["resource"], STATUS) == []


def test_a_status_with_errors_conforms() -> None:
    made = status(State("Subscription/s", None, "error", 0, ("It broke.",)), "query-status", base=BASE)
    assert errors(made, STATUS) == []


def test_the_profiles_would_find_what_is_wrong() -> None:
    """Each of the rules bites, so that conforming means something."""
    made = told("event-notification", "full-resource", EVENT)
    assert errors(made | {"type": "collection"}, NOTIFICATION)
    assert errors(made | {"entry": made["entry"][1:]}, NOTIFICATION)
    parameters = made["entry"][0]["resource"]["parameter"]

    def changed(name: str, **value: Any) -> Json:
        rows = [each if each["name"] != name else {"name": name, **value} for each in parameters]
        return {"resourceType": "Parameters", "parameter": rows}

    assert errors(changed("status", valueCode="asleep"), STATUS)
    assert errors(changed("type", valueCode="chat"), STATUS)
    assert errors(changed("events-since-subscription-start", valueInteger=2), STATUS)
    assert errors(changed("subscription", valueString="s"), STATUS)
    assert errors(changed("notification-event", part=[{"name": "timestamp", "valueInstant": AT}]), STATUS)


def test_subscriptions_of_our_tests_are_those_of_the_guide() -> None:
    filters = ["Encounter?patient=Patient/1"]
    asked = topical("encounter-finished", "https://x.example", *filters, heartbeat_period=60, timeout=5, max_count=20)
    assert errors(asked, SUBSCRIPTION) == []
    del asked["channel"]["_payload"]
    assert errors(asked, SUBSCRIPTION)
    extension = [{"url": f"{GUIDE}/backport-payload-content", "valueCode": "all"}]
    asked["channel"]["_payload"] = {"extension": extension}
    assert errors(asked, SUBSCRIPTION)
