"""An Encounter tells by its identifier and history whether a record or a room has made it, and goes forward only."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from mappings.views.consultation import finish, is_of_record, is_of_room

SYSTEM = "urn:fhir-health-server:telemed/consultation"
HELD = {"appointment": [{"reference": "Appointment/a"}]}
AT = "2026-03-02T10:00:00+01:00"


@pytest.mark.parametrize(
    ("encounter", "record", "room"),
    [
        ({"id": "e", "identifier": [{"system": SYSTEM, "value": "e"}]} | HELD, True, False),
        ({"id": "e", "identifier": [{"system": SYSTEM, "value": "a"}]} | HELD, False, True),
        ({"id": "e", "identifier": [{"system": SYSTEM, "value": "e"}], "statusHistory": []} | HELD, True, True),
        ({"id": "e", "identifier": [{"system": "https://ehr.example", "value": "a"}]} | HELD, False, False),
        ({"id": "e", "identifier": [{"system": SYSTEM, "value": "a"}]}, False, False),
        ({"id": "e", "appointment": [{"display": "Tuesday"}], "identifier": [{"value": "e"}]}, False, False),
        ({}, False, False),
    ],
)
def test_whose_encounter_it_is(encounter: dict[str, Any], record: bool, room: bool) -> None:
    assert (is_of_record(encounter), is_of_room(encounter)) == (record, room)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            {"status": "planned", "period": {"start": "2026-03-02T09:30:00Z"}},
            {
                "status": "finished",
                "period": {"start": "2026-03-02T09:00:00Z"},
                "statusHistory": [{"status": "planned", "period": {"end": AT}}],
            },
        ),
        (
            {
                "status": "in-progress",
                "period": {"start": "2026-03-02T09:31:00Z"},
                "statusHistory": [{"status": "planned", "period": {"end": "2026-03-02T09:31:00Z"}}],
            },
            {
                "status": "finished",
                "period": {"start": "2026-03-02T09:31:00Z"},
                "statusHistory": [
                    {"status": "planned", "period": {"end": "2026-03-02T09:31:00Z"}},
                    {"status": "in-progress", "period": {"start": "2026-03-02T09:31:00Z", "end": AT}},
                ],
            },
        ),
    ],
)
def test_what_is_over_was_something_else_before(before: dict[str, Any], after: dict[str, Any]) -> None:
    finish(before, "2026-03-02T09:00:00Z", AT)
    assert before == after


@pytest.mark.parametrize("status", ["finished", "cancelled", "entered-in-error", "onleave"])
def test_what_is_over_already_or_is_something_else_stays(status: str) -> None:
    encounter = {"status": status, "period": {"start": "2026-03-02T09:31:00Z"}}
    before = deepcopy(encounter)
    finish(encounter, "2026-03-02T09:00:00Z", AT)
    assert encounter == before
