"""Doctors by their roles: an Appointment or a Composition may name a PractitionerRole in place of the doctor."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.interactions.search import search
from fhir_server.views.acting import Acting
from fhir_server.views.find import resources

MOST = 100
"""Roles of one doctor that are looked for."""


async def with_roles(acting: Acting, parameters: Sequence[tuple[str, str]], doctor: str) -> list[tuple[str, str]]:
    """Return search parameters of which those that look for a doctor look for the doctor's roles, too.

    Not by a chain: the two together, `Practitioner/1` or a role of theirs, would be two ways through all there is.
    """
    person = f"Practitioner/{doctor}"
    asked = [("practitioner", person), ("_elements", "practitioner"), ("_count", str(MOST))]
    found = resources(await search(acting.call("PractitionerRole", parameters=asked)))
    any_of = ",".join([person, *(f"PractitionerRole/{each['id']}" for each in found)])
    return [(name, any_of if value == person else value) for name, value in parameters]
