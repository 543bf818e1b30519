"""Findings as an OperationOutcome (http://hl7.org/fhir/R4/operationoutcome.html)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from profiles.issues import Issue

ALL_OK = Issue("information", "informational", "All OK")


def operation_outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """Return the OperationOutcome that carries `issues`, or one that says "All OK" when there are none."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(each) for each in issues or (ALL_OK,)]}


def _issue(issue: Issue) -> dict[str, Any]:
    content: dict[str, Any] = {"severity": issue.severity, "code": issue.code, "diagnostics": issue.message}
    if issue.expression:
        content["expression"] = [issue.expression]
    return content
