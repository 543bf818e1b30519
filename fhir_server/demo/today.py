"""The video consultation of today: clinics of demos have their appointments on fixed days, when nobody may be there."""

from __future__ import annotations

from uuid import uuid4

from auth.rights import EVERYTHING
from fhir_server.accounts.desk import Desk
from fhir_server.interactions.call import Call, Principal, Resource
from fhir_server.interactions.create import create
from fhir_server.model.resource import instant

PATIENT, DOCTOR = "Patient/camille-moreau", "Practitioner/helene-garnier"
HOUR = 3_600_000_000
"""Microseconds."""


async def book(desk: Desk) -> None:
    """Book one from now on for two hours, in the name of the patient."""
    now = desk.services.now()
    who = Principal(PATIENT, EVERYTHING)
    await create(
        Call(desk.services, who, f"demo-{uuid4().hex[:16]}", "Appointment", resource=_appointment(now, now + 2 * HOUR))
    )


def _appointment(start: int, end: int) -> Resource:
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "appointmentType": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0276", "code": "ROUTINE"}]},
        "reasonCode": [{"text": "Suivi de la tension"}],
        "description": "Téléconsultation : Suivi de la tension",
        "start": instant(start),
        "end": instant(end),
        "participant": [{"actor": {"reference": each}, "status": "accepted"} for each in (PATIENT, DOCTOR)],
    }
