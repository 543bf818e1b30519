"""The Encounter that is there of a consultation, as rooms and earlier records have left it, for a record to take.

It is looked for with the rights of who writes the record, among what they may find and change. An Encounter has one
record that is shown: the priority of a record stands in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from auth.rights import Action
from fhir_server.errors import PreconditionFailed
from fhir_server.interactions.access import within
from fhir_server.interactions.call import Resource
from fhir_server.interactions.conditional import criteria_of
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Snapshot, Transaction
from fhir_server.views.acting import Acting, Also
from mappings.transactions.act import Act
from mappings.transactions.take_up import candidates
from mappings.views.medical_record import VIEW
from profiles.restriction import all_of

MOST = 100
"""Encounters of one appointment, and records of one Encounter, that are looked at."""


async def held(acting: Acting, act: Act, patient: str, reader: Snapshot, made: Collection[str] = ()) -> Resource | None:
    """Return the Encounter that a record of the consultation `act` is about takes; None where it makes its own.

    `patient` is the id of whom the record is about, `made` are the ids of what is being written, which is left aside.
    """
    if act.appointment is None:
        return None
    asked = [("appointment", f"Appointment/{act.appointment}"), ("patient", f"Patient/{patient}")]
    for each in candidates(act, await _found(acting, reader, "Encounter", asked, ("search", "update"))):
        whose = [("encounter", f"Encounter/{each['id']}")]
        records = await _found(acting, reader, VIEW.root, whose, ("search",))
        if each["id"] not in made and all(VIEW.hides(note) or note["id"] in made for note in records):
            return each
    return None


def still_held(acting: Acting, act: Act, patient: str, made: Collection[str]) -> Also:
    """Return what refuses a write when meanwhile another Encounter is to be taken. It raises PreconditionFailed."""
    before = act.encounter["id"] if act.encounter else None

    async def demand(tx: Transaction) -> None:
        now = await held(acting, act, patient, tx, made)
        if (now["id"] if now else None) != before:
            raise PreconditionFailed("The consultation has got another Encounter meanwhile: write the record again.")

    return demand


async def _found(
    acting: Acting, reader: Snapshot, type: str, asked: Sequence[tuple[str, str]], actions: Sequence[Action]
) -> list[Resource]:
    call = acting.call(type)
    criteria = await criteria_of(call, type, asked)
    reach = all_of(*(within(call, each, type) for each in actions))
    return [parse(each.body) for each in await reader.matches(type, criteria.where, restriction=reach, limit=MOST)]
