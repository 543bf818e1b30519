"""What a batch or transaction answers for one entry (http://hl7.org/fhir/R4/bundle.html#response)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.errors import Refusal
from fhir_server.interactions.call import Result
from fhir_server.interactions.entry import Entry
from fhir_server.model.bundle import response_entry
from fhir_server.model.fhir_json import encode
from fhir_server.model.issues import operation_outcome
from profiles.issues import Issue

_WRITING = frozenset(("create", "update", "patch", "delete"))

MAX_ISSUES = 100
"""The most findings one answer tells: a Bundle that is wrong throughout would answer with more than it brought."""


def answer(entry: Entry, result: Result) -> bytes:
    """Return the response entry for `result`, as the Prefer header of the Bundle asks."""
    wanted = entry.call.prefer.returns
    # A search by POST reads too: its answer is what it was asked for, whatever Prefer says about writes.
    reading = entry.interaction not in _WRITING
    body = None
    if entry.method != "HEAD" and (reading or wanted == "representation"):
        body = result.body or (encode(result.resource) if result.resource is not None else None)
    outcome = operation_outcome(result.issues) if wanted == "OperationOutcome" and not reading else None
    return response_entry(
        result.status,
        body=body,
        location=None if reading else result.location,
        version=result.version,
        time=result.time,
        outcome=outcome,
    )


def refused_answer(entry: Entry, refusal: Refusal) -> bytes:
    """Return the response entry of an entry that failed in a batch."""
    return response_entry(refusal.status, outcome=operation_outcome(located(refusal, entry).issues))


def located(refusal: Refusal, entry: Entry) -> Refusal:
    """Return the refusal with the place of each finding inside the Bundle."""
    return _of(refusal, [replace(issue, expression=_expression(issue, entry)) for issue in refusal.issues])


def together(refusals: Sequence[Refusal]) -> Refusal:
    """Return one refusal with the findings of all, the first deciding the status."""
    issues = [issue for refusal in refusals for issue in refusal.issues]
    if len(issues) > MAX_ISSUES:
        left = len(issues) - MAX_ISSUES
        issues = [
            *issues[:MAX_ISSUES],
            Issue("information", "informational", f"{left} more findings are left out: correct these first."),
        ]
    return _of(refusals[0], issues)


def _of(refusal: Refusal, issues: Sequence[Issue]) -> Refusal:
    changed = type(refusal)(issues[0].message)
    changed.issues = tuple(issues)
    return changed


def _expression(issue: Issue, entry: Entry) -> str:
    """Return `Patient.name[0]` as `Bundle.entry[3].resource.name[0]`; what is no element belongs to the request."""
    expression = issue.expression or ""
    if expression.startswith("Bundle."):
        return expression
    if entry.call.resource is not None:
        head, dot, rest = expression.partition(".")
        if head == entry.call.resource.get("resourceType"):
            return f"{entry.name}.resource{dot}{rest}"
    return f"{entry.name}.request.url" if expression else entry.name
