"""Security labels are add-only: who may not set labels freely neither removes nor replaces what a resource carries.

http://hl7.org/fhir/R4/security-labels.html. A PUT that leaves them out keeps them, a patch that takes one away is
refused: what made a resource confidential outlives who edits it.
"""

from __future__ import annotations

from fhir_server.errors import Forbidden
from fhir_server.interactions.access import within
from fhir_server.interactions.call import Call, Resource
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, Snapshot, Version
from profiles.restriction import ALL

Labels = list[tuple[str, str]]


async def labels_of(reader: Snapshot, version: Version | None) -> Labels:
    """Return the labels of the version that a write replaces, those of a tombstone too."""
    return [] if version is None else await reader.labels(version.key, version.number, restriction=ALL)


async def keeping_labels(call: Call, key: Key, resource: Resource) -> Resource:
    """Return `resource` with the labels that the current version of `key` has and it leaves out."""
    if call.principal.rights.has("labels"):
        return resource
    before = await call.reader.read(key, restriction=within(call, "update", key.type))
    missing = _missing(await labels_of(call.reader, before), resource)
    if not missing:
        return resource
    stored = {} if before is None or before.deleted else parse(before.body).get("meta", {})
    known = {(each.get("system", ""), each.get("code")): each for each in stored.get("security", ())}
    meta = resource.get("meta", {})
    kept = [known.get(label, _coding(*label)) for label in missing]
    return resource | {"meta": meta | {"security": [*meta.get("security", ()), *kept]}}


async def demand_labels(call: Call, before: Version, resource: Resource) -> None:
    """Raise Forbidden when `resource`, which is to replace `before`, lacks labels of it and the caller sets none."""
    if call.principal.rights.has("labels"):
        return
    if _missing(await labels_of(call.reader, before), resource):
        raise Forbidden(
            "Security labels can be added, not taken away: leave those in meta.security as they are.",
            expression=f"{before.key.type}.meta.security",
        )


def _missing(labels: Labels, resource: Resource) -> Labels:
    if not labels:
        return []
    meta = resource.get("meta", {})
    given = meta.get("security", []) if isinstance(meta, dict) else None
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        # It is not valid, and what is wrong with it is told by who validates it.
        return []
    has = {(each.get("system", ""), each.get("code")) for each in given}
    return [label for label in labels if label not in has]


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code} if system else {"code": code}
