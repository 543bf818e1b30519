"""The time of a doctor: slots say what appointments take, Encounters when they ended. All this happens inside a write.

That a doctor has one appointment at a time is a rule of every write (`interactions.booking`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fhir_server.interactions.call import Resource
from fhir_server.interactions.conditional import criteria_of
from fhir_server.interactions.update import update
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Transaction, Version
from fhir_server.views.acting import Acting
from mappings.transactions.record import end_consultation
from mappings.views.appointment import ended
from mappings.views.consultation import is_of_record
from mappings.views.view import Values
from profiles.datatypes.temporal import date_range
from profiles.restriction import ALL

MOST = 1000
"""Slots that may begin within one appointment, records that may be made of one."""


def span(appointment: Values) -> tuple[int, int]:
    """Return when an appointment of the view begins and ends, in microseconds since 1970."""
    return date_range(appointment["starts_at"])[0], date_range(appointment["ends_at"])[0]


async def mark_slots(acting: Acting, tx: Transaction, appointment: Values, status: str) -> None:
    """Make the slots of the doctor within an appointment `busy`, or `free` again; what else they are stays."""
    before = "free" if status == "busy" else "busy"
    asked = [
        ("status", before),
        ("start", f"ge{appointment['starts_at']}"),
        ("start", f"lt{appointment['ends_at']}"),
    ]
    slots: dict[str, Resource] = {}
    for way in ("schedule.actor", "schedule.actor:PractitionerRole.practitioner"):
        whose = (way, f"Practitioner/{appointment['doctor_id']}")
        slots |= {each["id"]: each for each in await _found(acting, tx, "Slot", [whose, *asked])}
    for slot in slots.values():
        await update(acting.house(tx, "Slot", id=slot["id"], resource=slot | {"status": status}))


async def end_consultations(acting: Acting, tx: Transaction, appointment: Values) -> None:
    """Write when a completed appointment was over into the Encounters of the records that were made of it before.

    Encounters of others, and that of the room, which knows by itself when the call ended, are left alone.
    """
    over = ended(appointment)
    if over is None:
        return
    asked = [("appointment", f"Appointment/{appointment['id']}")]
    for encounter in await _found(acting, tx, "Encounter", asked):
        after = end_consultation(encounter, over) if is_of_record(encounter) else encounter
        if after != encounter:
            await update(acting.house(tx, "Encounter", id=encounter["id"], resource=after))


async def _found(acting: Acting, tx: Transaction, type: str, asked: Sequence[tuple[str, str]]) -> list[Resource]:
    criteria = await criteria_of(acting.house(tx, type), type, asked)
    return list(_parsed(await tx.matches(type, criteria.where, restriction=ALL, limit=MOST)))


def _parsed(versions: Sequence[Version]) -> Iterator[Resource]:
    for each in versions:
        yield parse(each.body)
