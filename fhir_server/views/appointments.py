"""Appointments: asked for by a patient or a doctor, confirmed and completed by the doctor, cancelled by either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from auth.accounts import account_of
from auth.errors import Denied
from fhir_server.errors import Conflict, Gone, NotFound
from fhir_server.interactions.booking import LONGEST
from fhir_server.interactions.read import read
from fhir_server.interactions.relating import TELEMEDICINE, is_refused
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Transaction
from fhir_server.views.acting import Acting, Also
from fhir_server.views.anew import anew
from fhir_server.views.booked import end_consultations, mark_slots, span
from fhir_server.views.demand_version import demand_version
from fhir_server.views.find import find
from fhir_server.views.former_people import of_now
from fhir_server.views.notify import notify
from mappings.errors import Unfit
from mappings.transactions.act import changes, transaction
from mappings.views.appointment import NEXT, VIEW, ask_patient, objection
from mappings.views.check import settable
from mappings.views.show import show
from mappings.views.view import Parts, Values
from mappings.views.write import write
from profiles.issues import Issue

OWN = {"patient": "patient_id", "doctor": "doctor_id"}
"""The field that has the id of who asks, by role."""
OPEN = ("pending", "confirmed")
TIMES = ("starts_at", "ends_at")
REASON = "cancellation_reason"
TOLD = {"confirmed": "appointment_confirmed", "cancelled": "appointment_cancelled"}


async def book(acting: Acting, record: Values) -> Parts:
    """Ask for an appointment, and tell the other side. Raises Denied, Unfit, Conflict, Forbidden."""
    own = OWN.get(acting.account.role)
    if own is None:
        raise Denied("Patients and doctors make appointments.")
    act = acting.act()
    made = {own: acting.account.id} | settable(VIEW, await of_now(acting, record))
    made |= {"id": act.new_id(), "inserted_at": act.moment, "updated_at": act.moment}
    parts = write(VIEW, made)
    if acting.account.role == "doctor":
        ask_patient(parts)
    shown = show(VIEW, parts)
    _refuse([*_misbooked(acting, shown, own), *_mistimed(acting, shown)])
    await _demand_doctor(acting, shown["doctor_id"])

    async def hold(tx: Transaction) -> None:
        await _demand_consent(tx, shown)
        await mark_slots(acting, tx, shown, "busy")

    await acting.write(transaction(changes({}, parts)), [hold, _tell(acting, "appointment_booked", shown)])
    return await find(acting, VIEW, shown["id"])


async def change(acting: Acting, id: str, record: Values, if_match: str | None = None) -> Parts:
    """Bring an appointment to what is said. Raises NotFound, PreconditionFailed, Unfit, Conflict, Denied."""
    stored = await find(acting, VIEW, id)
    demand_version(etag(stored), if_match)
    record, before = settable(VIEW, await of_now(acting, record)), show(VIEW, stored)
    moved = [name for name in OWN.values() if name in record and record[name] != before[name]]
    _refuse((name, "cannot be changed: book another appointment") for name in moved)
    _demand_side(acting, before)
    if reason := _barred(before["status"], record.get("status")):
        raise Conflict(reason)
    if write(VIEW, record, stored) == stored:
        return stored
    parts = write(VIEW, record | {"updated_at": acting.act().moment}, stored)
    after = show(VIEW, parts)
    _demand_change(acting, before, after)
    also = [_holding(acting, before, after)]
    if after["status"] != before["status"] and after["status"] in TOLD:
        also.append(_tell(acting, TOLD[after["status"]], after))
    await acting.write(transaction(changes(stored, parts)), also)
    return await find(acting, VIEW, id)


async def become(
    acting: Acting, id: str, status: str, said: Values | None = None, if_match: str | None = None
) -> Parts:
    """Confirm, complete or cancel an appointment; `said` is what the client has sent, nothing but a reason.

    Raises as `change`; Conflict also when it is that already.
    """
    _refuse((name[:64], "is nothing that can be said here") for name in said or () if name != REASON)
    reason = (said or {}).get(REASON)
    record = {"status": status} | ({} if reason is None else {REASON: reason})

    async def stepped() -> Parts:
        before = show(VIEW, await find(acting, VIEW, id))
        if before["status"] == status:
            raise Conflict(str(objection(status, status)))
        return await change(acting, id, record, if_match)

    return await anew(stepped, if_match)


async def remove(acting: Acting, id: str, if_match: str | None = None) -> None:
    """Take an appointment out of the view; its versions are kept. Raises Conflict for one that is still to be."""
    stored = await find(acting, VIEW, id)
    demand_version(etag(stored), if_match)
    shown = show(VIEW, stored)
    _demand_side(acting, shown)
    if shown["status"] in OPEN:
        raise Conflict("It is still to take place: cancel it first, so that the other side is told.")
    gone = stored[VIEW.root][0] | {"status": "entered-in-error"}
    gone.pop("cancelationReason", None)  # app-4: an entry in error was not cancelled. The version before says why.
    await acting.write(transaction(changes(stored, {VIEW.root: [gone]})))


def etag(parts: Parts) -> str:
    """Return the weak ETag of an appointment."""
    return f'W/"{parts[VIEW.root][0]["meta"]["versionId"]}"'


def _misbooked(acting: Acting, shown: Values, own: str) -> Iterator[tuple[str, str]]:
    if shown[own] != acting.account.id:
        yield own, "must be your own id"
    if shown["status"] != "pending":
        yield "status", "must be pending: the doctor confirms it then"


def _mistimed(acting: Acting, shown: Values) -> Iterator[tuple[str, str]]:
    start, end = span(shown)
    if end - start > LONGEST:
        yield "ends_at", "must be within 24 hours of starts_at"
    if acting.account.role == "patient" and start <= acting.desk.services.now():
        yield "starts_at", "must be in the future"


def _demand_change(acting: Acting, before: Values, after: Values) -> None:
    """Raise what stands against a change: what may become of an appointment, and who may do it."""
    now, then, role = before["status"], after["status"], acting.account.role
    if now == then and not NEXT[now]:
        raise Conflict(str(objection(now, then)))
    if now != then and then != "cancelled" and role != "doctor":
        raise Denied("The doctor confirms and completes appointments.")
    if any(before[name] != after[name] for name in TIMES):
        if role != "doctor" and now != "pending":
            raise Conflict("It is confirmed for that time: cancel it, and book another one.")
        _refuse((name, "is needed") for name in TIMES if after[name] is None)
        _refuse(_mistimed(acting, after))


def _barred(now: str, then: Any) -> str | None:
    """Return why what is asked for cannot become of an appointment; what is no status is told of as a field."""
    return objection(now, then) if isinstance(then, str) and then in NEXT and then != now else None


def _demand_side(acting: Acting, shown: Values) -> None:
    """Raise Denied for whoever can see an appointment without being a side of it, such as another doctor."""
    if acting.account.id not in [shown[name] for name in OWN.values()]:
        raise Denied("Only the patient and the doctor of an appointment change it.")


def _holding(acting: Acting, before: Values, after: Values) -> Also:
    async def hold(tx: Transaction) -> None:
        moved = any(before[name] != after[name] for name in TIMES)
        timed = all(before[name] is not None for name in TIMES)
        if timed and before["status"] in OPEN and (moved or after["status"] == "cancelled"):
            await mark_slots(acting, tx, before, "free")
        if after["status"] in OPEN and moved:
            await mark_slots(acting, tx, after, "busy")
        if after["status"] != before["status"]:
            await end_consultations(acting, tx, after)

    return hold


def _tell(acting: Acting, kind: str, shown: Values) -> Also:
    """Tell the other side."""
    by_patient = acting.account.role == "patient"
    other = f"Practitioner/{shown['doctor_id']}" if by_patient else f"Patient/{shown['patient_id']}"
    return notify(acting.desk, acting.asker, kind, other, f"/appointments/{shown['id']}")


async def _demand_doctor(acting: Acting, id: str) -> None:
    try:
        result = await read(acting.call("Practitioner", id=id))
    except (NotFound, Gone):
        result = None
    account = await account_of(acting.desk.services.store.records, id)
    if account is not None and account.status != "active":
        result = None  # Nobody would come: who has left, or may not sign in, is in the record still.
    if result is None or not parse(result.body or b"{}").get("active", True):
        _refuse([("doctor_id", "is not a doctor who can be booked here")])


async def _demand_consent(tx: Transaction, shown: Values) -> None:
    if shown["kind"] == "video" and await is_refused(tx, str(shown["patient_id"]), TELEMEDICINE):
        raise Conflict("The patient has not agreed to telemedicine: a video consultation needs that consent first.")


def _refuse(faults: Iterable[tuple[str, str]]) -> None:
    issues = [Issue("error", "business-rule", message, name) for name, message in faults]
    if issues:
        raise Unfit(issues)
