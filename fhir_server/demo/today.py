"""The video consultation of today: clinics of demos have their appointments on fixed days, when nobody may be there."""

from __future__ import annotations

from contextlib import suppress
from uuid import uuid4

from auth.rights import EVERYTHING
from fhir_server.accounts.desk import Desk
from fhir_server.errors import Conflict
from fhir_server.interactions.call import Call, Principal, Resource
from fhir_server.interactions.create import create
from fhir_server.model.resource import instant
from mappings.concepts.names import ACT

PATIENT, DOCTOR = "Patient/camille-moreau", "Practitioner/helene-garnier"
HOUR = 3_600_000_000
"""Microseconds."""


async def book(desk: Desk) -> None:
    """Book one from now on for two hours, in the name of the patient.

    Where the doctor has an appointment in that time, as that of a demo that was started a while ago, none is made.
    """
    now = desk.services.now()
    wanted, who = _appointment(now, now + 2 * HOUR), Principal(PATIENT, EVERYTHING)
    with suppress(Conflict):
        await create(Call(desk.services, who, f"demo-{uuid4().hex[:16]}", "Appointment", resource=wanted))


def _appointment(start: int, end: int) -> Resource:
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "serviceType": [{"coding": [{"system": ACT, "code": "VR", "display": "virtual"}]}],
        "appointmentType": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0276", "code": "ROUTINE"}]},
        "reasonCode": [{"text": "Suivi de la tension"}],
        "description": "Téléconsultation : Suivi de la tension",
        "start": instant(start),
        "end": instant(end),
        "created": instant(start),
        "participant": [{"actor": {"reference": each}, "status": "accepted"} for each in (PATIENT, DOCTOR)],
    }
