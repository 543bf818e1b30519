"""The time of a doctor: one appointment at a time, and slots that say so. Everything here happens inside a write.

Writes run one after the other, so what is looked at here is what there is when the appointment is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fhir_server.errors import Conflict
from fhir_server.interactions.call import Resource
from fhir_server.interactions.conditional import criteria_of
from fhir_server.interactions.update import update
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant
from fhir_server.store.base import Transaction, Version
from fhir_server.views.acting import Acting
from mappings.views.view import Values
from profiles.datatypes.temporal import date_range
from profiles.restriction import ALL

LONGEST = 24 * 3600 * 1_000_000
"""Microseconds that an appointment may take: what began earlier than that is over."""
OPEN = "proposed,pending,booked,arrived,checked-in"
MOST = 1000
"""Appointments that may begin within a day before the end of one: with more the answer would not be certain."""
TAKEN = "The doctor has another appointment at that time."


def span(appointment: Values) -> tuple[int, int]:
    """Return when an appointment of the view begins and ends, in microseconds since 1970."""
    return date_range(appointment["starts_at"])[0], date_range(appointment["ends_at"])[0]


async def demand_free(acting: Acting, tx: Transaction, appointment: Values) -> None:
    """Raise Conflict when another open appointment of the doctor, whoever wrote it, overlaps this one."""
    start, _ = span(appointment)
    asked = [
        ("practitioner", f"Practitioner/{appointment['doctor_id']}"),
        ("status", OPEN),
        ("date", f"ge{instant(start - LONGEST)}"),
        ("date", f"lt{appointment['ends_at']}"),
    ]
    found = await _found(acting, tx, "Appointment", asked)
    others = [each for each in found if each["id"] != appointment["id"]]
    if len(found) >= MOST or any(_begins_before(start, each) for each in others):
        raise Conflict(TAKEN)


def _begins_before(start: int, other: Resource) -> bool:
    """Whether an appointment that begins before another one ends is still going on when that begins at `start`."""
    return "end" not in other or date_range(other["end"])[0] > start


async def mark_slots(acting: Acting, tx: Transaction, appointment: Values, status: str) -> None:
    """Make the slots of the doctor within an appointment `busy`, or `free` again; what else they are stays."""
    before = "free" if status == "busy" else "busy"
    asked = [
        ("schedule.actor", f"Practitioner/{appointment['doctor_id']}"),
        ("status", before),
        ("start", f"ge{appointment['starts_at']}"),
        ("start", f"lt{appointment['ends_at']}"),
    ]
    for slot in await _found(acting, tx, "Slot", asked):
        await update(acting.house(tx, "Slot", id=slot["id"], resource=slot | {"status": status}))


async def _found(acting: Acting, tx: Transaction, type: str, asked: Sequence[tuple[str, str]]) -> list[Resource]:
    criteria = await criteria_of(acting.house(tx, type), type, asked)
    return list(_parsed(await tx.matches(type, criteria.where, restriction=ALL, limit=MOST)))


def _parsed(versions: Sequence[Version]) -> Iterator[Resource]:
    for each in versions:
        yield parse(each.body)
