"""Small profiles for tests, written as snapshots, and what validation against them says."""

from __future__ import annotations

from typing import Any

from profiles.issues import Issue
from profiles.validation.profiled.compile_profile import compile_profile
from profiles.validation.profiled.context import Context

Json = dict[str, Any]
URL = "http://example.org/StructureDefinition/"


def element(path: str, type_name: str = "", **more: Any) -> Json:
    """Return an ElementDefinition; `slice` is its sliceName, other names are its own."""
    row: Json = {"path": path, "min": 0, "max": "*"}
    if type_name:
        row["type"] = [{"code": type_name}]
    if "slice" in more:
        row["sliceName"] = more.pop("slice")
    return {**row, **more}


def structure(name: str, *elements: Json, **more: Any) -> Json:
    """Return a StructureDefinition on the type of the first path."""
    kind = elements[0]["path"].split(".")[0]
    rows = [*([] if elements[0]["path"] == kind else [element(kind)]), *elements]
    return {
        "resourceType": "StructureDefinition",
        "url": URL + name,
        "type": kind,
        "derivation": "constraint",
        "snapshot": {"element": rows},
        **more,
    }


def known(*definitions: Json, **hooks: Any) -> Context:
    """Return a context that knows these definitions."""
    by_url = {each["url"]: each for each in definitions}
    return Context(lambda canonical: by_url.get(canonical.partition("|")[0]), **hooks)


def findings(resource: Json, *elements: Json, context: Context | None = None) -> list[Issue]:
    """Return what a profile of these elements finds in a resource."""
    context = context or known()
    return compile_profile(structure("tested", *elements), context).check(resource, context)


def told(issues: list[Issue]) -> list[tuple[str, str, str | None]]:
    """Return (severity, code, expression) of each."""
    return [(issue.severity, issue.code, issue.expression) for issue in issues]
