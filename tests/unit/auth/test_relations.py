"""Which appointments and care teams open care relations, for how long, and what others may change of them."""

from __future__ import annotations

from typing import Any

import pytest

from auth.relations import (
    DAY,
    Relation,
    accepts,
    changed,
    decided,
    mentioned_roles,
    overlap,
    relation_of,
    relations_of,
)
from profiles.datatypes.temporal import date_range

Json = dict[str, Any]
NOW = date_range("2026-01-01")[0]
KIND = "urn:fhir-health-server:telemed/CodeSystem/telemed-appointment-kind"


def relations(resource: Json, **roles: str) -> list[Relation]:
    role_of = {f"PractitionerRole/{id}": each for id, each in roles.items()}
    return relations_of(resource, now=NOW, days_after=30, role_of=role_of)


def appointment(*actors: str, status: str = "booked", **more: Any) -> Json:
    taking = [{"actor": {"reference": each}, "status": "accepted"} for each in actors]
    made = {"resourceType": "Appointment", "id": "a", "status": status, "participant": taking}
    return made | {"start": "2026-03-01T09:00:00Z", "end": "2026-03-01T09:30:00Z"} | more


def team(*members: Json, **more: Any) -> Json:
    made = {"resourceType": "CareTeam", "id": "t", "status": "active", "subject": {"reference": "Patient/p"}}
    return made | {"participant": list(members)} | more


def member(reference: str, **more: Any) -> Json:
    return {"member": {"reference": reference}, **more}


def until(end: int | None, since: int | None = None, *, telemedicine: bool = False) -> Relation:
    return Relation("d", "p", "Appointment/a", since, end, telemedicine=telemedicine)


def test_an_appointment_is_between_its_patients_and_professionals_until_some_days_after() -> None:
    (found,) = relations(appointment("Patient/p", "Practitioner/d"))
    until = date_range("2026-03-01T09:30:00Z")[1] + 30 * DAY
    assert found == Relation("d", "p", "Appointment/a", None, until, telemedicine=True)
    pairs = {each.pair for each in relations(appointment("Patient/p", "Patient/q", "Practitioner/d", "Practitioner/e"))}
    assert pairs == {"d/p", "d/q", "e/p", "e/q"}
    assert relations(appointment("Patient/p", "Location/l")) == []


def test_one_without_a_time_counts_from_now() -> None:
    (found,) = relations(appointment("Patient/p", "Practitioner/d", start=None, end=None))
    assert found.until == NOW + 30 * DAY


@pytest.mark.parametrize(
    ("status", "opens"),
    [
        ("proposed", True),
        ("pending", True),
        ("booked", True),
        ("arrived", True),
        ("fulfilled", True),
        ("checked-in", True),
        ("waitlist", True),
        ("cancelled", False),
        ("noshow", False),
        ("entered-in-error", False),
    ],
)
def test_an_appointment_that_is_off_opens_nothing(status: str, opens: bool) -> None:
    assert bool(relations(appointment("Patient/p", "Practitioner/d", status=status))) is opens


def test_who_has_declined_takes_no_part() -> None:
    declined = appointment("Patient/p", "Practitioner/d")
    declined["participant"][1]["status"] = "declined"
    assert relations(declined) == []


def test_a_role_stands_for_who_has_it() -> None:
    by_role = appointment("Patient/p", "PractitionerRole/r")
    assert mentioned_roles(by_role) == ["PractitionerRole/r"]
    assert [each.pair for each in relations(by_role, r="d")] == ["d/p"]
    assert relations(by_role) == []


@pytest.mark.parametrize("element", ["serviceCategory", "serviceType", "appointmentType"])
def test_an_appointment_is_telemedicine_unless_it_says_otherwise(element: str) -> None:
    for code, telemedicine in (("video", True), ("office", False)):
        kind: Any = {"coding": [{"system": KIND, "code": code}]}
        coded = {element: kind if element == "appointmentType" else [kind]}
        (found,) = relations(appointment("Patient/p", "Practitioner/d", **coded))
        assert found.telemedicine is telemedicine


def test_a_care_team_lasts_as_long_as_it_and_the_membership_do() -> None:
    periods = {"period": {"start": "2026-01-01", "end": "2026-12-31"}}
    (found,) = relations(team(member("Practitioner/d", period={"start": "2026-02-01"}), **periods))
    assert found == Relation("d", "p", "CareTeam/t", date_range("2026-02-01")[0], date_range("2026-12-31")[1] + 1)
    (open_ended,) = relations(team(member("Practitioner/d")))
    assert (open_ended.since, open_ended.until) == (None, None)


@pytest.mark.parametrize("status", ["proposed", "suspended", "inactive", "entered-in-error"])
def test_only_an_active_care_team_opens_relations(status: str) -> None:
    assert relations(team(member("Practitioner/d"), status=status)) == []


def test_a_care_team_of_a_group_or_with_a_patient_in_it_opens_nothing() -> None:
    assert relations(team(member("Practitioner/d"), subject={"reference": "Group/g"})) == []
    assert relations(team(member("Patient/q"))) == []


def test_a_member_twice_has_the_longer_of_both() -> None:
    (found,) = relations(team(member("Practitioner/d", period={"end": "2026-02-01"}), member("Practitioner/d")))
    assert found.until is None


def test_others_may_end_a_relation_or_end_it_sooner_and_nothing_else() -> None:
    before = [Relation("d", "p", "Appointment/a", None, 100), Relation("e", "p", "Appointment/a", 5, None)]
    wanted = [Relation("d", "p", "Appointment/a", None, 200), Relation("x", "p", "Appointment/a")]
    assert changed(before, wanted) == [before[0]]
    sooner = [Relation("d", "p", "Appointment/a", 7, 50), Relation("e", "p", "Appointment/a", 1, 60)]
    assert changed(before, sooner) == [
        Relation("d", "p", "Appointment/a", 7, 50),
        Relation("e", "p", "Appointment/a", 5, 60),
    ]
    assert changed(before, []) == []


@pytest.mark.parametrize(
    ("open", "said", "wanted", "after"),
    [
        # Named by the patient, or for a time that the patient has set.
        ([], [], [until(100)], [until(100)]),
        ([until(100)], [until(100)], [until(200)], [until(200)]),
        ([until(100)], [until(200)], [until(300)], [until(300)]),
        # Left as somebody else has written it: as far as it was open, or less.
        ([until(100)], [until(200)], [until(200)], [until(100)]),
        ([until(100)], [until(50)], [until(50)], [until(50)]),
        ([until(100)], [until(None)], [until(None)], [until(100)]),
        ([], [until(200)], [until(200)], []),
        ([], [until(200)], [until(300)], []),
        ([until(100)], [until(100)], [], []),
        # One thing changed, another left.
        ([until(100, 5)], [until(200, 1)], [until(300, 1)], [until(300, 5)]),
        ([until(100, telemedicine=True)], [until(200)], [until(300)], [until(300, telemedicine=True)]),
    ],
)
def test_a_patient_decides_what_they_change(
    open: list[Relation], said: list[Relation], wanted: list[Relation], after: list[Relation]
) -> None:
    assert decided({each.key: each for each in open}, said, wanted) == after


def taking(*statuses: str, who: str = "Patient/p") -> Json:
    return {"participant": [{"actor": {"reference": who}, "status": each} for each in statuses]}


@pytest.mark.parametrize(
    ("before", "after", "accepted"),
    [
        (taking("needs-action"), taking("accepted"), True),
        (taking("tentative"), taking("accepted"), True),
        (None, taking("accepted"), True),
        (taking("accepted"), taking("accepted"), False),
        (taking("needs-action"), taking("needs-action"), False),
        (taking("accepted"), taking("declined"), False),
        (taking("needs-action"), None, False),
        (taking("needs-action"), taking("accepted", who="Patient/q"), False),
        (taking("needs-action"), taking("accepted", who="Practitioner/p"), False),
        ({}, {"participant": [{"member": {"reference": "Patient/p"}}]}, False),
    ],
)
def test_a_patient_accepts_by_the_status_of_the_own_participation(
    before: Json | None, after: Json | None, accepted: bool
) -> None:
    assert accepts(before, after, "p") is accepted


@pytest.mark.parametrize(
    "relation",
    [
        Relation("d", "p", "CareTeam/t"),
        Relation("d", "p", "Appointment/a", 1, 2, ({"types": ["Observation"]},), True),
        Relation("*", "p", "Consent/c", None, None, ({"labels": [["s", "R"]]},), labelled=True),
    ],
)
def test_a_relation_comes_back_from_its_record(relation: Relation) -> None:
    assert relation_of(relation.value, relation.until) == relation


def test_periods_overlap_in_whole_days() -> None:
    start, end = overlap({"start": "2026-01-01", "end": "2026-01-31"}, None, {"end": "2026-01-10"})
    assert (start, end) == (date_range("2026-01-01")[0], date_range("2026-01-11")[0])
    assert overlap(None, {}) == (None, None)
