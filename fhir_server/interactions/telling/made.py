"""The notification of a topic in the making: event by event, of what somebody may read at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from fhir_server.interactions.audit import patients_of
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.criteria import candidate
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.interactions.subscribing.tables import Kept
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant
from fhir_server.store.base import Key, Version
from realtime.subscriptions.notification import Event, Kind, Told, bundle
from realtime.subscriptions.subscription import Content

ROOM = 1024 * 1024
"""Bytes of resources after which a notification takes no further event."""
INCLUDED = 20
"""Most resources that an event tells of besides its own."""


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
        return bundle(self._entry.state, kind, self._events, content=self._content, id=str(uuid4()), at=at, base=base)

    @property
    def patients(self) -> Sequence[str]:
        """Whose data is in it."""
        return tuple(self._patients)

    @property
    def shown(self) -> Sequence[str]:
        """The versions that are told of by name or in full."""
        return tuple(self._shown)

    @property
    def last(self) -> int:
        """The number of the last event in it, 0 without one."""
        return self._events[-1].number if self._events else 0

    async def _told(self, version: Version) -> Told:
        key = version.key
        reference = f"{key.type}/{key.id}"
        if self._content == "empty":
            return Told(reference)
        self._shown.append(f"{reference}/_history/{version.number}")
        self._patients.update(dict.fromkeys(patients_of(version)))
        if self._content == "id-only" or version.deleted:
            return Told(reference)
        self.size += len(version.body)
        return Told(reference, parse(version.body))

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
