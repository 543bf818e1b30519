"""Is this resource what R4 allows? All findings in one answer: structure, narratives, contained resources, invariants.

The fast road is one compiled JSON Schema per resource type, made when the type is first met; only where it says no does
the precise walker look for the faults (http://hl7.org/fhir/R4/validation.html).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema_rs

from profiles.datatypes.narrative import narrative_findings
from profiles.datatypes.primitives import kind
from profiles.definitions import is_resource_type
from profiles.fhirpath.node import Scope
from profiles.fhirpath.shapes import shape as node_shape
from profiles.issues import Issue
from profiles.validation.bundles import bundle_issues
from profiles.validation.holding import holds, is_bare
from profiles.validation.invariants import invariant_issues
from profiles.validation.nested import BUNDLE, CARRIERS, SECTIONED, contained_resources, member_resources, narratives
from profiles.validation.plain import Local
from profiles.validation.prose.finding import LENIENT
from profiles.validation.schema import resource_schema
from profiles.validation.structure import structure_issues
from profiles.validation.unmatched import repeated_ids, unmatched_contained

Json = dict[str, Any]

MAX_ISSUES = 1_000
"""So many findings are listed; a body that is wrong throughout would give an answer larger than itself."""

_UNREADABLE = frozenset({"structure", "value"})
"""Issue codes after which invariants say nothing: their expressions presume JSON kinds and values that are right."""


class Validator:
    """Validates resources against the base definitions of R4. Types are compiled when first met, and kept.

    `strict` makes errors, as HL7's validator does, of what the standard's own examples break: relative canonicals and
    systems, units that UCUM does not have, sizes and hashes of attachments that are not those of their data.
    """

    def __init__(self, *, invariants: bool = True, strict: bool = False) -> None:
        self._invariants = invariants
        self.strict = strict
        self._schemas: dict[str, jsonschema_rs.Draft4Validator] = {}
        self._bare_schemas: dict[str, jsonschema_rs.Draft4Validator] = {}

    def validate(self, resource: Json, text: bytes | None = None) -> list[Issue]:
        """Return every finding about `resource` (parsed JSON), [] when there is none. Never raises for bad input.

        `text` is its JSON without white space, where that is at hand: it saves writing it once more.
        """
        issues: list[Issue] = []
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        path = name if isinstance(name, str) and is_resource_type(name) else "Resource"
        self._resource(resource, path, None, None, issues, is_bare(resource, text))
        if len(issues) > MAX_ISSUES:
            note = "Further findings are left out; correct these first and validate again."
            issues[MAX_ISSUES:] = [Issue("information", "incomplete", note)]
        if self.strict:
            issues = [replace(each, severity="error") if each.rule == LENIENT else each for each in issues]
        return issues

    def prepare(self, type_name: str) -> None:
        """Compile what most resources of a type need, so that the first of them need not wait for it."""
        self._conforms({}, type_name, bare=True)

    def _resource(
        self, resource: Any, path: str, around: Scope | None, local: Local | None, issues: list[Issue], bare: bool
    ) -> bool:
        """Add the findings about one resource and all inside it; return whether it can be read as what it says it is.

        `path` is its FHIRPath from the outermost one, `around` the resource it is in; for a contained resource `local`
        is what `#id` may refer to. `bare` is what `is_bare` says of the outermost one.
        """
        if len(issues) > MAX_ISSUES:
            return False
        type_name = _type(resource, path, issues)
        if type_name is None:
            return False
        found: list[Issue] = []
        if not (bare and self._conforms(resource, type_name, bare=True)) and not self._conforms(resource, type_name):
            found = structure_issues(resource, type_name, path, MAX_ISSUES + 1)
        issues += found
        readable = not found or not any(issue.code in _UNREADABLE for issue in found)
        scope = Scope(resource, node_shape(type_name), around, local is not None)
        local = local or Local(resource)
        if "text" in resource or type_name == SECTIONED:
            for where, div in narratives(resource):
                issues += [_narrative_issue(f"{path}.{where}", finding) for finding in narrative_findings(div)]
        if "contained" in resource:
            readable = self._contained(scope, path, local, issues, bare) and readable
        if type_name == BUNDLE:
            issues += bundle_issues(resource, path)
        if type_name in CARRIERS:
            for where, each in member_resources(resource):
                readable = self._resource(each, f"{path}.{where}", scope, None, issues, bare) and readable
        if self._invariants and readable and not holds(scope, local, bare=bare):
            issues += invariant_issues(scope, path, local)
        return readable

    def _conforms(self, resource: Json, type_name: str, *, bare: bool = False) -> bool:
        """Return whether the schema is satisfied; no also stands for what it cannot read."""
        schemas = self._bare_schemas if bare else self._schemas
        schema = schemas.get(type_name)
        if schema is None:
            schema = jsonschema_rs.Draft4Validator(resource_schema(type_name, bare=bare), validate_formats=False)
            schemas[type_name] = schema
        try:
            return schema.is_valid(resource)
        except (ValueError, TypeError):
            # Lone surrogates, nesting beyond the library's depth, objects that JSON does not know.
            return False

    def _contained(self, scope: Scope, path: str, local: Local, issues: list[Issue], bare: bool) -> bool:
        """Add the findings about the contained resources; return whether all can be read."""
        readable = True
        for where, each in contained_resources(scope.resource):
            inside = f"{path}.{where}"
            readable = self._resource(each, inside, scope, local, issues, bare) and readable
            if isinstance(each, dict):
                issues += _contained_issues(each, inside)
        for where in unmatched_contained(scope.resource):
            what = "is referenced from nowhere in its resource; reference it as #id or remove it (dom-3)"
            issues.append(Issue("error", "invariant", f"{path}.{where} {what}.", f"{path}.{where}"))
        for where in repeated_ids(scope.resource):
            what = "is that of an earlier contained resource; give each its own, so that #id means one of them"
            issues.append(Issue("error", "duplicate", f"{path}.{where}.id {what}.", f"{path}.{where}.id"))
        return readable


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
