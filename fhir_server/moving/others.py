"""Consents, appointments and notifications: one resource each, under the id of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from auth.accounts import TYPES
from fhir_server.interactions.booking import LONGEST
from fhir_server.moving.arriving import Arrival, Arriving, Row, fault, refuse
from fhir_server.moving.records import OWNERS, timed
from fhir_server.views.acting import HOUSE
from fhir_server.views.appointments import OPEN
from fhir_server.views.booked import span
from fhir_server.views.former import former_key, moved
from mappings.transactions.act import create
from mappings.views import appointment as appointments
from mappings.views import consent as consents
from mappings.views import notification as notifications
from mappings.views.check import check
from mappings.views.former import add_former
from mappings.views.show import show
from mappings.views.write import write

DECISION = "decision"
"""Rows that say which consent of a type a patient has: the key has the former id of the patient and the type."""


async def consent(arriving: Arriving, id: str, line: Mapping[str, Any]) -> Arrival:
    """Return the decision of a line, as its patient made it. Raises Unfit."""
    users, issues = await arriving.users(line, {"user_id": "patient"})
    record = _without(line, "id", "user_id")
    refuse([*issues, *check(consents.VIEW, record)])
    decided = f"{users['user_id']['id']}/{record.get('type')}"
    if await moved(arriving.services.store.records, DECISION, decided):
        refuse([fault("type", "is one of a consent that the user has already: leave the decision that counts")])
    person = f"Patient/{users['user_id']['id']}"
    made = {"id": arriving.services.new_id(), **consents.taken_over(record, person, arriving.notice)}
    add_former(made, "consent", id)
    rows = {former_key("consent", id): {"id": made["id"]}, former_key(DECISION, decided): {"id": made["id"]}}
    return Arrival([create(made)], person, rows, claims=[decided])


async def appointment(arriving: Arriving, id: str, line: Mapping[str, Any]) -> Arrival:
    """Return the appointment of a line, as its patient made it. Raises Unfit.

    One that is still to be takes the doctor's time, and is refused where that is taken.
    """
    users, issues = await arriving.users(line, OWNERS)
    record = timed(_without(line, "id", *OWNERS))
    refuse([*issues, *check(appointments.VIEW, record)])
    ids = {name: row["id"] for name, row in users.items()}
    parts = write(appointments.VIEW, {"id": arriving.services.new_id()} | record | ids)
    shown = show(appointments.VIEW, parts)
    start, end = span(shown)
    if end - start > LONGEST:
        refuse([fault("ends_at", "must be within 24 hours of starts_at")])
    (made,) = parts["Appointment"]
    add_former(made, "appointment", id)
    row: Row = {"id": made["id"]}
    arrival = Arrival([create(made)], f"Patient/{ids['patient_id']}", {former_key("appointment", id): row})
    if shown["status"] not in OPEN or end <= arriving.services.now():
        return arrival
    return replace(arrival, claims=[ids["doctor_id"]], booked=shown)


async def notification(arriving: Arriving, id: str, line: Mapping[str, Any]) -> Arrival:
    """Return the notification of a line. Nobody is told of it again. Raises Unfit."""
    users, issues = await arriving.users(line, {"user_id": ""})
    if users and users["user_id"]["role"] == "admin":
        issues.append(fault("user_id", "names an administrator: those have no notifications here"))
    record = _without(line, "id", "user_id")
    refuse([*issues, *check(notifications.VIEW, record)])
    row = users["user_id"]
    start = notifications.notification_for(f"{TYPES[row['role']]}/{row['id']}")
    parts = write(notifications.VIEW, {"id": arriving.services.new_id()} | record, start=start)
    (made,) = parts["Communication"]
    add_former(made, "notification", id)
    return Arrival([create(made)], HOUSE.actor, {former_key("notification", id): {"id": made["id"]}})


def _without(line: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in names}
