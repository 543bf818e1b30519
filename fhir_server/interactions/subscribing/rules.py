"""What a Subscription may ask for here, said before it is written, element by element.

Only one that asks to be active (`requested`) is judged: what is written as `off` or `error` rests, whatever it says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest
from fhir_server.interactions.subscribing import criteria
from fhir_server.interactions.subscribing.tables import TYPE
from profiles.definitions import is_resource_type
from profiles.issues import Issue
from realtime.subscriptions import subscription as asking
from realtime.subscriptions.subscription import JSON_TYPES, XML_TYPES, Subscription, header, media_type
from realtime.subscriptions.topic import Topic

if TYPE_CHECKING:
    from fhir_server.interactions.call import Services

REQUESTED, ACTIVE, ERROR, OFF = "requested", "active", "error", "off"
OWN_HEADERS = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect")
)
"""Names of headers that are the server's to set."""


def _anywhere(url: str) -> str | None:
    return None if url.startswith("https://") else "The address must be https."


@dataclass(frozen=True, slots=True)
class Rules:
    """What this installation offers to subscriptions.

    `channels` are the types of channels there are, `topics` the topics by canonical; `refused` says why an endpoint may
    not be asked, None when it may. `most` is how many subscriptions one owner may have.
    """

    channels: Collection[str] = ("rest-hook",)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    refused: Callable[[str], str | None] = _anywhere
    most: int = 100


def faults(services: Services, resource: Mapping[str, Any]) -> list[Issue]:
    """Return what keeps a valid resource from being a subscription here; nothing for every other type."""
    if resource.get("resourceType") != TYPE:
        return []
    if resource["status"] == ACTIVE:
        text = "Whether a subscription is active is the server's to say: write the status requested, or off."
        return [_fault("Subscription.status", text)]
    return list(_asked(services, resource)) if resource["status"] == REQUESTED else []


def _asked(services: Services, resource: Mapping[str, Any]) -> Iterator[Issue]:
    rules, found = services.subscribing, asking.read(resource)
    other = asking.of_other_channel(resource)
    if other is not None or found.channel not in rules.channels:
        there = ", ".join(rules.channels) or "none at all"
        text = f"This server has no channel of the type {(other or found.channel)[:40]!r}: it has {there}."
        yield _fault("Subscription.channel.type", text, "not-supported")
    yield from _payload(found)
    yield from _endpoint(rules, found)
    yield from _headers(found)
    if found.topic is None:
        yield from _criteria(services, found)
    else:
        yield from _topic(services, found, resource)


def _criteria(services: Services, found: Subscription) -> Iterator[Issue]:
    type = found.type
    if not is_resource_type(type):
        text = f"{type[:40]!r} is no resource type of R4: the criteria are written as in Observation?code=29463-7."
        yield _fault("Subscription.criteria", text)
        return
    try:
        criteria.read_criteria(services, found.criteria)
    except BadRequest as refusal:
        for each in refusal.issues:
            yield _fault("Subscription.criteria", each.message, each.code)


def _topic(services: Services, found: Subscription, resource: Mapping[str, Any]) -> Iterator[Issue]:
    topic = services.subscribing.topics.get(found.topic or "")
    if topic is None:
        text = "This server has no such topic: [base]/metadata lists those it has, at the resource Subscription."
        yield _fault("Subscription.criteria", text, "not-found")
        return
    if "content" not in _said(resource):
        text = f"A subscription to a topic says how much is told: the extension {asking.CONTENT} at the payload."
        yield _fault("Subscription.channel.payload", text, "required")
    for index, written in enumerate(found.filters):
        place = f"Subscription.criteria.extension[{index}]"
        type, parameters = _split(written)
        if type not in topic.types:
            yield _fault(place, f"The topic is about {', '.join(topic.types)}: begin the filter with one, and a ?.")
            continue
        allowed = topic.filters.get(type, frozenset())
        for name, _ in parameters:
            if name.partition(":")[0] not in allowed:
                there = ", ".join(sorted(allowed)) or "nothing"
                yield _fault(place, f"This topic cannot be filtered by {name[:40]!r}, but by {there}.", "not-supported")
                break
        else:
            try:
                criteria.read_parameters(services, type, parameters)
            except BadRequest as refusal:
                yield from (_fault(place, each.message, each.code) for each in refusal.issues)


def _split(written: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    try:
        return asking.split(written)
    except ValueError:
        return "", ()


def _said(resource: Mapping[str, Any]) -> Collection[str]:
    extensions = resource["channel"].get("_payload", {}).get("extension", ())
    return ["content" for each in extensions if each.get("url") == asking.CONTENT and "valueCode" in each]


def _payload(found: Subscription) -> Iterator[Issue]:
    kind = media_type(found.payload)
    if found.topic is not None and not kind:
        yield _fault("Subscription.channel.payload", "A subscription to a topic has a payload: application/fhir+json.")
    elif kind and found.channel == "email" and kind != "text/plain":
        yield _fault("Subscription.channel.payload", "Letters are text/plain, and say nothing of any resource.")
    elif kind and found.channel != "email" and kind not in JSON_TYPES | XML_TYPES:
        text = "The payload is application/fhir+json or application/fhir+xml; without one nothing is sent but that "
        yield _fault("Subscription.channel.payload", f"{text}something has happened.", "not-supported")
    if found.channel == "email" and found.content != "empty":
        yield _fault("Subscription.channel.payload", "A letter says nothing of any resource: its content is empty.")


def _endpoint(rules: Rules, found: Subscription) -> Iterator[Issue]:
    if found.channel == "rest-hook":
        why = rules.refused(found.endpoint) if found.endpoint else "A rest-hook has an endpoint."
        if why is not None:
            yield _fault("Subscription.channel.endpoint", why)
    if found.channel == "email" and "@" not in asking.address(found.endpoint):
        yield _fault("Subscription.channel.endpoint", "A letter goes to an address: mailto:somebody@example.org.")


def _headers(found: Subscription) -> Iterator[Issue]:
    for index, line in enumerate(found.headers):
        read = header(line)
        if read is None or read[0].lower() in OWN_HEADERS:
            text = "A header is written as Name: value, in ASCII, and is none of those that the server sets itself."
            yield _fault(f"Subscription.channel.header[{index}]", text)


def _fault(expression: str, message: str, code: str = "value") -> Issue:
    return Issue("error", code, message, expression)
