"""Whoever objects to the processing of data is told what stops and what stays; nobody else is."""

from __future__ import annotations

import pytest

from auth.consent import KINDS
from fhir_server.interactions.objecting import objecting


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("data_processing", "inactive", 1),
        ("data_processing", "rejected", 1),
        ("data_processing", "active", 0),
        ("telemedicine_usage", "inactive", 0),
    ],
)
def test_an_objection_is_answered(kind: str, status: str, told: int) -> None:
    category = [{"coding": [{"system": KINDS, "code": kind}]}]
    found = objecting({"resourceType": "Consent", "status": status, "category": category})
    assert len(found) == told
    assert all(each.severity == "information" and "secondary use" in each.message for each in found)
    assert objecting({"resourceType": "Patient"}) == ()
