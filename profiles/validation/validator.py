"""Is this resource what R4 allows? All findings in one answer: structure, narratives, contained resources, invariants.

The fast road is one compiled JSON Schema per resource type, made when the type is first met; only where it says no does
the precise walker look for the faults (http://hl7.org/fhir/R4/validation.html).
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from profiles.datatypes.primitives import kind
from profiles.definitions import is_resource_type
from profiles.issues import Issue
from profiles.validation.narrative import narrative_findings
from profiles.validation.nested import contained_resources, member_resources, narratives
from profiles.validation.schema import resource_schema
from profiles.validation.structure import structure_issues
from profiles.validation.unmatched import unmatched_contained

Json = dict[str, Any]

MAX_ISSUES = 1_000
"""So many findings are listed; a body that is wrong throughout would give an answer larger than itself."""

_UNREADABLE = frozenset({"structure", "value"})
"""Issue codes after which invariants say nothing: their expressions presume JSON kinds and values that are right."""


class Validator:
    """Validates resources against the base definitions of R4. Types are compiled when first met, and kept."""

    def __init__(self, *, invariants: bool = True) -> None:
        self._invariants = invariants
        self._schemas: dict[str, jsonschema_rs.Draft4Validator] = {}

    def validate(self, resource: Json) -> list[Issue]:
        """Return every finding about `resource` (parsed JSON), [] when there is none. Never raises for bad input."""
        issues: list[Issue] = []
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        self._resource(resource, name if isinstance(name, str) and is_resource_type(name) else "Resource", issues)
        if len(issues) > MAX_ISSUES:
            left = len(issues) - MAX_ISSUES
            note = f"{left:,} further findings are left out; correct these first and validate again."
            issues[MAX_ISSUES:] = [Issue("information", "incomplete", note)]
        return issues

    def _resource(self, resource: Any, path: str, issues: list[Issue]) -> None:
        """Add the findings about one resource and all inside it; `path` is its FHIRPath from the outermost one."""
        type_name = _type(resource, path, issues)
        if type_name is None:
            return
        if not self._conforms(resource, type_name):
            issues += structure_issues(resource, type_name, path)
        for where, div in narratives(resource):
            issues += [_narrative_issue(f"{path}.{where}", finding) for finding in narrative_findings(div)]
        if "contained" in resource:
            self._contained(resource, path, issues)
        for where, each in member_resources(resource):
            self._resource(each, f"{path}.{where}", issues)

    def _conforms(self, resource: Json, type_name: str) -> bool:
        """Return whether the schema is satisfied; no also stands for what it cannot read."""
        schema = self._schemas.get(type_name)
        if schema is None:
            schema = jsonschema_rs.Draft4Validator(resource_schema(type_name), validate_formats=False)
            self._schemas[type_name] = schema
        try:
            return schema.is_valid(resource)
        except (ValueError, TypeError):
            # Lone surrogates, nesting beyond the library's depth, objects that JSON does not know.
            return False

    def _contained(self, resource: Json, path: str, issues: list[Issue]) -> None:
        for where, each in contained_resources(resource):
            inside = f"{path}.{where}"
            self._resource(each, inside, issues)
            if isinstance(each, dict):
                issues += _contained_issues(each, inside)
        for where in unmatched_contained(resource):
            what = "is referenced from nowhere in its resource; reference it as #id or remove it (dom-3)"
            issues.append(Issue("error", "invariant", f"{path}.{where} {what}.", f"{path}.{where}"))


def _type(resource: Any, path: str, issues: list[Issue]) -> str | None:
    """Return the type of a resource, or None after adding why there is none."""
    if not isinstance(resource, dict):
        issues.append(Issue("error", "structure", f"{path} must be a JSON object, but is {kind(resource)}.", path))
        return None
    name = resource.get("resourceType")
    if isinstance(name, str) and is_resource_type(name):
        return name
    if name is None:
        what = "has no resourceType; add it with the name of an R4 resource type, such as Patient"
    else:
        what = "has a resourceType that R4 does not have; names are case-sensitive, as in MedicationRequest"
    issues.append(Issue("error", "structure" if name is None else "value", f"{path} {what}.", path))
    return None


def _narrative_issue(path: str, finding: str) -> Issue:
    return Issue("error", "invariant", f"{path} {finding}.", path)


def _contained_issues(resource: Json, path: str) -> list[Issue]:
    """Return the findings about a contained resource that only being contained makes wrong (dom-2, dom-4, dom-5)."""
    issues = []
    if "contained" in resource:
        what = "a contained resource must not contain resources; move them up beside it (dom-2)"
        issues.append(Issue("error", "invariant", f"{path}.contained is not allowed: {what}.", f"{path}.contained"))
    meta = resource.get("meta")
    for name, rule in (("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")):
        if isinstance(meta, dict) and (name in meta or f"_{name}" in meta):
            what = f"is not allowed in a contained resource; remove it ({rule})"
            issues.append(Issue("error", "invariant", f"{path}.meta.{name} {what}.", f"{path}.meta.{name}"))
    return issues
