"""The patients that an account may see, for choosing one: found by the server's own search under its rights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from auth.accounts import Account
from auth.grants import Grant
from auth.smart.context import Encounter, Person
from fhir_server.accounts.principal import PrincipalOf
from fhir_server.errors import Forbidden, Gone, NotFound
from fhir_server.interactions.call import Call, Services
from fhir_server.interactions.read import read
from fhir_server.interactions.search import search

MOST = 20
OFF = ("cancelled", "entered-in-error")
"""Encounters that nobody means to open an app about."""
RANK = {"official": 0, "usual": 1}
OWN = Grant("", "session", None, "first-party", 0, 0)


class Patients:
    """Looks for patients. `principal` makes who asks from an account."""

    def __init__(self, services: Services, principal: PrincipalOf) -> None:
        self._services = services
        self._principal = principal

    async def search(self, account: Account, text: str) -> Sequence[Person]:
        """Return up to `MOST` patients whose name begins with `text`, by name."""
        call = await self._call(account)
        wanted = [("name", text.strip())] if text.strip() else []
        call.parameters = [("_count", str(MOST)), ("_sort", "family"), *wanted]
        return [_person(each) for each in await self._found(call)]

    async def person(self, account: Account, id: str) -> Person | None:
        """Return the patient with that id, None when the account may not see it."""
        found = await self._read(account, "Patient", id)
        return None if found is None else _person(found)

    async def encounters(self, account: Account, patient: str) -> Sequence[Encounter]:
        """Return up to `MOST` encounters of that patient which have not been called off, the latest first."""
        call = await self._call(account, "Encounter")
        wanted = [("patient", f"Patient/{patient}"), ("status:not", ",".join(OFF))]
        call.parameters = [("_count", str(MOST)), ("_sort", "-date"), *wanted]
        return [_encounter(each) for each in await self._found(call)]

    async def encounter(self, account: Account, id: str, patient: str | None) -> Encounter | None:
        """Return the encounter with that id, None unless it is of that patient and the account may see it."""
        found = await self._read(account, "Encounter", id)
        if found is None or found.get("subject", {}).get("reference") != f"Patient/{patient}":
            return None
        return _encounter(found)

    async def _found(self, call: Call) -> list[dict[str, Any]]:
        try:
            found = await search(call)
        except Forbidden:
            return []
        bundle: dict[str, Any] = json.loads(found.body or b"{}")
        return [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]

    async def _read(self, account: Account, type: str, id: str) -> dict[str, Any] | None:
        call = await self._call(account, type)
        call.id = id
        try:
            found = await read(call)
        except (Forbidden, NotFound, Gone):
            return None
        resource: dict[str, Any] = json.loads(found.body or b"{}")
        return resource

    async def _call(self, account: Account, type: str = "Patient") -> Call:
        return Call(self._services, await self._principal(OWN, account), uuid4().hex, type=type)


def _person(patient: dict[str, Any]) -> Person:
    return Person(patient["id"], _name(patient.get("name", ())), patient.get("birthDate"))


def _encounter(encounter: dict[str, Any]) -> Encounter:
    start = encounter.get("period", {}).get("start")
    named = [each.get("text") or _display(each.get("coding", ())) for each in encounter.get("type", ())]
    text = next((each for each in named if each), None) or _display([encounter.get("class", {})])
    return Encounter(encounter["id"], start[:10] if start else None, text)


def _display(codings: Sequence[dict[str, Any]]) -> str:
    return next((str(each["display"]) for each in codings if each.get("display")), "")


def _name(names: Sequence[dict[str, Any]]) -> str:
    """Return how people call somebody: the official name before others, or `—` for who has none."""
    for name in sorted(names, key=lambda each: RANK.get(each.get("use", ""), len(RANK))):
        text = name.get("text") or " ".join((*name.get("given", ()), name.get("family", "")))
        if text.strip():
            return str(text).strip()
    return "—"
