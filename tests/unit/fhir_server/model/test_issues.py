"""Findings as an OperationOutcome."""

from __future__ import annotations

from fhir_server.model.issues import operation_outcome
from profiles.issues import Issue


def test_each_issue_is_told_with_its_expression() -> None:
    outcome = operation_outcome(
        [Issue("error", "required", "x is missing.", "Patient.x"), Issue("warning", "value", "b")]
    )
    assert outcome == {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": "required", "diagnostics": "x is missing.", "expression": ["Patient.x"]},
            {"severity": "warning", "code": "value", "diagnostics": "b"},
        ],
    }


def test_no_issue_means_all_ok() -> None:
    assert operation_outcome([])["issue"] == [
        {"severity": "information", "code": "informational", "diagnostics": "All OK"}
    ]
