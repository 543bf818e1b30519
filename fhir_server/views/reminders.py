"""Reminders of appointments: a patient is told of a confirmed one some time (a *lead*) before it begins.

Each round looks for appointments whose moment to remind of them has come since the last one; how far that is stands in
the store, so that a restart goes on from there, and what came due meanwhile is told if the appointment is still to be.
A reminder and the row that says it was made are one commit: of an appointment, a lead and a beginning there is one at
most. An appointment that was cancelled is not told of, one that was moved is told of before its new time. One that is
booked when the lead is over already is not: who books knows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from auth.ports import Asker
from fhir_server.accounts.desk import Desk
from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.interactions.answer import answer
from fhir_server.interactions.call import Call, Resource
from fhir_server.interactions.conditional import criteria_of
from fhir_server.interactions.transaction import settle
from fhir_server.model.fhir_json import parse_stored
from fhir_server.model.resource import instant
from fhir_server.store.base import Transaction, Version
from fhir_server.views.acting import HOUSE
from fhir_server.views.notify import notify
from fhir_server.views.outgoing import REMINDED, REMINDERS
from mappings.views.appointment import VIEW
from mappings.views.show import show
from profiles.datatypes.temporal import date_range
from profiles.restriction import ALL

EVERY = 2.0
"""Seconds between two rounds."""
KEPT_EVERY = 300_000_000
"""Microseconds after which it is kept how far rounds are that found nothing."""
MINUTE = 60_000_000
SECOND = 1_000_000
DAY = 24 * 60 * MINUTE
MOST = 1000
"""Appointments that one round tells of; the next round goes on."""
CONFIRMED = "booked"
KIND = "appointment_reminder"

log = logging.getLogger("fhir_server")


class Reminders:
    """Reminds the patients of one tenant, round by round; `leads` are in minutes."""

    def __init__(self, desk: Desk, leads: Sequence[int]) -> None:
        self._desk = desk
        self._leads = leads
        self._until: dict[int, int] = {}
        self._kept: dict[int, int] = {}

    async def remind(self) -> None:
        """Do one round."""
        for lead in self._leads:
            now = self._desk.services.now()
            since = await self._since(lead, now)
            found = await self._due(since + lead * MINUTE, now, now + lead * MINUTE)
            for each in found:
                await self._try_to_tell(each, lead, now)
            if len(found) < MOST:
                await self._keep(lead, now, told=bool(found))

    async def _since(self, lead: int, now: int) -> int:
        if lead not in self._until:
            record = await self._desk.services.store.records.get(REMINDERS.name, str(lead))
            if record is None:
                await self._keep(lead, now, told=True)
                return now
            self._until[lead] = self._kept[lead] = int(record.value["until"])
        return self._until[lead]

    async def _keep(self, lead: int, until: int, *, told: bool) -> None:
        self._until[lead] = until
        if told or until - self._kept.get(lead, 0) > KEPT_EVERY:
            self._kept[lead] = until
            await self._desk.services.store.write(
                lambda tx: tx.records.put(REMINDERS.name, str(lead), {"until": until})
            )

    async def _due(self, after: int, now: int, until: int) -> list[Version]:
        """Return confirmed Appointments that begin between two moments, and not before now."""
        services = self._desk.services
        asked = (
            ("status", CONFIRMED),
            # Searches are about whole milliseconds, and beginnings may be written to the second.
            ("date", f"ge{instant(max(after - SECOND, now))}"),
            ("date", f"le{instant(until)}"),
        )
        criteria = await criteria_of(Call(services, HOUSE, "reminders", VIEW.root), VIEW.root, asked)
        return list(await services.store.matches(VIEW.root, criteria.where, restriction=ALL, limit=MOST))

    async def _try_to_tell(self, found: Version, lead: int, now: int) -> None:
        """Tell of an appointment; one that cannot be told of keeps nobody from hearing of the next."""
        try:
            await self._tell(found, lead, now)
        except (StoreUnavailable, StoreFull):
            raise
        except Exception as error:
            # Its text may quote what it failed on.
            log.error("a reminder could not be told", extra={"error": type(error).__name__})

    async def _tell(self, found: Version, lead: int, now: int) -> None:
        appointment = parse_stored(found.body)
        start = date_range(appointment["start"])[0]
        due = start - lead * MINUTE
        patient = show(VIEW, {VIEW.root: [appointment]})["patient_id"]
        if patient is None or not found.time <= due <= now < start:
            return
        key = f"{found.key.id}/{lead}/{start}"
        asker = Asker("reminders", "", "")
        words = {"when": _when(appointment)}
        told = notify(self._desk, asker, KIND, f"Patient/{patient}", f"/appointments/{found.key.id}", words)

        async def once(tx: Transaction) -> None:
            current = await tx.read(found.key, restriction=ALL)
            unchanged = current is not None and current.number == found.number
            if unchanged and await tx.records.get(REMINDED.name, key) is None:
                await tx.records.put(REMINDED.name, key, {}, expires=start + DAY)
                await told(tx)

        if await self._desk.services.store.records.get(REMINDED.name, key) is None:
            nothing: Resource = {"resourceType": "Bundle", "type": "transaction", "entry": []}
            await settle(Call(self._desk.services, HOUSE, asker.request, resource=nothing), answer, once)


def _when(appointment: Resource) -> str:
    """Return day and time as they were written, with their offset."""
    day, _, time = str(appointment["start"]).partition("T")
    year, month, date = day.split("-")
    offset = "" if time[-1] == "Z" or time[-5:] == "00:00" else time[-6:]
    return f"{date}/{month}/{year} {time[:5]} (UTC{offset})"
