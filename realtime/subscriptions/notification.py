"""What is told: the notification Bundle of a topic and the status in it, as Subscriptions R5 Backport 1.1.0 has them.

See http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html. In R4 the status is a Parameters resource
(`backport-subscription-status-r4`), the Bundle is a `history` whose first entry it is. Numbers are strings there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from realtime.subscriptions.subscription import GUIDE, Content

Json = dict[str, Any]
Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]

STATUS_PROFILE = f"{GUIDE}/StructureDefinition/backport-subscription-status-r4"
BUNDLE_PROFILE = f"{GUIDE}/StructureDefinition/backport-subscription-notification-r4"


@dataclass(frozen=True, slots=True)
class Told:
    """A resource that an event shows: where it is (`Encounter/1`), and itself where it goes out in full."""

    reference: str
    resource: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its number, when it was (an instant), how (`POST`, `PUT`, `DELETE`), and what it is about.

    `focus` is None for one whose resource the owner may not see (any more): nothing but its number goes out.
    """

    number: int
    timestamp: str
    method: str
    focus: Told | None = None
    context: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What a notification says of its subscription: `reference` (`Subscription/1`), status, number of events so far.

    `errors` are sentences.
    """

    reference: str
    topic: str | None
    status: str
    events: int
    errors: Sequence[str] = ()


def status(state: State, kind: Kind, events: Sequence[Event] = (), *, content: Content = "empty", base: str) -> Json:
    """Return the status: Parameters of `backport-subscription-status-r4`, with `events` as `content` lets them.

    `base` is the server's FHIR base URL: what is told has absolute addresses, because it is read elsewhere.
    """
    whose = {"reference": f"{base}/{state.reference}"}
    parameters: list[Json] = [{"name": "subscription", "valueReference": whose}]
    if state.topic is not None and content != "empty":
        parameters.append({"name": "topic", "valueCanonical": state.topic})
    parameters += [
        {"name": "status", "valueCode": state.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(state.events)},
    ]
    parameters += [{"name": "notification-event", "part": _parts(each, content, base)} for each in events]
    parameters += [{"name": "error", "valueCodeableConcept": {"text": each}} for each in state.errors]
    return {"resourceType": "Parameters", "meta": {"profile": [STATUS_PROFILE]}, "parameter": parameters}


def bundle(
    state: State,
    kind: Kind,
    events: Sequence[Event] = (),
    *,
    content: Content = "empty",
    id: str,
    at: str,
    base: str,
) -> Json:
    """Return a notification. `id` is a new UUID, that of its status entry; `at` the instant it is made.

    `base` is as in `status`.
    """
    shown = status(state, kind, events, content=content, base=base)
    entries: list[Json] = [
        {
            "fullUrl": f"urn:uuid:{id}",
            "resource": {"resourceType": "Parameters", "id": id} | shown,
            "request": {"method": "GET", "url": f"{base}/{state.reference}/$status"},
            "response": {"status": "200"},
        }
    ]
    if content == "full-resource":
        entries += _entries(events, base)
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [BUNDLE_PROFILE]},
        "type": "history",
        "timestamp": at,
        "entry": entries,
    }


def _entries(events: Sequence[Event], base: str) -> list[Json]:
    found: dict[tuple[str, str], Json] = {}
    for event in events:
        for index, told in enumerate((event.focus, *event.context)):
            if told is None:
                continue
            method = event.method if index == 0 else "GET"
            entry: Json = {"fullUrl": f"{base}/{told.reference}"}
            if told.resource is not None:
                entry["resource"] = told.resource
            url = told.reference.partition("/")[0] if method == "POST" else told.reference
            entry["request"] = {"method": method, "url": url}
            entry["response"] = {"status": {"POST": "201", "DELETE": "204"}.get(method, "200")}
            version = "" if told.resource is None else str(told.resource.get("meta", {}).get("versionId", ""))
            found.setdefault((told.reference, version), entry)
    return list(found.values())


def _parts(event: Event, content: Content, base: str) -> list[Json]:
    parts: list[Json] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": event.timestamp},
    ]
    if content == "empty" or event.focus is None:
        return parts
    for index, told in enumerate((event.focus, *event.context)):
        name = "additional-context" if index else "focus"
        parts.append({"name": name, "valueReference": {"reference": f"{base}/{told.reference}"}})
    return parts
