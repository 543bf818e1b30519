"""The Encounter of a consultation: only forward, with its history and periods."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.live.encounter import is_under_way, moved, planned

APPOINTMENT = {"id": "a1", "start": "2026-01-01T09:00:00Z"}


def made(**more: Any) -> dict[str, Any]:
    return {**planned(APPOINTMENT, "Patient/p", ["Practitioner/d"]), **more}


def test_it_is_made_from_the_appointment() -> None:
    encounter = made()
    assert encounter["status"] == "planned"
    assert encounter["class"]["code"] == "VR"
    assert encounter["subject"] == {"reference": "Patient/p"}
    assert encounter["appointment"] == [{"reference": "Appointment/a1"}]
    assert encounter["participant"] == [{"individual": {"reference": "Practitioner/d"}}]
    assert encounter["period"] == {"start": "2026-01-01T09:00:00Z"}


def test_it_is_under_way_from_when_both_have_met_until_the_call_ends() -> None:
    draft = made(status="in-progress")
    met = moved(draft, "in-progress", "t2", ["Practitioner/d"]) or {}
    ended = moved(met, "finished", "t3") or {}
    assert [is_under_way(each) for each in (made(), draft, met, ended)] == [False, False, True, False]


def test_the_whole_way() -> None:
    arrived = moved(made(), "arrived", "t1") or {}
    going = moved(arrived, "in-progress", "t2", ["Practitioner/d"]) or {}
    ended = moved(going, "finished", "t3") or {}
    assert [each["status"] for each in (arrived, going, ended)] == ["arrived", "in-progress", "finished"]
    assert ended["period"] == {"start": "t2", "end": "t3"}
    assert ended["statusHistory"] == [
        {"status": "planned", "period": {"end": "t1"}},
        {"status": "arrived", "period": {"start": "t1", "end": "t2"}},
        {"status": "in-progress", "period": {"start": "t2", "end": "t3"}},
    ]
    assert ended["participant"][0]["period"] == {"start": "t2", "end": "t3"}


@pytest.mark.parametrize("first", ["planned", "arrived"])
def test_one_that_ends_before_both_are_there_has_taken_no_time(first: Any) -> None:
    """Per-1 of http://hl7.org/fhir/R4/datatypes.html#Period: an end before the planned start would break it."""
    before = moved(made(), first, "2026-01-01T08:50:00Z") or made()
    ended = moved(before, "finished", "2026-01-01T08:55:00Z") or {}
    assert ended["period"] == {"start": "2026-01-01T08:55:00Z", "end": "2026-01-01T08:55:00Z"}


def test_it_does_not_go_back_and_what_does_not_change_is_not_written() -> None:
    going = moved(made(), "in-progress", "t1", ["Practitioner/d"]) or {}
    for status in ("planned", "arrived", "in-progress"):
        assert moved(going, status, "t2", ["Practitioner/d"]) is None  # type: ignore[arg-type]


def test_a_second_doctor_is_added() -> None:
    going = moved(made(), "in-progress", "t1", ["Practitioner/e"]) or {}
    assert [each.get("period") for each in going["participant"]] == [None, {"start": "t1"}]
    assert going["participant"][1]["individual"] == {"reference": "Practitioner/e"}


def test_a_call_that_ends_twice_has_its_last_end() -> None:
    ended = moved(made(), "finished", "t1") or {}
    again = moved(ended, "finished", "t2") or {}
    assert again["period"]["end"] == "t2"
    assert again["statusHistory"] == ended["statusHistory"]
    assert moved(ended, "in-progress", "t3") is None


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "onleave", "triaged", "unknown"])
def test_what_somebody_else_has_done_with_it_stays(status: str) -> None:
    assert moved(made(status=status), "finished", "t1") is None
