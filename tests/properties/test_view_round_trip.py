"""Appointments, notifications, consents, slots and users come back from FHIR as they were, and conform there."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.interactions.judging import ProfileJudge
from mappings.concepts.bijection import codes
from mappings.concepts.names import FRANCE
from mappings.views import appointment, consent, notification, slot
from mappings.views.me import TYPES, me
from mappings.views.notification import notification_for
from mappings.views.show import show
from mappings.views.view import Parts, View
from mappings.views.write import write
from profiles.validation.validator import Validator
from tests.fakes.shared import needs_shared_data
from tests.fakes.telemed import france, judge, known
from tests.properties.record_strategies import DECORATED, FILLED, IDS, OPTIONAL, TEXTS, decorated

Json = dict[str, Any]
EARLY = st.sampled_from(("2026-03-02T09:30:00+01:00", "2026-03-02T08:30:00.123456Z", "2024-02-29T23:59:59-03:30"))
LATE = st.sampled_from(("2026-03-02T09:45:00+01:00", "2026-03-02T08:45:00.000001Z", "2026-10-25T02:30:00+02:00"))
LINKS = st.none() | st.sampled_from(("/appointments/12", "https://x.example/é?a=1#b", "urn:uuid:0"))


def _appointment(status: str, why: str | None, rest: Json) -> Json:
    return rest | {"status": status, "cancellation_reason": why if status == "cancelled" else None}


def _consent(status: str, since: str | None, until: str, rest: Json) -> Json:
    times = {"granted_at": since or "2023-01-01T00:00:00Z", "revoked_at": None}
    if status == "revoked":
        times = {"granted_at": since, "revoked_at": until}
    return rest | {"status": status} | times


RECORDS: dict[str, tuple[View, st.SearchStrategy[Json], Parts]] = {
    "appointment": (
        appointment.VIEW,
        st.builds(
            _appointment,
            st.sampled_from(codes("telemed-appointment-status")),
            OPTIONAL,
            st.fixed_dictionaries(
                {
                    "id": IDS,
                    "patient_id": IDS,
                    "doctor_id": IDS,
                    "starts_at": EARLY,
                    "ends_at": LATE,
                    "kind": st.sampled_from(codes("telemed-appointment-kind")),
                    "reason": OPTIONAL,
                    "inserted_at": EARLY,
                    "updated_at": LATE,
                }
            ),
        ),
        {},
    ),
    "slot": (
        slot.VIEW,
        st.fixed_dictionaries(
            {
                "id": IDS,
                "doctor_id": st.just("dr"),
                "starts_at": EARLY,
                "ends_at": LATE,
                "kind": st.none() | st.sampled_from(codes("telemed-appointment-kind")),
                "status": st.sampled_from(("free", "busy")),
            }
        ),
        {"Slot": [{"schedule": {"reference": "Schedule/s"}}]},
    ),
    "notification": (
        notification.VIEW,
        st.fixed_dictionaries(
            {
                "id": IDS,
                "kind": st.sampled_from(codes("telemed-notification-kind")),
                "title": TEXTS,
                "body": OPTIONAL,
                "priority": st.sampled_from(codes("telemed-priority")),
                "read_at": st.none() | LATE,
                "inserted_at": EARLY,
                "link": LINKS,
            }
        ),
        notification_for("Patient/p"),
    ),
    "consent": (
        consent.VIEW,
        st.builds(
            _consent,
            st.sampled_from(codes("telemed-consent-status")),
            st.none() | EARLY,
            LATE,
            st.fixed_dictionaries({"type": st.sampled_from(codes("telemed-consent-type")), "version": FILLED}),
        ),
        {
            "Consent": [
                {
                    "patient": {"reference": "Patient/p"},
                    "performer": [{"reference": "Patient/p"}],
                    "policy": [{"uri": "https://clinic.example/notice"}],
                }
            ]
        },
    ),
}
GIVEN = {
    "email": "m@x.example",
    "role": "patient",
    "status": "active",
    "locale": "fr",
    "confirmed_at": None,
    "inserted_at": "2026-03-02T09:30:00Z",
}
USERS = st.fixed_dictionaries(
    {
        "id": IDS,
        "name": OPTIONAL,
        "phone": st.none() | FILLED,
        "birth_date": st.none() | st.sampled_from(("1974-12-25", "2024-02-29")),
    }
)
SCHEDULE = {"resourceType": "Schedule", "id": "s", "actor": [{"reference": "Practitioner/dr"}]}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_comes_back_as_it_was_and_written_again_changes_nothing(name: str) -> None:
    view, records, start = RECORDS[name]

    @settings(max_examples=80, deadline=None)
    @given(records, DECORATED)
    def comes_back(record: Json, chosen: list[int]) -> None:
        sent = {field: value for field, value in record.items() if (name, field) != ("slot", "doctor_id")}
        parts: Parts = json.loads(json.dumps(write(view, sent, start=start)))
        if name == "slot":
            parts["Schedule"] = [SCHEDULE]
        assert show(view, parts) == record
        stored: Parts = {type: decorated(resources, chosen) for type, resources in parts.items()}
        shown = show(view, stored)
        assert write(view, shown, stored) == stored

    comes_back()


@pytest.mark.parametrize("type", TYPES)
def test_a_user_comes_back_with_what_the_account_says(type: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(USERS, DECORATED)
    def comes_back(user: Json, chosen: list[int]) -> None:
        parts = write(me(type), user)
        assert show(me(type), parts, GIVEN) == user | GIVEN
        stored: Parts = {type: decorated(parts[type], chosen)}
        assert write(me(type), show(me(type), stored, GIVEN), stored) == stored
        assert errors(parts[type][0], home()) == []

    comes_back()


@cache
def home() -> ProfileJudge:
    return judge(known())


@cache
def abroad() -> ProfileJudge:
    return judge(known(*france()))


def errors(resource: Json, by: ProfileJudge, *profiles: str) -> list[tuple[str | None, str]]:
    issues = [*Validator().validate(resource), *by(resource, profiles, True)]
    return [(each.expression, each.message) for each in issues if each.severity in ("error", "fatal")]


@pytest.mark.parametrize("name", [*RECORDS, *TYPES])
def test_what_is_made_conforms(name: str) -> None:
    view, records, start = RECORDS.get(name) or (me(name), USERS, {})

    @settings(max_examples=25, deadline=None)
    @given(records)
    def conforms(record: Json) -> None:
        sent = {field: value for field, value in record.items() if (name, field) != ("slot", "doctor_id")}
        (resource,) = write(view, sent, start=start)[view.root]
        assert errors(resource, home()) == []
        if sent.get("body") == "":
            return  # R4 lets an extension stand for a value that is missing; this library does not for choices
        model = getattr(import_module(f"fhir.resources.R4B.{view.root.lower()}"), view.root)
        assert model.model_validate(json.loads(json.dumps(resource))).get_resource_type() == view.root

    conforms()


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("appointment", "fr-core-appointment"),
        ("slot", "fr-core-slot"),
        ("Patient", "fr-core-patient"),
        ("Practitioner", "fr-core-practitioner"),
    ],
)
def test_what_is_made_conforms_to_fr_core_too(name: str, profile: str) -> None:
    view, records, start = RECORDS.get(name) or (me(name), USERS, {})

    @settings(max_examples=20, deadline=None)
    @given(records)
    def conforms(record: Json) -> None:
        sent = {field: value for field, value in record.items() if (name, field) != ("slot", "doctor_id")}
        (resource,) = write(view, sent, start=start)[view.root]
        assert errors(resource, abroad(), f"{FRANCE}/StructureDefinition/{profile}") == []

    conforms()
