"""export-view: what the JSON views hold, as a dump that `import-view` takes.

What was moved in has the id it had, what has come since has the one it has. Each file is written beside its place and
put there when it is whole.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from auth.accounts import every
from fhir_server.accounts import persons
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.manage import asker
from fhir_server.errors import Gone, NotFound
from fhir_server.interactions.call import Resource
from fhir_server.interactions.paging import CURSOR
from fhir_server.interactions.search import search
from fhir_server.model.fhir_json import encode, parse
from fhir_server.moving.arriving import at_house
from fhir_server.moving.dump import ATTACHMENTS, FILES
from fhir_server.moving.records import OWNERS
from fhir_server.moving.users import shown_of
from fhir_server.store.base import Key
from fhir_server.views import consents
from fhir_server.views.acting import Acting
from fhir_server.views.find import resources
from fhir_server.views.former import former_id, moved
from fhir_server.views.medical_records import file_of
from mappings.views import appointment, consent, medical_record, notification
from mappings.views.former import former_of, former_value
from mappings.views.gather import gather
from mappings.views.me import me
from mappings.views.searching import search as asked
from mappings.views.show import show
from mappings.views.view import Parts, View
from profiles.restriction import ALL

PAGE = 200
KEPT = 50_000
"""Users whose former ids are remembered."""
Told = Callable[[str, int], None]
"""Told of a kind, and how many lines of it are written."""


async def export_view(desk: Desk, folder: Path, told: Told) -> dict[str, int]:
    """Write a dump into a folder that is empty; return how many lines each kind has. Raises OSError."""
    (folder / ATTACHMENTS).mkdir(mode=0o700)
    leaving = _Leaving(at_house(desk, asker()), folder)
    counts: dict[str, int] = {}
    for kind, name in FILES.items():
        counts[kind] = 0
        with _file(folder / name) as file:
            async for line in leaving.lines(kind):
                file.write(encode(line) + b"\n")
                counts[kind] += 1
                told(kind, counts[kind])
    return counts


@contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is there when it is whole, for its owner alone."""
    begun = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
    begun.rename(path)


@dataclass(slots=True)
class _Leaving:
    """What is on its way out."""

    acting: Acting
    folder: Path
    users: dict[str, int | str] = field(default_factory=dict)

    def lines(self, kind: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the lines of a kind."""
        match kind:
            case "user":
                return self._users()
            case "consent":
                return self._consents()
            case "appointment":
                return self._appointments()
            case "medical_record":
                return self._records()
        return self._notifications()

    async def _users(self) -> AsyncIterator[dict[str, Any]]:
        services = self.acting.desk.services
        async for account in every(services.store.records):
            stored = await services.store.read(Key(*account.actor.split("/")), restriction=ALL)
            gone = stored is None or stored.deleted
            person = persons.person(account) if stored is None or gone else parse(stored.body)
            former = await former_id(services.store.records, "user", account.id)
            row = (await moved(services.store.records, "user", former)) if former else None
            said = shown_of(account, row["said"] if row else {})
            shown = show(me(person["resourceType"]), {person["resourceType"]: [person]}, said)
            yield shown | said | {"id": former_value(former) if former else account.id}

    async def _consents(self) -> AsyncIterator[dict[str, Any]]:
        async for parts in _walk(self.acting, consent.VIEW):
            (root,) = parts["Consent"]
            whose = await self._user(root.get("patient", {}).get("reference"))
            yield {"id": _id(root, "consent"), "user_id": whose, **await consents.shown(self.acting, parts)}

    async def _appointments(self) -> AsyncIterator[dict[str, Any]]:
        async for parts in _walk(self.acting, appointment.VIEW):
            line = show(appointment.VIEW, parts) | {"id": _id(parts["Appointment"][0], "appointment")}
            yield line | await self._owners(line)

    async def _records(self) -> AsyncIterator[dict[str, Any]]:
        view = medical_record.VIEW
        async for parts in _walk(self.acting, view):
            line = show(view, parts)
            files = [await self._file(each, parts) for each in line["attachments"]]
            encounters = [each for each in parts.get("Encounter", ()) if former_of(each, view.name)]
            id = _id(encounters[0], view.name) if encounters else line["id"]
            yield line | {"id": id, "attachments": files} | await self._owners(line)

    async def _notifications(self) -> AsyncIterator[dict[str, Any]]:
        async for parts in _walk(self.acting, notification.VIEW):
            (root,) = parts["Communication"]
            whom = next((each["reference"] for each in root.get("recipient", ()) if "reference" in each), None)
            shown = show(notification.VIEW, parts) | {"id": _id(root, "notification")}
            yield {"id": shown["id"], "user_id": await self._user(whom), **shown}

    async def _file(self, file: Mapping[str, Any], parts: Parts) -> dict[str, Any]:
        document = next(each for each in parts["DocumentReference"] if each["id"] == file["id"])
        id = _id(document, "attachment")
        try:
            found = await file_of(self.acting, parts, file["id"])
        except (NotFound, Gone):
            return {**file, "id": id, "url": None}
        if not str(id).strip("."):
            # FHIR takes an id of dots alone; as the name of a file it leads out of the folder.
            return {**file, "id": id, "url": None}
        with _file(self.folder / ATTACHMENTS / str(id)) as written:
            async for piece in found.content.pieces(0):
                written.write(piece)
        return {**file, "id": id, "url": f"{ATTACHMENTS}/{id}"}

    async def _owners(self, line: Mapping[str, Any]) -> dict[str, Any]:
        named = {"patient_id": "Patient", "doctor_id": "Practitioner"}
        return {name: await self._user(f"{named[name]}/{line[name]}") for name in OWNERS if line[name] is not None}

    async def _user(self, reference: str | None) -> int | str | None:
        """Return the id by which the dump knows a user."""
        if reference is None:
            return None
        id = reference.partition("/")[2]
        if id not in self.users:
            former = await former_id(self.acting.desk.services.store.records, "user", id)
            if len(self.users) >= KEPT:
                self.users.clear()
            self.users[id] = former_value(former) if former else id
        return self.users[id]


def _id(resource: Resource, kind: str) -> int | str:
    former = former_of(resource, kind)
    return former_value(former) if former else str(resource["id"])


async def _walk(acting: Acting, view: View) -> AsyncIterator[Parts]:
    """Yield all records of a view, page by page, as they are at the first."""
    # By id, and all there are of the type, of which `gather` leaves out what the view hides: no parameter of ours need
    # be indexed yet, as after an upgrade.
    includes = [pair for pair in asked(view, {}) if pair[0] == "_include"]
    parameters = [*includes, ("_sort", "_id"), ("_count", str(PAGE))]
    cursor: str | None = None
    while True:
        more = [(CURSOR, cursor)] if cursor else []
        result = await search(acting.call(view.root, parameters=[*parameters, *more]))
        for parts in gather(view, resources(result)):
            yield parts
        links = parse(result.body or b"{}").get("link", ())
        following = next((each["url"] for each in links if each["relation"] == "next"), None)
        if following is None:
            return
        cursor = parse_qs(urlsplit(following).query)[CURSOR][0]
