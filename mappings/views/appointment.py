"""The view `appointment`: an Appointment of a patient with a doctor (http://hl7.org/fhir/R4/appointment.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mappings.concepts.bijection import bijection, codes
from mappings.concepts.names import ACT, HL7, definition, system
from mappings.views.kind import ID, MOMENT, MOMENT_OR_NONE, OR_NONE, TEXT, WHEN, nearest, one_of, reference
from mappings.views.moments import COMPLETED, is_before
from mappings.views.view import At, Field, Filter, Parts, Values, View, at, parameter

_KINDS = codes("telemed-appointment-kind")
_ACTS = bijection("telemed-appointment-kind-act")
_STATUSES = codes("telemed-appointment-status")
_STATES = bijection("telemed-appointment-status-r4")
NEAREST: Mapping[str, str] = {
    "proposed": "pending",
    "waitlist": "pending",
    "arrived": "confirmed",
    "checked-in": "confirmed",
    "noshow": "cancelled",
}
"""States of Appointments of others, as the view shows them."""
NEXT: Mapping[str, tuple[str, ...]] = {
    "pending": ("confirmed", "cancelled"),
    "confirmed": ("completed", "cancelled"),
    "completed": (),
    "cancelled": (),
}
"""What may become of an appointment, by its status."""
_SERVICE = f"Appointment.serviceType.where(coding.where(system = '{system('appointment-kind')}').exists())"


def _participant(type: str) -> str:
    return f"Appointment.participant.where(actor.reference.startsWith('{type}/')).actor.reference"


def _moment(name: str, fallback: str) -> tuple[At, ...]:
    place = f"Appointment.extension('{definition(name)}').value.ofType(instant)"
    return at(place, At(fallback, COMPLETED, only_read=True))


def objection(now: str, then: str) -> str | None:
    """Return why an appointment of one status cannot get another, as a sentence, None when it can."""
    if then in NEXT[now]:
        return None
    ways = " or ".join(NEXT[now])
    return f"An appointment that is {now} cannot become {then}, only {ways}." if ways else f"It is {now} for good."


def ended(record: Values) -> str | None:
    """Return when the consultation of an appointment was over, None while nobody has said that it is.

    A completed one was over at its end, or when it was completed if that was before.
    """
    if record["status"] != "completed" or record["ends_at"] is None:
        return None
    end, completed = str(record["ends_at"]), str(record["updated_at"])
    return completed if is_before(completed, end) else end


def complete_appointment(parts: Parts) -> None:
    """Say who has agreed: the patient who asked, and the doctor once the appointment is confirmed.

    Nobody agrees for a patient who was asked.
    """
    appointment = parts["Appointment"][0]
    agreed = appointment["status"] in ("booked", "fulfilled")
    for each in appointment.get("participant", ()):
        doctor = each.get("actor", {}).get("reference", "").startswith("Practitioner")
        if "status" not in each:
            each["status"] = "accepted" if agreed or not doctor else "needs-action"
        elif agreed and doctor and each["status"] == "needs-action":
            each["status"] = "accepted"


def ask_patient(parts: Parts) -> None:
    """Say of a new appointment that the doctor has asked for it, and the patient has not answered yet."""
    for each in parts["Appointment"][0]["participant"]:
        of_patient = each["actor"]["reference"].startswith("Patient/")
        each["status"] = "needs-action" if of_patient else "accepted"


def rules(record: Values) -> Iterator[tuple[str, str]]:
    """Yield what FHIR does not allow an appointment to be (app-2, app-4), and ends before beginnings."""
    start, end = record["starts_at"], record["ends_at"]
    if start and end and not is_before(start, end):
        yield "ends_at", "must be after starts_at"
    if record["cancellation_reason"] is not None and record["status"] != "cancelled":
        yield "cancellation_reason", "must be null while the appointment is not cancelled"


def _of_status(status: str) -> tuple[tuple[str, str], ...]:
    states = [_STATES.forward.get(status, status), *(state for state, shown in NEAREST.items() if shown == status)]
    return (("status", ",".join(states)),)


VIEW = View(
    name="appointment",
    root="Appointment",
    links={"PractitionerRole": "Appointment.participant.actor.reference"},
    fields=(
        Field("id", ID, at("Appointment.id"), kept=True),
        Field("patient_id", reference("Patient"), at(_participant("Patient")), required=True, shows=OR_NONE),
        Field(
            "doctor_id",
            reference("Practitioner"),
            at(
                _participant("Practitioner"),
                At("PractitionerRole.practitioner.reference", only_read=True),
                At(_participant("PractitionerRole"), reference("PractitionerRole"), only_read=True),
            ),
            required=True,
            shows=OR_NONE,
        ),
        Field("starts_at", MOMENT, at("Appointment.start"), required=True, shows=MOMENT_OR_NONE),
        Field("ends_at", MOMENT, at("Appointment.end"), required=True, shows=MOMENT_OR_NONE),
        Field(
            "kind",
            one_of(_KINDS),
            at(
                At(
                    f"{_SERVICE}.coding.where(system = '{system('appointment-kind')}')",
                    one_of(_KINDS, coding=system("appointment-kind")),
                ),
                At(f"{_SERVICE}.coding.where(system = '{ACT}')", one_of(_KINDS, coding=ACT, by=_ACTS)),
                At(
                    f"Appointment.serviceType.coding.where(system = '{ACT}')",
                    one_of(_KINDS, coding=ACT, by=_ACTS),
                    only_read=True,
                ),
            ),
            shown="office",
            required=True,
        ),
        Field(
            "status",
            one_of(_STATUSES),
            at(
                At("Appointment.status", one_of(_STATUSES, by=_STATES)),
                At("Appointment.status", nearest(NEAREST), only_read=True),
            ),
            default="pending",
            required=True,
        ),
        Field(
            "reason",
            TEXT,
            at(
                "Appointment.reasonCode.text",
                At("Appointment.reasonCode.coding.display", only_read=True),
                At("Appointment.description", only_read=True),
            ),
        ),
        Field(
            "cancellation_reason",
            TEXT,
            at(
                "Appointment.cancelationReason.text", At("Appointment.cancelationReason.coding.display", only_read=True)
            ),
        ),
        Field(
            "inserted_at",
            MOMENT,
            _moment("inserted-at", "Appointment.created"),
            required=True,
            kept=True,
            shows=MOMENT_OR_NONE,
        ),
        Field("updated_at", MOMENT, _moment("updated-at", "Appointment.meta.lastUpdated"), required=True, kept=True),
    ),
    new={
        "Appointment": {
            "resourceType": "Appointment",
            "appointmentType": {"coding": [{"system": f"{HL7}/v2-0276", "code": "ROUTINE"}]},
        }
    },
    complete=complete_appointment,
    rules=rules,
    hides=lambda root: root.get("status") == "entered-in-error",
    listed=(("status:not", "entered-in-error"),),
    filters={
        "patient_id": parameter("patient", "Patient/{}", kind=ID),
        "doctor_id": parameter("actor", "Practitioner/{}", kind=ID),
        "status": Filter(one_of(_STATUSES), _of_status),
        "from": parameter("date", "ge{}", kind=WHEN),
        "to": parameter("date", "le{}", kind=WHEN),
    },
    order="date",
    sorts={"starts_at": "date", "updated_at": "_lastUpdated"},
    included=("actor:PractitionerRole",),
)
