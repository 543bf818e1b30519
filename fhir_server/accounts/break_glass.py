"""Break-glass: one patient's record for an hour, without care relation or consent, with a reason and in plain sight.

Who asks proves once more who they are (`prove`), by the second factor, too, where there is one. The grant, its row in
the audit trail and the message to the patient are kept in one commit: there is no access without both. What the grant
opens, `auth.policy` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from auth import grants
from auth.accounts import Account
from auth.errors import Denied, Invalid, Missing, SecondFactor, TooMany, Unauthenticated
from auth.grants import FIRST_PARTY, Grant
from auth.policy import BREAK_GLASS
from auth.ports import Asker, Event
from fhir_server.accounts.desk import Desk, entry
from fhir_server.accounts.emergencies import Breaking, keep
from fhir_server.accounts.principal import role_of
from fhir_server.accounts.prove import prove
from fhir_server.interactions.call import Resource
from fhir_server.model.resource import instant, is_id
from fhir_server.store.base import Key, Transaction
from profiles.restriction import ALL

LONGEST = 3600
"""Seconds for which the glass stays broken at most."""
SHORTEST_REASON = 10
REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


@dataclass(frozen=True, slots=True)
class Emergency:
    """What is asked for: whose record, why, for how long, and the proof of who asks."""

    patient: str
    reason: str
    password: str = ""
    code: str | None = None
    seconds: int = LONGEST


@dataclass(frozen=True, slots=True)
class Broken:
    """The grant, and the access token that it stands behind."""

    grant: Grant
    access: str
    seconds: int


async def break_glass(desk: Desk, account: Account, session: Grant, asked: Emergency, asker: Asker) -> Broken:
    """Open one patient's record to who has the `session`.

    Raises Denied, Invalid, Missing, Unauthenticated, SecondFactor, TooMany. Who was refused is in the trail as well.
    """
    try:
        return await _opened(desk, account, session, asked, asker)
    except (Denied, Missing, Unauthenticated, SecondFactor, TooMany) as refusal:
        patients = (asked.patient,) if is_id(asked.patient) else ()
        target = f"Patient/{asked.patient}" if patients else ""
        event = Event("break-glass", account.actor, asker, refusal.status, target, patients, {"purpose": BREAK_GLASS})
        await desk.auth.trail.note(event)
        raise


async def _opened(desk: Desk, account: Account, session: Grant, asked: Emergency, asker: Asker) -> Broken:
    role = desk.services.access.roles.get(role_of(account))
    if role is None or "break-glass" not in role.powers:
        raise Denied("This account may not break the glass.")
    if session.purpose is not None:
        raise Denied("Ask with the session that you have signed in with, not with what broke the glass before.")
    _demand_sense(asked)
    proofs = await prove(desk, account, session, asked.password)
    proofs += await desk.auth.factors.judge(account, asked.code)
    stored = await desk.services.store.read(Key("Patient", asked.patient), restriction=ALL)
    if stored is None or stored.deleted:
        raise Missing("There is no such patient.")
    kept: list[Grant] = []

    async def also(tx: Transaction) -> None:
        grant = Grant(
            id=uuid4().hex,
            kind="session",
            account=account.id,
            client=FIRST_PARTY,
            issued=tx.time,
            expires=tx.time + asked.seconds * 1_000_000,
            patient=asked.patient,
            purpose=BREAK_GLASS,
            reason=asked.reason,
            amr=tuple(dict.fromkeys((*session.amr, *proofs))),
            acr=session.acr,
        )
        kept[:] = [await grants.put(tx, grant)]
        until = kept[0].expires
        await keep(tx, Breaking(kept[0].id, tx.time, account.actor, asked.patient, asked.reason.strip(), until))
        details = {"purpose": BREAK_GLASS, "reason": asked.reason, "seconds": asked.seconds}
        target, patients = f"Patient/{asked.patient}", (asked.patient,)
        event = Event("break-glass", account.actor, asker, 201, target, patients, details)
        await desk.auth.trail.note(event, tx)

    message = _message(account, asked, desk.auth.now())
    await desk.write(account, asker, [entry("POST", "Communication", message)], also)
    return Broken(kept[0], await desk.auth.tokens.access(kept[0], asked.seconds), asked.seconds)


def _demand_sense(asked: Emergency) -> None:
    faults: dict[str, list[str]] = {}
    if not is_id(asked.patient):
        faults["patient"] = ["must be the id of a patient"]
    if len(asked.reason.strip()) < SHORTEST_REASON:
        faults["reason"] = [f"must say why, in at least {SHORTEST_REASON} characters"]
    if not 1 <= asked.seconds <= LONGEST:
        faults["seconds"] = [f"must be from 1 to {LONGEST}"]
    if faults:
        raise Invalid(faults)


def _message(account: Account, asked: Emergency, now: int) -> Resource:
    """Return what the patient is told: who, why and until when."""
    patient = {"reference": f"Patient/{asked.patient}"}
    # Communication.sender takes no Person, which is what stands behind an administrator.
    is_person = account.actor.startswith("Person/")
    who = {"display": f"An administrator ({account.actor})"} if is_person else {"reference": account.actor}
    until = instant(now + asked.seconds * 1_000_000)
    text = f"Your record was opened under break-glass until {until}. The reason given: {asked.reason.strip()}"
    return {
        "resourceType": "Communication",
        "status": "completed",
        "category": [{"coding": [{"system": REASONS, "code": BREAK_GLASS}]}],
        "priority": "urgent",
        "subject": patient,
        "recipient": [patient],
        "sender": who,
        "sent": instant(now),
        "payload": [{"contentString": text}],
    }
