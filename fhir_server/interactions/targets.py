"""Whether the resources that a resource refers to are here, for the one who asks.

Only references to this server are asked about, without a version; others lead elsewhere
(http://hl7.org/fhir/R4/references.html).
"""

from __future__ import annotations

from typing import Any

from fhir_server.interactions.access import within
from fhir_server.interactions.call import Call
from fhir_server.model.reference import Local, parse_reference, references
from fhir_server.store.base import Key
from profiles.issues import Issue, Severity

MOST = 200
"""So many different resources are looked for; a Bundle may refer to thousands."""


async def missing_targets(call: Call, resource: dict[str, Any]) -> list[Issue]:
    """Return a finding for each reference to a resource that is not here, or not for the caller, [] when told not to.

    What a Bundle brings along counts as here. The policy says whether a finding is a warning or an error.
    """
    wanted = call.services.policy.references
    if wanted == "off":
        return []
    brought = _brought(resource)
    here: dict[Key, bool] = {}
    issues = []
    for found in references(resource):
        target = parse_reference(found.text, call.services.base)
        if not isinstance(target, Local) or target.version is not None:
            continue
        key = Key(target.type, target.id)
        if key in brought or (key not in here and len(here) >= MOST):
            continue
        if key not in here:
            here[key] = await _is_here(call, key)
        if not here[key]:
            what = "leads to a resource that is not here; create it first, or correct the reference"
            severity: Severity = "error" if wanted == "enforce" else "warning"
            issues.append(Issue(severity, "not-found", f"{found.expression} {what}.", found.expression))
    return issues


async def _is_here(call: Call, key: Key) -> bool:
    version = await call.reader.read(key, restriction=within(call, "read", key.type))
    return version is not None and not version.deleted


def _brought(resource: dict[str, Any]) -> set[Key]:
    """Return the resources in the entries of a Bundle."""
    entries = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
    inside = [each.get("resource") for each in entries or () if isinstance(each, dict)]
    return {Key(str(each.get("resourceType")), str(each.get("id"))) for each in inside if isinstance(each, dict)}
