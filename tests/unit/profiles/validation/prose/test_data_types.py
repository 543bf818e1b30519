"""Dates that are rarely meant."""

from __future__ import annotations

import pytest

from profiles.validation.validator import Validator


@pytest.mark.parametrize(
    ("date", "found"), [("1899-12-31", ["warning"]), ("0202-01-01", ["warning"]), ("1900", []), ("2024-05-01", [])]
)
def test_dates_before_1900_are_asked_about(date: str, found: list[str]) -> None:
    issues = Validator().validate({"resourceType": "Patient", "birthDate": date})
    assert [each.severity for each in issues] == found
    assert [each.expression for each in issues] == ["Patient.birthDate"] * len(found)


def test_date_times_and_instants_too() -> None:
    period = {"start": "1850-01-01T00:00:00Z"}
    resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "effectivePeriod": period,
        "issued": "1820-01-01T00:00:00Z",
    }
    places = {each.expression for each in Validator().validate(resource)}
    assert places == {"Observation.effective.start", "Observation.issued"}
