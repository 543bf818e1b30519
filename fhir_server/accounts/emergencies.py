"""The queue of broken glasses, for whoever watches over them: each waits until an administrator has looked at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auth.accounts import Account
from auth.errors import Conflicting, Denied, Missing
from auth.ports import Asker, Event
from auth.tables import EMERGENCIES
from fhir_server.accounts.desk import Desk
from fhir_server.store.base import Record, Transaction


@dataclass(frozen=True, slots=True)
class Breaking:
    """One glass that was broken, when (`at`) and by whom, for which patient and until when; times in microseconds.

    `reviewer` has looked at it, at `reviewed`; None as long as nobody has.
    """

    id: str
    at: int
    by: str
    patient: str
    reason: str
    until: int
    reviewer: str | None = None
    reviewed: int | None = None


async def emergencies(desk: Desk, *, waiting: bool = False) -> Sequence[Breaking]:
    """Return the glasses that were broken, the newest first; with `waiting` those that nobody has looked at."""
    found: list[Breaking] = []
    page = await desk.services.store.records.scan(EMERGENCIES.name)
    while page:
        found += map(_read, page)
        page = await desk.services.store.records.scan(EMERGENCIES.name, page[-1].key)
    return sorted((each for each in found if not (waiting and each.reviewer)), key=lambda each: (-each.at, each.id))


async def keep(tx: Transaction, broken: Breaking) -> None:
    """Put a glass that is broken into the queue."""
    value: dict[str, Any] = {name: getattr(broken, name) for name in Breaking.__slots__ if name != "id"}
    await tx.records.put(EMERGENCIES.name, broken.id, value)


async def review(desk: Desk, id: str, admin: Account, asker: Asker) -> Breaking:
    """Say that an administrator has looked at it. Raises Missing, Conflicting, and Denied for one's own."""

    async def work(tx: Transaction) -> Breaking:
        record = await tx.records.get(EMERGENCIES.name, id)
        if record is None:
            raise Missing("There is no such emergency.")
        found = _read(record)
        if found.reviewer is not None:
            raise Conflicting("Somebody has looked at it already.")
        if found.by == admin.actor:
            raise Denied("Somebody else has to look at it.")
        seen = Breaking(id, found.at, found.by, found.patient, found.reason, found.until, admin.actor, tx.time)
        await keep(tx, seen)
        event = Event("review-break-glass", admin.actor, asker, 200, f"Patient/{found.patient}", (found.patient,))
        await desk.auth.trail.note(event, tx)
        return seen

    return await desk.services.store.write(work)


def _read(record: Record) -> Breaking:
    return Breaking(record.key, **record.value)
