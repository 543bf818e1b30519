"""A patient's own summary: the Patient with what matters most of the record, as one searchset Bundle."""

from __future__ import annotations

from auth.errors import Denied
from fhir_server.interactions.search import search
from fhir_server.views.acting import Acting

TYPES = (
    "AllergyIntolerance",
    "Appointment",
    "Composition",
    "Condition",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "MedicationRequest",
    "MedicationStatement",
)
"""What comes with the Patient. Measurements are searched for at `/fhir`, page by page: there may be thousands."""


async def summary(acting: Acting) -> bytes:
    """Return the Bundle as JSON. Raises Denied for whoever is no patient."""
    if acting.account.role != "patient":
        raise Denied("This is for patients: it is the summary of their own record.")
    others = [("_revinclude", f"{type}:patient") for type in TYPES]
    result = await search(acting.call("Patient", parameters=[("_id", acting.account.id), *others]))
    return result.body or b"{}"
