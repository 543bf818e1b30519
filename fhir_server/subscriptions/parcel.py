"""What goes out, made at the moment it goes out, of what the owner may see at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fhir_server.interactions.audit import patients_of
from fhir_server.interactions.binary import whole
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.criteria import candidate
from fhir_server.interactions.subscribing.tables import TYPE, Kept
from fhir_server.model.fhir_json import encode, parse
from fhir_server.model.resource import instant
from fhir_server.store.base import Key, Version
from fhir_server.subscriptions.roster import Entry
from fhir_server.subscriptions.viewing import Viewer
from realtime.subscriptions.notification import Event, Kind, State, Told, bundle
from realtime.subscriptions.subscription import Content, media_type

ROOM = 1024 * 1024
"""Bytes of resources after which a notification takes no further event."""
INCLUDED = 20
"""Most resources that an event tells of besides its own."""


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
    body = await whole(await viewer.call(entry.owner, event.key.type), version)
    path = f"{event.key.type}/{event.key.id}"
    shown = (f"{path}/_history/{event.version}",)
    made, media = _encoded(body, entry)
    return Parcel("PUT", path, made, media, event.number, shown, patients_of(version))


async def of_topic(services: Services, entry: Entry, events: Sequence[Kept], viewer: Viewer) -> Parcel:
    """Return the notification of a topic with as many of the events as it has room for. Raises OwnerGone."""
    made = Made(services, entry, viewer, entry.asked.content)
    for event in events:
        await made.add(event)
        if made.size > ROOM:
            break
    return made.parcel("event-notification")


def of_status(services: Services, entry: Entry, kind: Kind) -> Parcel:
    """Return a handshake or a heartbeat."""
    at, content = instant(services.now()), entry.asked.content
    made = bundle(state_of(entry), kind, content=content, id=str(uuid4()), at=at, base=services.base)
    body, media = _encoded(made, entry)
    return Parcel("POST", "", body, media, 0)


class Made:
    """The notification of a topic in the making."""

    def __init__(self, services: Services, entry: Entry, viewer: Viewer, content: Content) -> None:
        self._services = services
        self._entry = entry
        self._viewer = viewer
        self._content: Content = content
        self._events: list[Event] = []
        self._shown: list[str] = []
        self._patients: dict[str, None] = {}
        self.size = 0

    async def add(self, event: Kept) -> None:
        """Take an event; of one whose resource the owner may not see, the number alone. Raises OwnerGone."""
        version = await self._viewer.version(self._entry.owner, event)
        when = instant(event.time)
        if version is None:
            self._events.append(Event(event.number, when, event.method))
            return
        focus, context = await self._told(version), await self._context(version)
        self._events.append(Event(event.number, when, event.method, focus, context))

    def bundle(self, kind: Kind) -> dict[str, Any]:
        """Return the Bundle so far."""
        at, base = instant(self._services.now()), self._services.base
        return bundle(
            state_of(self._entry), kind, self._events, content=self._content, id=str(uuid4()), at=at, base=base
        )

    @property
    def patients(self) -> Sequence[str]:
        """Whose data is in it."""
        return tuple(self._patients)

    @property
    def shown(self) -> Sequence[str]:
        """The versions that are told of by name or in full."""
        return tuple(self._shown)

    def parcel(self, kind: Kind) -> Parcel:
        """Return what is to be sent."""
        body, media = _encoded(self.bundle(kind), self._entry)
        return Parcel("POST", "", body, media, self._events[-1].number, self.shown, self.patients)

    async def _told(self, version: Version) -> Told:
        key = version.key
        reference = f"{key.type}/{key.id}"
        if self._content == "empty":
            return Told(reference)
        self._shown.append(f"{reference}/_history/{version.number}")
        self._patients.update(dict.fromkeys(patients_of(version)))
        if self._content == "id-only" or version.deleted:
            return Told(reference)
        body = await whole(await self._viewer.call(self._entry.owner, key.type), version)
        self.size += len(body)
        return Told(reference, parse(body))

    async def _context(self, version: Version) -> Sequence[Told]:
        """Return what the topic tells besides, as far as the owner may see it."""
        topic = self._services.subscribing.topics.get(self._entry.asked.topic or "")
        parameters = () if topic is None else topic.includes.get(version.key.type, ())
        found = (self._services.registry.get(version.key.type, each) for each in parameters)
        names = {answer.name for parameter in found if parameter is not None for answer in parameter.answers}
        if not names or self._content == "empty" or version.deleted:
            return ()
        entries = candidate(self._services, version, parse(version.body)).entries
        references = () if entries is None else entries.references
        keys = dict.fromkeys(Key(type, id) for name, type, id, _, _ in references if name in names)
        seen = [await self._viewer.current(self._entry.owner, key) for key in tuple(keys)[:INCLUDED]]
        return [await self._told(each) for each in seen if each is not None]


def state_of(entry: Entry) -> State:
    """Return what a notification says of its subscription."""
    errors = (entry.progress.error,) if entry.progress.error else ()
    return State(f"{TYPE}/{entry.id}", entry.asked.topic, entry.status, entry.progress.events, errors)


def _encoded(made: bytes | Mapping[str, Any], entry: Entry) -> tuple[bytes, str]:
    """Return a resource as bytes of the media type that was asked for, and that type."""
    if entry.asked.is_xml:
        # Loaded where somebody asks for XML.
        from fhir_server.model.fhir_xml import encode_xml

        return encode_xml(parse(made) if isinstance(made, bytes) else made), "application/fhir+xml"
    media = media_type(entry.asked.payload) or "application/fhir+json"
    return made if isinstance(made, bytes) else encode(made), media
