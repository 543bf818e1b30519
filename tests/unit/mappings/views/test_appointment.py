"""Appointments: the shape of the contract, states of others, and what FHIR does not allow."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.errors import Unfit
from mappings.views.appointment import NEXT, VIEW, ask_patient, ended, objection
from mappings.views.show import show
from mappings.views.write import write

RECORD: dict[str, Any] = {
    "id": "a",
    "patient_id": "p",
    "doctor_id": "d",
    "starts_at": "2026-03-02T09:30:00+01:00",
    "ends_at": "2026-03-02T09:45:00+01:00",
    "kind": "video",
    "status": "pending",
    "reason": "Palpitations",
    "cancellation_reason": None,
    "inserted_at": "2026-03-01T10:00:00Z",
    "updated_at": "2026-03-01T10:00:00Z",
}
KINDS = "urn:fhir-health-server:telemed/CodeSystem/telemed-appointment-kind"
ACTS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def test_an_appointment_is_what_r4_makes_of_it() -> None:
    (made,) = write(VIEW, RECORD)["Appointment"]
    assert made["status"] == "pending"
    assert made["serviceType"] == [{"coding": [{"system": KINDS, "code": "video"}, {"system": ACTS, "code": "VR"}]}]
    assert made["participant"] == [
        {"actor": {"reference": "Patient/p"}, "status": "accepted"},
        {"actor": {"reference": "Practitioner/d"}, "status": "needs-action"},
    ]
    assert tuple(show(VIEW, {"Appointment": [made]})) == tuple(RECORD)


def test_the_doctor_has_agreed_once_it_is_confirmed() -> None:
    stored = write(VIEW, RECORD)
    (made,) = write(VIEW, {"status": "confirmed"}, stored)["Appointment"]
    assert (made["status"], [each["status"] for each in made["participant"]]) == ("booked", ["accepted"] * 2)


def test_nobody_agrees_for_the_patient() -> None:
    stored = write(VIEW, RECORD)
    ask_patient(stored)
    (made,) = stored["Appointment"]
    assert [each["status"] for each in made["participant"]] == ["needs-action", "accepted"]
    for change in ({"status": "confirmed"}, {"status": "confirmed", "reason": "Contrôle"}):
        stored = write(VIEW, change, stored)
        assert [each["status"] for each in stored["Appointment"][0]["participant"]] == ["needs-action", "accepted"]


def test_only_a_cancelled_one_has_a_reason_for_that() -> None:
    stored = write(VIEW, RECORD)
    with pytest.raises(Unfit) as caught:
        write(VIEW, {"cancellation_reason": "Malade"}, stored)
    assert list(caught.value.fields) == ["cancellation_reason"]
    made = write(VIEW, {"status": "cancelled", "cancellation_reason": "Malade"}, stored)
    assert made["Appointment"][0]["cancelationReason"] == {"text": "Malade"}


@pytest.mark.parametrize(
    ("more", "over"),
    [
        ({"status": "confirmed", "updated_at": "2026-03-03T10:00:00Z"}, None),
        ({"status": "completed", "updated_at": "2026-03-03T10:00:00Z"}, RECORD["ends_at"]),
        ({"status": "completed", "updated_at": "2026-03-02T08:40:00Z"}, "2026-03-02T08:40:00Z"),
        ({"status": "completed", "ends_at": None}, None),
    ],
)
def test_a_completed_one_was_over_at_its_end_or_when_that_was_said(more: dict[str, Any], over: str | None) -> None:
    assert ended(RECORD | more) == over


@pytest.mark.parametrize("end", ["2026-03-02T09:30:00+01:00", "2026-03-02T08:29:59Z"])
def test_it_ends_after_it_starts(end: str) -> None:
    with pytest.raises(Unfit) as caught:
        write(VIEW, RECORD | {"ends_at": end})
    assert caught.value.fields == {"ends_at": ["must be after starts_at"]}


@pytest.mark.parametrize(
    ("state", "status"),
    [("proposed", "pending"), ("arrived", "confirmed"), ("noshow", "cancelled"), ("fulfilled", "completed")],
)
def test_states_of_others_are_shown_and_kept(state: str, status: str) -> None:
    stored = write(VIEW, RECORD)
    stored["Appointment"][0]["status"] = state
    assert show(VIEW, stored)["status"] == status
    changed = write(VIEW, {"status": status, "reason": "x"}, stored)
    assert changed["Appointment"][0]["status"] == state


def test_the_filter_by_status_finds_the_states_of_others_too() -> None:
    assert VIEW.filters["status"].write("cancelled") == (("status", "cancelled,noshow"),)
    assert VIEW.filters["from"].write("2026-03-02T09:30:00+01:00") == (("date", "ge2026-03-02T09:30:00+01:00"),)


@pytest.mark.parametrize("now", NEXT)
def test_what_cannot_become_of_an_appointment_is_told_with_what_can(now: str) -> None:
    allowed = {"pending": {"confirmed", "cancelled"}, "confirmed": {"completed", "cancelled"}}
    assert {then for then in NEXT if objection(now, then) is None} == allowed.get(now, set())
    assert objection("pending", "completed") == (
        "An appointment that is pending cannot become completed, only confirmed or cancelled."
    )
    assert objection("cancelled", "confirmed") == "It is cancelled for good."
