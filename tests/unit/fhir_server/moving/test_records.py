"""Records that move in are of the consultation of the appointment nearest to them, as those written over the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhir_server.moving.dead_letters import DeadLetters
from fhir_server.moving.dump import find
from fhir_server.moving.import_view import import_view
from fhir_server.moving.workers import Workers
from mappings.views.appointment import VIEW
from mappings.views.show import show
from tests.fakes.desk import desk_of, found
from tests.fakes.dump import DOCTOR, MARIE, appointment, record, user, write_dump

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("status", "kind", "place", "end"),
    [
        ("completed", "office", "AMB", "2025-03-02T09:50:00+01:00"),
        ("completed", "video", "VR", "2025-03-02T09:50:00+01:00"),
        ("confirmed", "office", "AMB", None),
    ],
)
async def test_a_record_is_of_its_appointment(
    tmp_path: Path, status: str, kind: str, place: str, end: str | None
) -> None:
    (one, _), encounter = await moved_in(tmp_path, appointment(1, MARIE, status=status, kind=kind))
    assert (encounter["class"]["code"], encounter["period"].get("end")) == (place, end)
    assert encounter["appointment"] == [{"reference": f"Appointment/{one['id']}"}]


async def test_a_cancelled_appointment_is_none(tmp_path: Path) -> None:
    (_, other), encounter = await moved_in(tmp_path, appointment(1, MARIE, status="cancelled", kind="office"))
    assert encounter["class"]["code"] == "VR"
    assert encounter["appointment"] == [{"reference": f"Appointment/{other['id']}"}]


@pytest.mark.parametrize(("lacking", "other"), [("inserted_at", "updated_at"), ("updated_at", "inserted_at")])
async def test_the_time_that_a_line_lacks_is_the_other_one(tmp_path: Path, lacking: str, other: str) -> None:
    line = appointment(1, MARIE, **{lacking: None})
    (one, _), _ = await moved_in(tmp_path, line, **{lacking: None})
    shown = show(VIEW, {"Appointment": [one]})
    assert (shown[lacking], shown[other]) == (line[other], line[other])


async def moved_in(folder: Path, first: Json, **more: Any) -> tuple[list[Json], Json]:
    """Return the appointments, the other of them in the evening, and the Encounter of a record of the morning."""
    evening = {"starts_at": "2025-03-02T20:00:00+01:00", "ends_at": "2025-03-02T20:30:00+01:00"}
    lines = {
        "users": [user(DOCTOR, "doctor"), user(MARIE)],
        "appointments": [first, appointment(2, MARIE, status="confirmed", **evening)],
        "medical_records": [record(40, MARIE, consultation_date="2025-03-02T08:31:00Z", **more)],
    }
    dump, letters = write_dump(folder / "dump", lines), DeadLetters(folder / "letters.jsonl")
    async with desk_of(telemed_profiles=True) as desk:
        await import_view(desk, dump, find(dump), letters, lambda report, position: None, Workers("memory:", 1))
        (encounter,) = await found(desk, "Encounter")
        appointments = await found(desk, "Appointment", ("_sort", "date"))
    assert letters.count == 0
    return appointments, encounter
