"""The time of a doctor: slots say what appointments take, Encounters when they ended. All this happens inside a write.

That a doctor has one appointment at a time is a rule of every write (`interactions.booking`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fhir_server.interactions.booking import LONGEST, OPEN
from fhir_server.interactions.call import Resource
from fhir_server.interactions.conditional import criteria_of
from fhir_server.interactions.update import update
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import nearest_instant
from fhir_server.store.base import Transaction, Version
from fhir_server.views.acting import Acting
from mappings.transactions.record import end_consultation
from mappings.views.appointment import ended
from mappings.views.consultation import is_of_record
from mappings.views.view import Values
from profiles.datatypes.temporal import date_range
from profiles.restriction import ALL

MOST = 1000
"""Slots, and other appointments, that may be near one appointment; records that may be made of one."""
SLOTS = ("schedule.actor", "schedule.actor:PractitionerRole.practitioner")
APPOINTMENTS = ("practitioner", "actor:PractitionerRole.practitioner")


def span(appointment: Values) -> tuple[int, int]:
    """Return when an appointment of the view begins and ends, in microseconds since 1970."""
    return date_range(appointment["starts_at"])[0], date_range(appointment["ends_at"])[0]


async def mark_slots(acting: Acting, tx: Transaction, appointment: Values, status: str) -> None:
    """Make the slots of the doctor that an appointment overlaps `busy`; or `free` again, where no other one does.

    What else slots are stays. One that began more than LONGEST before is taken to be over.
    """
    whom, (start, end) = f"Practitioner/{appointment['doctor_id']}", span(appointment)
    asked = [("status", "free" if status == "busy" else "busy"), *_beginning("start", start - LONGEST, end)]
    slots = await _of_doctor(acting, tx, "Slot", SLOTS, whom, asked)
    over = [each for each in slots if _time(each)[1] > start]
    taken: list[tuple[int, int]] = []
    if status == "free" and over:
        first, last = min(_time(each)[0] for each in over), max(_time(each)[1] for each in over)
        asked = [("status", ",".join(OPEN)), *_beginning("date", first - LONGEST, last)]
        others = await _of_doctor(acting, tx, "Appointment", APPOINTMENTS, whom, asked)
        taken = [_time(each) for each in others if "end" in each]
    for slot in over:
        begins, ends = _time(slot)
        if not any(one < ends and begins < other for one, other in taken):
            await update(acting.house(tx, "Slot", id=slot["id"], resource=slot | {"status": status}))


def _time(resource: Resource) -> tuple[int, int]:
    """Return when a Slot or an Appointment begins and ends, in microseconds since 1970."""
    return date_range(resource["start"])[0], date_range(resource["end"])[0]


def _beginning(parameter: str, first: int, last: int) -> list[tuple[str, str]]:
    return [(parameter, f"ge{nearest_instant(first)}"), (parameter, f"lt{nearest_instant(last)}")]


async def _of_doctor(
    acting: Acting, tx: Transaction, type: str, ways: Sequence[str], whom: str, asked: Sequence[tuple[str, str]]
) -> list[Resource]:
    """Return what there is of a doctor, by each of the search parameters that lead to one."""
    found: dict[str, Resource] = {}
    for way in ways:
        found |= {each["id"]: each for each in await _found(acting, tx, type, [(way, whom), *asked])}
    return list(found.values())


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
