"""patch: `PATCH [base]/[type]/[id]`, conditional `PATCH [base]/[type]?[criteria]` (http://hl7.org/fhir/R4/http.html#patch).

The body is a JSON Patch (`application/json-patch+json`) or, as Parameters, a FHIRPath Patch. It is applied to the
current version before the write, and applied again when that version is no longer the current one inside it.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from fhir_server.errors import BadRequest, Gone, NotFound, UnsupportedMediaType
from fhir_server.interactions import binary, commit, preconditions
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.audit_events import external
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.commit import Step, Written
from fhir_server.interactions.conditional import Identity, Moved, criteria_of, hold, matching, single
from fhir_server.interactions.labels import demand_labels
from fhir_server.model.fhir_json import parse
from fhir_server.model.fhirpath_patch import fhirpath_patch
from fhir_server.model.patching import json_patch
from fhir_server.store.base import Key, Snapshot, Transaction, Version

JSON_PATCH = "application/json-patch+json"


async def patch(call: Call) -> Result:
    """Apply the patch: 200 with the new version. Raises Unprocessable when it fails, and nothing has changed then."""
    return await commit.perform(call, "patch", identify, plan)


async def identify(call: Call, reader: Snapshot, without: Set[Key] = frozenset()) -> Identity:
    """Return the identity of the URL, or the one that the criteria find. Raises NotFound when they find none."""
    assert call.type is not None
    demand(call, "update", call.type)
    if call.id is not None:
        return Identity((Key(call.type, call.id),))
    criteria = await criteria_of(call, call.type, call.parameters)
    ids = await matching(call, reader, criteria, without=without)
    existing = single(criteria, ids)
    if existing is None:
        raise NotFound(f"No {call.type} matches the criteria, so there is nothing to patch.")
    return Identity((Key(call.type, existing),), criteria, ids)


async def plan(call: Call, identity: Identity) -> Step:
    """Return the step that puts the patched resource, as long as the version patched is still the current one."""
    external.demand_changeable(call.type)
    key = identity.key
    before = existing(key, await call.reader.read(key, restriction=within(call, "read", key.type)))
    patched = _patched(call, parse(await binary.whole(call, before)))
    await demand_labels(call, before, patched)
    prepared = commit.prepare(call, patched if call.links is None else call.links(patched), key)

    async def step(tx: Transaction) -> Written:
        await hold(call, tx, identity)
        now = existing(key, await commit.current(call, tx, key, "update"))
        preconditions.demand(call.preconditions, now)
        if now.number != before.number:
            raise Moved
        version = await commit.put(call, tx, prepared, now, "PATCH")
        return commit.put_as(200, version, prepared, now)

    return step


def existing(key: Key, version: Version | None) -> Version:
    """Return the version. Raises NotFound when there is none, Gone when it is a tombstone."""
    if version is None:
        raise NotFound(f"{key.type}/{key.id} does not exist, so there is nothing to patch.")
    if version.deleted:
        raise Gone(f"{key.type}/{key.id} was deleted with version {version.number}. A PUT brings it back.")
    return version


def _patched(call: Call, resource: Resource) -> Resource:
    limit = call.services.limits.patch_operations
    if call.resource is not None and call.resource.get("resourceType") == "Parameters":
        _limited(call.resource.get("parameter"), limit)
        return fhirpath_patch(resource, call.resource)
    if call.raw is not None and call.media_type == JSON_PATCH:
        operations = parse(call.raw)
        _limited(operations, limit)
        return json_patch(resource, operations)
    raise UnsupportedMediaType(
        f"A patch is a JSON Patch ({JSON_PATCH}) or a Parameters resource with a FHIRPath Patch."
    )


def _limited(operations: Any, limit: int) -> None:
    if isinstance(operations, list) and len(operations) > limit:
        raise BadRequest(f"The patch has {len(operations)} operations, and {limit} are the most taken at once.")
