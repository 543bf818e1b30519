"""Nobody is booked twice at a time: an Appointment is refused that takes time which its practitioner has given away.

It holds for every write, through FHIR and through the JSON API, and is looked at inside the write: writes run one after
the other, so of many who book at once one gets the time. What takes time is an Appointment that is still to end, in one
of the states of OPEN, of a Practitioner, or a PractitionerRole of theirs, who has not declined. An Appointment that
overlaps already may be changed in everything but what makes it overlap. An operator may allow it
(setting `double_booking`): http://hl7.org/fhir/R4/appointment.html leaves that to systems.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from auth.rights import EVERYTHING
from fhir_server.errors import Conflict
from fhir_server.interactions.call import Call, Principal, Resource
from fhir_server.interactions.conditional import criteria_of
from fhir_server.model.fhir_json import parse_stored
from fhir_server.model.resource import nearest_instant
from fhir_server.store.base import Key, Transaction
from profiles.datatypes.temporal import date_range
from profiles.restriction import ALL

TYPE = "Appointment"
OPEN = ("proposed", "pending", "booked", "arrived", "checked-in")
LONGEST = 24 * 3600 * 1_000_000
"""Microseconds for which an appointment is looked for after its beginning: what began earlier is taken to be over."""
MOST = 1000
"""Appointments that may begin within LONGEST before the end of one: with more the answer would not be certain."""
TAKEN = "The doctor has another appointment at that time."
RULE = "One practitioner has one open Appointment at a time (double booking)."


@dataclass(frozen=True, slots=True)
class Taken:
    """The time that an Appointment takes, in microseconds since 1970, of whom (`Practitioner/1`)."""

    start: int
    end: int
    people: frozenset[str]


async def demand_unbooked(call: Call, tx: Transaction, keys: Iterable[Key]) -> None:
    """Raise Conflict when one of the Appointments that a write has written, among `keys`, overlaps another one.

    It is asked when all steps of the write have run: what a Bundle moves away makes room for what else it books.
    """
    if call.services.double_booking:
        return
    for key in keys:
        if key.type == TYPE and (taken := await _newly_taken(tx, key)):
            for person in sorted(taken.people):
                await _demand_free(call, tx, key, taken, person)


async def _newly_taken(tx: Transaction, key: Key) -> Taken | None:
    """Return what time an Appointment takes that it did not take before, None for none."""
    version = await tx.read(key, restriction=ALL)
    if version is None or version.deleted:
        return None
    now = await _taken(tx, parse_stored(version.body))
    if now is None or now.end <= tx.time:
        return None
    before = await tx.vread(key, version.number - 1, restriction=ALL) if version.number > 1 else None
    was = await _taken(tx, parse_stored(before.body)) if before is not None and not before.deleted else None
    if was is None or not (was.start <= now.start and now.end <= was.end):
        return now
    more = now.people - was.people
    return replace(now, people=more) if more else None


async def _taken(tx: Transaction, appointment: Resource) -> Taken | None:
    """Return the time that an Appointment takes; None for one that is not open, has no times or no practitioner."""
    if appointment.get("status") not in OPEN or "start" not in appointment or "end" not in appointment:
        return None
    people = frozenset([person for each in _actors(appointment) if (person := await _person(tx, each))])
    if not people:
        return None
    return Taken(date_range(appointment["start"])[0], date_range(appointment["end"])[0], people)


def _actors(appointment: Resource) -> Sequence[str]:
    taking = [each for each in appointment.get("participant", ()) if each.get("status") != "declined"]
    return [str(each.get("actor", {}).get("reference", "")) for each in taking]


async def _person(tx: Transaction, reference: str) -> str | None:
    """Return the reference to the Practitioner that an actor is, or whose role it is, None for others."""
    type, _, rest = reference.partition("/")
    id = rest.partition("/")[0]
    if type == "PractitionerRole":
        role = await tx.read(Key(type, id), restriction=ALL)
        if role is None or role.deleted:
            return f"{type}/{id}"
        found = str(parse_stored(role.body).get("practitioner", {}).get("reference", ""))
        return found if found.startswith("Practitioner/") else f"{type}/{id}"
    return f"{type}/{id}" if type == "Practitioner" else None


async def _demand_free(call: Call, tx: Transaction, key: Key, taken: Taken, person: str) -> None:
    role = person.startswith("PractitionerRole/")
    ways = ("actor",) if role else ("practitioner", "actor:PractitionerRole.practitioner")
    for way in ways:
        found = await _open(call, tx, taken, (way, person))
        if len(found) >= MOST:
            raise Conflict(f"{TAKEN} {RULE}")
        for other in found:
            if other["id"] == key.id:
                continue
            theirs = await _taken(tx, other)
            if theirs and person in theirs.people and theirs.start < taken.end and theirs.end > taken.start:
                raise Conflict(f"{TAKEN} {RULE}", expression=f"{TYPE}.start")


async def _open(call: Call, tx: Transaction, taken: Taken, whom: tuple[str, str]) -> list[Resource]:
    asked = [
        whom,
        ("status", ",".join(OPEN)),
        ("date", f"ge{nearest_instant(taken.start - LONGEST)}"),
        ("date", f"lt{nearest_instant(taken.end + 999)}"),
    ]
    # The rule holds whatever the one who writes may see.
    everything = Call(call.services, Principal("system", EVERYTHING), call.request_id, TYPE, transaction=tx)
    criteria = await criteria_of(everything, TYPE, asked)
    return [parse_stored(each.body) for each in await tx.matches(TYPE, criteria.where, restriction=ALL, limit=MOST)]
