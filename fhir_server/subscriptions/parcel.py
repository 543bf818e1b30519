"""What goes out, made at the moment it goes out, of what the owner may see at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from fhir_server.interactions.audit import patients_of
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.interactions.subscribing.tables import Kept
from fhir_server.interactions.telling.made import ROOM, Made
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.model.fhir_json import encode, parse
from fhir_server.model.resource import instant
from realtime.subscriptions.notification import Kind, bundle
from realtime.subscriptions.subscription import media_type

TOGETHER = 0.02
"""Seconds within which parcels that are taken are acknowledged by one commit, which takes a good part of that."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent: by `method` to `path` below the endpoint ("" for the endpoint itself).

    `upto` is the number of the last event in it, `shown` are the versions whose content it holds, `patients` those
    whose data that is.
    """

    method: str
    path: str
    body: bytes
    media: str
    upto: int
    shown: Sequence[str] = ()
    patients: Sequence[str] = ()

    def emptied(self) -> Parcel:
        """Return what is left to be noted once it is sent."""
        return replace(self, body=b"")


async def of_event(services: Services, entry: Entry, event: Kept, viewer: Viewer) -> Parcel | None:
    """Return what R4's own subscriptions send of one event, None when the owner may not see it. Raises OwnerGone.

    With a payload the endpoint is the base of a service where the resource is put, without one it hears that something
    has happened (http://hl7.org/fhir/R4/valueset-subscription-channel-type.html).
    """
    version = await viewer.version(entry.owner, event)
    if version is None or version.deleted:
        return None
    if not entry.asked.payload:
        return Parcel("POST", "", b"", "", event.number)
    path = f"{event.key.type}/{event.key.id}"
    shown = (f"{path}/_history/{event.version}",)
    # Of a Binary without the content that is kept beside it, which may be too large to be held.
    made, media = _encoded(version.body, entry)
    return Parcel("PUT", path, made, media, event.number, shown, patients_of(version))


async def of_topic(services: Services, entry: Entry, events: Sequence[Kept], viewer: Viewer) -> Parcel:
    """Return the notification of a topic with as many of the events as it has room for. Raises OwnerGone."""
    made = Made(services, entry, viewer, entry.asked.content)
    for event in events:
        await made.add(event)
        if made.size > ROOM:
            break
    body, media = _encoded(made.bundle("event-notification"), entry)
    return Parcel("POST", "", body, media, made.last, made.shown, made.patients)


def of_status(services: Services, entry: Entry, kind: Kind) -> Parcel:
    """Return a handshake or a heartbeat."""
    at, content = instant(services.now()), entry.asked.content
    made = bundle(entry.state, kind, content=content, id=str(uuid4()), at=at, base=services.base)
    body, media = _encoded(made, entry)
    return Parcel("POST", "", body, media, 0)


def _encoded(made: bytes | Mapping[str, Any], entry: Entry) -> tuple[bytes, str]:
    """Return a resource as bytes of the media type that was asked for, and that type."""
    if entry.asked.is_xml:
        # Loaded where somebody asks for XML.
        from fhir_server.model.fhir_xml import encode_xml

        return encode_xml(parse(made) if isinstance(made, bytes) else made), "application/fhir+xml"
    media = media_type(entry.asked.payload) or "application/fhir+json"
    return made if isinstance(made, bytes) else encode(made), media
