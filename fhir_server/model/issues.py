"""Findings as an OperationOutcome (http://hl7.org/fhir/R4/operationoutcome.html)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from profiles.issues import Issue

ALL_OK = Issue("information", "informational", "All OK")
AUTHORITY = "http://hl7.org/fhir/StructureDefinition/operationoutcome-authority"
"""The standard's extension for what a finding rests on: here the profile whose rule it is."""


def operation_outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """Return the OperationOutcome that carries `issues`, or one that says "All OK" when there are none."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(each) for each in issues or (ALL_OK,)]}


def _issue(issue: Issue) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if issue.profile is not None:
        content["extension"] = [{"url": AUTHORITY, "valueUri": issue.profile}]
    content |= {"severity": issue.severity, "code": issue.code}
    if issue.rule is not None:
        content["details"] = {"text": issue.rule}
    content["diagnostics"] = issue.message
    if issue.expression:
        content["expression"] = [issue.expression]
    return content
