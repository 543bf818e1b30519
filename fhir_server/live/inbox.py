"""Notifications of a person: Communications of the profile `telemed-notification` that they are the recipient of.

What goes out says which one, of what kind, how urgent and when: never its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_server.interactions.access import within
from fhir_server.interactions.call import Resource, Services
from fhir_server.interactions.search import search
from fhir_server.live.visitor import Here, call_of
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import is_id
from fhir_server.store.base import Key
from realtime.ports import Inbox, Note

TYPE = "Communication"
KIND = "urn:fhir-health-server:telemed/CodeSystem/telemed-notification-kind"
MISSED = 100
"""Most of those that were missed which come on joining; who missed more searches for them."""


class Inboxes:
    """The inboxes of a tenant; see `realtime.ports.Inboxes`. All is asked with the member's own rights."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def inbox(self, member: Here, last_seen: str | None) -> Inbox:
        """Return the number of unread ones, and those sent after `last_seen`, oldest first.

        Where that one is gone, nobody knows what came after it: then those that are unread.
        """
        if not member.principal.principal.rights.may("search", TYPE):
            return Inbox(0)
        unread = await self._search(member, ("received:missing", "true"), ("_summary", "count"))
        if last_seen is None:
            return Inbox(unread["total"])
        seen = await self._resource(member, last_seen)
        which = ("received:missing", "true") if seen is None else ("sent", f"ge{seen['sent']}")
        found = await self._search(member, which, ("_sort", "sent"), ("_count", str(MISSED)))
        notes = [note_of(each["resource"]) for each in found.get("entry", ()) if each["search"]["mode"] == "match"]
        return Inbox(unread["total"], tuple(note for note in notes if note.id != last_seen))

    async def show(self, member: Here, id: str) -> Note | None:
        """Return a notification as the member may see it now."""
        resource = await self._resource(member, id)
        return None if resource is None else note_of(resource)

    async def _search(self, member: Here, *more: tuple[str, str]) -> Resource:
        call = call_of(self._services, member, TYPE)
        call.parameters = (("recipient", call.principal.actor), ("category", f"{KIND}|"), *more)
        result = await search(call)
        return result.resource if result.resource is not None else parse(result.body or b"{}")

    async def _resource(self, member: Here, id: str) -> Resource | None:
        call = call_of(self._services, member, TYPE, id)
        if not is_id(id) or not call.principal.rights.may("read", TYPE):
            return None
        version = await self._services.store.read(Key(TYPE, id), restriction=within(call, "read", TYPE))
        if version is None or version.deleted:
            return None
        resource: Resource = parse(version.body)
        return resource if kind_of(resource) is not None and "sent" in resource else None


def kind_of(resource: Mapping[str, Any]) -> str | None:
    """Return the kind of a notification, None for a Communication that is none."""
    codings = (coding for concept in resource.get("category", ()) for coding in concept.get("coding", ()))
    return next((each.get("code") for each in codings if each.get("system") == KIND), None)


def note_of(resource: Mapping[str, Any]) -> Note:
    """Return what is told of a notification."""
    return Note(resource["id"], kind_of(resource) or "", resource.get("priority", "routine"), resource["sent"])
