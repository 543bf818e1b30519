"""When a doctor can be booked: the Slots whose Schedule is the doctor's, or that of a PractitionerRole of theirs."""

from __future__ import annotations

from dataclasses import replace

from fhir_server.views.acting import Acting
from fhir_server.views.find import demand_there
from fhir_server.views.listing import Shown, Wanted, listing
from mappings.views.show import show
from mappings.views.slot import VIEW


async def slots_of(acting: Acting, doctor: str, wanted: Wanted) -> Shown:
    """Return the page, every slot under the doctor it was asked of. Raises NotFound, and as `listing`.

    A Schedule may name several actors, or a role in place of the doctor.
    """
    await demand_there(acting, "Practitioner", doctor, "doctor")
    found = await listing(acting, VIEW, replace(wanted, filters={**wanted.filters, "doctor_id": doctor}))
    return Shown([show(VIEW, each) | {"doctor_id": doctor} for each in found.records], found.total, found.next)
