"""Validate files: every resource of each by the base, by the profiles asked for, and by those that it claims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fhir_server.interactions.profiles import Judge, judged
from fhir_server.model.places import Place
from fhir_server.validating.documents import Document, documents
from profiles.issues import Issue
from profiles.validation.validator import Validator


@dataclass(frozen=True, slots=True)
class Finding:
    """An issue, and where in its file the element stands."""

    issue: Issue
    place: Place


@dataclass(frozen=True, slots=True)
class FileFindings:
    """What was found in one file of so many `resources`."""

    path: Path
    resources: int
    findings: Sequence[Finding]

    def count(self, *severities: str) -> int:
        """Return how many findings have one of these severities."""
        return sum(each.issue.severity in severities for each in self.findings)


def validate(
    paths: Iterable[Path], profiles: Sequence[str], *, validator: Validator, judge: Judge
) -> Iterator[FileFindings]:
    """Yield what is found in each file, in their order. Raises OSError for a file that cannot be opened."""
    for path in paths:
        resources = 0
        findings: list[Finding] = []
        for document in documents(path):
            resources += 1
            findings += _found(document, profiles, validator, judge)
        yield FileFindings(path, resources, findings)


def _found(document: Document, profiles: Sequence[str], validator: Validator, judge: Judge) -> Iterator[Finding]:
    if document.resource is None:
        yield from (Finding(issue, place) for issue, place in document.faults)
        return
    for issue in judged(document.resource, profiles, validator=validator, judge=judge):
        yield Finding(issue, document.place(issue.expression))
