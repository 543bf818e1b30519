"""Who takes part in an Appointment, and when its room is open."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.live.appointment import MINUTE, Opening, Party, is_open, party_of

START = 1_767_258_000_000_000
"""2026-01-01T09:00:00Z in microseconds."""
APPOINTMENT: dict[str, Any] = {
    "status": "booked",
    "start": "2026-01-01T09:00:00Z",
    "end": "2026-01-01T10:20:00+01:00",
    "participant": [
        {"actor": {"reference": "Patient/p"}, "status": "accepted"},
        {"actor": {"reference": "Practitioner/d"}, "status": "needs-action"},
        {"actor": {"reference": "PractitionerRole/r"}, "status": "accepted"},
        {"actor": {"reference": "Practitioner/declined"}, "status": "declined"},
        {"actor": {"reference": "Location/l"}, "status": "accepted"},
        {"type": [{"text": "nobody yet"}], "status": "needs-action"},
    ],
}


def test_who_takes_part() -> None:
    found = party_of(APPOINTMENT, {"PractitionerRole/r": "e"})
    assert found == Party(("Patient/p",), ("Practitioner/d", "Practitioner/e"))


@pytest.mark.parametrize(("minutes", "expected"), [(-16, False), (-15, True), (0, True), (79, True), (82, False)])
def test_when_it_is_open(minutes: int, expected: bool) -> None:
    assert is_open(APPOINTMENT, Opening(), START + minutes * MINUTE) is expected


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"start": None}, {"end": None}])
def test_what_has_no_time_or_does_not_take_place_is_closed(change: dict[str, Any]) -> None:
    assert not is_open(APPOINTMENT | change, Opening(), START)
