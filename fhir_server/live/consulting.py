"""Consultations as FHIR has them: the Appointment says who may enter and when, the Encounter tells what came of it.

The Appointment is looked at with the member's own rights, which is no reading of theirs. What a doctor does to the
Encounter is done with theirs; that a patient has come or gone the server writes in their name, since patients write no
Encounters. All of it leaves rows in the audit trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fhir_server.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Refusal
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Preconditions, Resource, Services
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.live import chat
from fhir_server.live.appointment import Opening, is_open
from fhir_server.live.chat import ChatFile
from fhir_server.live.encounter import IDENTIFIER, Status, is_under_way, moved, planned
from fhir_server.live.taking_part import Consultation, taking_part
from fhir_server.live.visitor import Here, call_of, on_behalf
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant, is_id
from realtime.ports import Entrance, Message, Refused

ATTEMPTS = 5
"""How often a change of an Encounter is tried that others change, too."""
UNAUTHORIZED = "unauthorized"
OFF = frozenset(("cancelled", "noshow", "entered-in-error"))


class Consulting:
    """The consultations of a tenant; see `realtime.ports.Consultations`."""

    def __init__(self, services: Services, opening: Opening) -> None:
        self._services = services
        self._opening = opening

    async def enter(self, member: Here, appointment: str) -> Entrance:
        """Let a participant in while the room is open. Raises Refused for everybody else, without a reason."""
        found = await self._allowed(member, appointment)
        patient = found is not None and found.me.startswith("Patient/")
        try:
            if found is None or not is_open(found.appointment, self._opening, self._services.now()):
                raise Refused(UNAUTHORIZED)
            encounter = await self._move(member, found, "arrived" if patient else "planned")
        except (Refused, Forbidden, NotFound):
            await self._note(member, appointment, "enter-consultation", 403)
            raise Refused(UNAUTHORIZED) from None
        await self._note(member, appointment, "enter-consultation", 200, found.party.patients)
        waits = patient and self._opening.waits and not is_under_way(encounter)
        file = ChatFile(found.party.patients, (*found.party.patients, *found.party.practitioners), _name(encounter))
        keeps = await chat.keeps(self._chat_call(member), file)
        return Entrance("patient" if patient else "doctor", waits, file, keeps)

    async def begin(self, member: Here, appointment: str, users: Sequence[str]) -> None:
        """Bring the Encounter in progress: both sides are there."""
        found = await self._again(member, appointment)
        present = [each for each in found.party.practitioners if each.partition("/")[2] in users]
        await self._move(member, found, "in-progress", present)

    async def admitted(self, member: Here, appointment: str, user: str) -> None:
        """Leave a row about who was let in."""
        await self._note(member, appointment, "admit-consultation", 200, (f"Patient/{user}",))

    async def not_admitted(self, member: Here, appointment: str, file: ChatFile) -> None:
        """Leave a row about who was refused."""
        await self._note(member, appointment, "admit-consultation", 403, file.patients)

    async def keeps(self, member: Here, file: ChatFile) -> bool:
        """Return whether messages are kept."""
        return await chat.keeps(self._chat_call(member), file)

    async def keep(self, member: Here, file: ChatFile, message: Message) -> bool:
        """Keep a message in the name of whoever says it. Raises Refused when they may not write into the record."""
        call = self._chat_call(member)
        call.resource = file.message(call.principal.actor, message.text, message.sent, message.users)
        try:
            return await chat.keep(call, file)
        except Refusal:
            raise Refused("the message cannot be kept") from None

    async def leave(self, member: Here, appointment: str, file: ChatFile) -> None:
        """Leave a row; the Encounter waits for whoever comes back, or ends the call."""
        await self._note(member, appointment, "leave-consultation", 200, file.patients)

    async def end(self, member: Here, appointment: str) -> None:
        """Finish the Encounter."""
        found = await self._again(member, appointment)
        await self._move(member, found, "finished")
        await self._note(member, appointment, "end-consultation", 200, found.party.patients)

    async def stays(self, member: Here, appointment: str) -> bool:
        """Return whether a participant may stay: no clock puts anybody out, a consultation that is called off does."""
        found = await self._allowed(member, appointment)
        return found is not None and found.appointment.get("status") not in OFF

    async def _again(self, member: Here, appointment: str) -> Consultation:
        """Return what the member was let in to. Raises Refused when they may not see it any more."""
        found = await self._allowed(member, appointment)
        if found is None:
            raise Refused(UNAUTHORIZED)
        return found

    async def _allowed(self, member: Here, appointment: str) -> Consultation | None:
        """Return what the member takes part in, None for everything that they may not read, or not at all."""
        if not is_id(appointment):
            return None
        try:
            return await taking_part(call_of(self._services, member, "Appointment", appointment))
        except Forbidden:
            return None

    async def _move(self, member: Here, found: Consultation, to: Status, present: Sequence[str] = ()) -> Resource:
        """Make the Encounter if there is none, bring it to `to`, and return it."""
        for _ in range(ATTEMPTS):
            encounter = await self._encounter(member, found)
            after = moved(encounter, to, instant(self._services.now()), present)
            if after is None:
                return encounter
            call = self._writing(member, after)
            call.preconditions = Preconditions(if_match=encounter["meta"]["versionId"])
            try:
                return _body(await update(call))
            except PreconditionFailed:
                continue
        raise Conflict("Others keep changing the Encounter of the consultation.")

    async def _encounter(self, member: Here, found: Consultation) -> Resource:
        if not found.party.patients:
            raise Refused(UNAUTHORIZED)
        id = found.appointment["id"]
        made = planned(found.appointment, found.party.patients[0], found.party.practitioners)
        call = replace(self._writing(member, made), id=None)
        call.preconditions = Preconditions(if_none_exist=f"appointment=Appointment/{id}")
        try:
            return _body(await create(call))
        except PreconditionFailed:
            # Each of several records of one consultation has an Encounter: that of the room is a further one then.
            call.preconditions = Preconditions(if_none_exist=f"identifier={IDENTIFIER}|{id}")
            return _body(await create(call))

    def _writing(self, member: Here, encounter: Resource) -> Call:
        call = call_of(self._services, member, "Encounter", encounter.get("id"), encounter)
        return on_behalf(call) if member.role == "patient" else call

    def _chat_call(self, member: Here) -> Call:
        return call_of(self._services, member, chat.TYPE)

    async def _note(
        self, member: Here, appointment: str, action: str, status: int, patients: Sequence[str] = ()
    ) -> None:
        """Leave a row about the room; who was refused is told of by the name they asked for, if it is one."""
        call = call_of(self._services, member, "Appointment", appointment if is_id(appointment) else None)
        ids = [each.partition("/")[2] for each in patients]
        row = audit.row(call, action, status, time=self._services.now(), patients=ids)
        await self._services.store.audit(row, wait=self._services.audit_waits)


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _body(result: Any) -> Resource:
    found: Resource = parse(result.body)
    return found
