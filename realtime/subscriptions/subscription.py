"""A Subscription as a plain value: R4's own (http://hl7.org/fhir/R4/subscription.html), or one to a topic.

One to a topic follows the R4 profile of Subscriptions R5 Backport 1.1.0
(http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html): its criteria are
the canonical of the topic, and extensions say what to filter by and how much a notification holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, unquote

from profiles.datatypes.temporal import date_range

Json = Mapping[str, Any]
Content = Literal["empty", "id-only", "full-resource"]
Channel = Literal["rest-hook", "websocket", "email"]
CONTENTS: tuple[Content, ...] = get_args(Content)
CHANNELS: tuple[Channel, ...] = get_args(Channel)

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport"
PROFILE = f"{GUIDE}/StructureDefinition/backport-subscription"
FILTER = f"{GUIDE}/StructureDefinition/backport-filter-criteria"
CONTENT = f"{GUIDE}/StructureDefinition/backport-payload-content"
HEARTBEAT = f"{GUIDE}/StructureDefinition/backport-heartbeat-period"
TIMEOUT = f"{GUIDE}/StructureDefinition/backport-timeout"
MAX_COUNT = f"{GUIDE}/StructureDefinition/backport-max-count"
CHANNEL_TYPE = f"{GUIDE}/StructureDefinition/backport-channel-type"

JSON_TYPES = frozenset(("application/fhir+json", "application/json"))
XML_TYPES = frozenset(("application/fhir+xml", "application/xml"))

_CRITERIA = re.compile(r"[A-Z][A-Za-z]+(\?.*)?")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a Subscription asks for.

    `criteria` are as they were written; `topic` is their canonical without version where they name one, with the
    `filters` to its events. `payload` is a media type, "" for none. `content` is how much of a resource goes out to one
    with a topic. `end` is in microseconds since 1970, None for never; `heartbeat` and `timeout` are in seconds, 0 for
    none; `most` is the greatest number of events in one notification.
    """

    id: str
    status: str
    criteria: str
    channel: str
    endpoint: str = ""
    headers: tuple[str, ...] = ()
    payload: str = ""
    topic: str | None = None
    filters: tuple[str, ...] = ()
    content: Content = "empty"
    end: int | None = None
    heartbeat: int = 0
    timeout: int = 0
    most: int = 1

    @property
    def type(self) -> str:
        """The resource type that R4 criteria ask about, "" for what has a topic."""
        return "" if self.topic is not None else self.criteria.partition("?")[0]

    @property
    def is_xml(self) -> bool:
        """Whether what goes out is XML rather than JSON."""
        return media_type(self.payload) in XML_TYPES


def read(resource: Json) -> Subscription:
    """Return what a valid Subscription asks for."""
    channel: Json = resource["channel"]
    written = str(resource["criteria"])
    content = _content(channel)
    topical = content is not None or _CRITERIA.fullmatch(written) is None
    return Subscription(
        id=str(resource.get("id", "")),
        status=str(resource["status"]),
        criteria=written,
        channel=str(channel["type"]),
        endpoint=str(channel.get("endpoint", "")),
        headers=tuple(str(each) for each in channel.get("header", ())),
        payload=str(channel.get("payload", "")),
        topic=written.partition("|")[0] if topical else None,
        filters=tuple(_values(resource.get("_criteria"), FILTER)) if topical else (),
        content=content or "empty",
        end=moment(str(resource["end"])) if "end" in resource else None,
        heartbeat=_number(channel, HEARTBEAT) if topical else 0,
        timeout=_number(channel, TIMEOUT) if topical else 0,
        most=max(1, _number(channel, MAX_COUNT)) if topical else 1,
    )


def of_other_channel(resource: Json) -> str | None:
    """Return the code of a channel type that the guide's extension names besides R4's, None without one."""
    for each in _extensions(resource["channel"].get("_type"), CHANNEL_TYPE):
        return str(each.get("valueCoding", {}).get("code", ""))
    return None


def split(criteria: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the type and the parameters (name, value) of search criteria: `Observation?code=a&status=final`.

    Raises ValueError for what cannot be read as such.
    """
    type, mark, query = criteria.partition("?")
    if not mark or not query:
        return type, ()
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    return type, tuple(pairs)


def media_type(written: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return written.partition(";")[0].strip().lower()


def header(line: str) -> tuple[str, str] | None:
    """Return name and value of a header as a Subscription writes it, `Name: value`; None for what is none."""
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not value.isprintable() or not value.isascii():
        return None
    return name, value


_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def address(endpoint: str) -> str:
    """Return the e-mail address of a `mailto:` endpoint, "" for another one."""
    scheme, colon, rest = endpoint.partition(":")
    return unquote(rest.partition("?")[0]) if colon and scheme.lower() == "mailto" else ""


def moment(written: str) -> int:
    """Return a FHIR instant in microseconds since 1970."""
    return date_range(written)[0]


def _content(channel: Json) -> Content | None:
    found = next(iter(_values(channel.get("_payload"), CONTENT)), None)
    return next((each for each in CONTENTS if each == found), None)


def _number(channel: Json, url: str) -> int:
    return next((int(each) for each in _values(channel, url) if str(each).isdigit()), 0)


def _values(element: Json | None, url: str) -> Iterator[Any]:
    for each in _extensions(element, url):
        for name, value in each.items():
            if name.startswith("value"):
                yield value


def _extensions(element: Json | None, url: str) -> Sequence[Json]:
    return [each for each in (element or {}).get("extension", ()) if each.get("url") == url]
