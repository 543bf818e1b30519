"""The view `slot`: a time at which a doctor can be booked (http://hl7.org/fhir/R4/slot.html)."""

from __future__ import annotations

from mappings.concepts.bijection import bijection, codes
from mappings.concepts.names import ACT
from mappings.views.kind import ID, MOMENT, WHEN, nearest, one_of, reference
from mappings.views.view import At, Field, Filter, View, at, parameter

_KINDS = codes("telemed-appointment-kind")
_STATUSES = ("free", "busy")


def _of_status(status: str) -> tuple[tuple[str, str], ...]:
    return (("status", "free"),) if status == "free" else (("status:not", "free,entered-in-error"),)


VIEW = View(
    name="slot",
    root="Slot",
    links={"Schedule": "Slot.schedule.reference"},
    fields=(
        Field("id", ID, at("Slot.id"), kept=True),
        Field(
            "doctor_id",
            reference("Practitioner"),
            at(At("Schedule.actor.where(reference.startsWith('Practitioner/')).reference", only_read=True)),
        ),
        Field("starts_at", MOMENT, at("Slot.start"), required=True),
        Field("ends_at", MOMENT, at("Slot.end"), required=True),
        Field(
            "kind",
            one_of(_KINDS),
            at(
                At(
                    f"Slot.serviceType.coding.where(system = '{ACT}')",
                    one_of(_KINDS, coding=ACT, by=bijection("telemed-appointment-kind-act")),
                )
            ),
        ),
        Field(
            "status",
            one_of(_STATUSES),
            at("Slot.status", At("Slot.status", nearest({}, "busy"), only_read=True)),
            default="free",
            required=True,
        ),
    ),
    new={"Slot": {"resourceType": "Slot"}},
    hides=lambda root: root.get("status") == "entered-in-error",
    listed=(("status:not", "entered-in-error"),),
    filters={
        "doctor_id": parameter("schedule.actor", "Practitioner/{}", kind=ID),
        "status": Filter(one_of(_STATUSES), _of_status),
        "from": parameter("start", "ge{}", kind=WHEN),
        "to": parameter("start", "le{}", kind=WHEN),
    },
    order="start",
    sorts={"starts_at": "start"},
    included=("schedule:Schedule",),
)
"""`start` gives new slots their Schedule: `{"Slot": [{"schedule": {"reference": "Schedule/1"}}]}`."""
