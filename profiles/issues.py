"""A finding about a resource, as plain data (http://hl7.org/fhir/R4/operationoutcome.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One `OperationOutcome.issue`.

    `code` is an IssueType code (`structure`, `required`, `value`, `invariant`, `code-invalid`, `not-found`, ...).
    `message` is a sentence a developer understands: it names the element, the rule and the way out, and holds
    neither personal data nor secrets. `expression` is the FHIRPath of the element (`Patient.name[0].given[1]`)
    or, for search, the name of the parameter. `profile` is the canonical (`url|version`) of the profile that spoke,
    None for R4 itself, and `rule` what in it: the id of its element (`Patient.name:official`), a constraint's key.
    """

    severity: Severity
    code: str
    message: str
    expression: str | None = None
    profile: str | None = None
    rule: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether the finding refuses the request."""
        return self.severity in ("fatal", "error")
