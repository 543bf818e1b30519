"""Whether the resources that a resource refers to are here, for the one who asks.

Only references to this server are asked about, without a version; others lead elsewhere
(http://hl7.org/fhir/R4/references.html).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fhir_server.errors import Unprocessable
from fhir_server.interactions.access import within
from fhir_server.interactions.call import Call
from fhir_server.model.fhir_json import parse_stored
from fhir_server.model.reference import Local, parse_reference, references
from fhir_server.store.base import Key, Transaction
from profiles.issues import Issue, Severity
from profiles.restriction import ALL

MOST = 200
"""So many different resources are looked for; a Bundle may refer to thousands."""


async def demand_targets(call: Call, tx: Transaction, keys: Iterable[Key]) -> None:
    """Refuse a write whose resources, of which `keys` may be some, refer to what is not here, if the policy says so.

    It is asked when all steps of the write have run: what another entry of a Bundle writes counts as here. Raises
    Unprocessable.
    """
    if call.services.policy.references != "enforce":
        return
    inside = replace(call, transaction=tx)
    for key in keys:
        version = await tx.read(key, restriction=ALL)
        if version is not None and not version.deleted:
            issues = await missing_targets(inside, parse_stored(version.body), most=None)
            if issues:
                raise Unprocessable.of(issues)


async def missing_targets(call: Call, resource: dict[str, Any], *, most: int | None = MOST) -> list[Issue]:
    """Return a finding for each reference to a resource that is not here, or not for the caller, [] when told not to.

    What a Bundle brings along counts as here. The policy says whether a finding is a warning or an error. Up to `most`
    different resources are looked for.
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
        if key in brought or (key not in here and most is not None and len(here) >= most):
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
