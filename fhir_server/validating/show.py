"""Findings for people and for programs: text grouped by file, or a Bundle of OperationOutcomes, one for each file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from fhir_server.model.issues import operation_outcome
from fhir_server.validating.validate import FileFindings, Finding

EXTENSIONS = "http://hl7.org/fhir/StructureDefinition/operationoutcome-"
_COLOURS = {"fatal": "bold red", "error": "red", "warning": "yellow", "information": "cyan"}


def show(out: Console, found: FileFindings) -> None:
    """Print a file's findings, nothing when there are none."""
    if not found.findings:
        return
    _line(out, Text(str(found.path), "bold"))
    for finding in found.findings:
        issue, place = finding.issue, finding.place
        where = ":".join(str(each) for each in place if each)
        head = Text.assemble(f"  {where:<9}", (f"{issue.severity:<12}", _COLOURS[issue.severity]))
        _line(out, head.append(issue.expression or "(the whole)"))
        _line(out, Text(f"           {issue.message}"))
        if issue.profile:
            rule = f", rule {issue.rule}" if issue.rule else ""
            _line(out, Text(f"           profile {issue.profile}{rule}", "dim"))


def summary(found: Iterable[FileFindings]) -> str:
    """Return one sentence about all files."""
    files = list(found)
    counts = (
        _counted(len(files), "file"),
        _counted(sum(each.resources for each in files), "resource"),
        _counted(sum(each.count("fatal", "error") for each in files), "error"),
        _counted(sum(each.count("warning") for each in files), "warning"),
        f"{sum(each.count('information') for each in files):,} information",
    )
    return f"{counts[0]}, {counts[1]}: {', '.join(counts[2:])}."


def as_bundle(found: Iterable[FileFindings]) -> dict[str, Any]:
    """Return a collection of OperationOutcomes, each with the file, each issue with line and column in extensions.

    They are those of HL7's own validator.
    """
    entries = [{"resource": _outcome(each)} for each in found]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _outcome(found: FileFindings) -> dict[str, Any]:
    outcome = operation_outcome([each.issue for each in found.findings])
    for finding, row in zip(found.findings, outcome["issue"], strict=False):
        row["extension"] = [*row.get("extension", ()), *_place(finding)]
    head = {"resourceType": outcome["resourceType"]}
    return head | {"extension": [{"url": f"{EXTENSIONS}file", "valueString": str(found.path)}]} | outcome


def _place(finding: Finding) -> Sequence[dict[str, Any]]:
    rows = (("issue-line", finding.place.line), ("issue-col", finding.place.column))
    return [{"url": EXTENSIONS + name, "valueInteger": number} for name, number in rows if number is not None]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _line(out: Console, text: Text) -> None:
    out.print(text, soft_wrap=True)
