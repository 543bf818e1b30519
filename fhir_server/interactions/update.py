"""update: `PUT [base]/[type]/[id]`, conditional `PUT [base]/[type]?[criteria]` (http://hl7.org/fhir/R4/http.html#update).

An id that does not exist yet is created under that id, a deleted one comes back with the next version number.
"""

from __future__ import annotations

from collections.abc import Set

from fhir_server.errors import BadRequest, Conflict
from fhir_server.interactions import commit, preconditions
from fhir_server.interactions.access import demand
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.commit import Prepared, Put, Step, Written
from fhir_server.interactions.conditional import Identity, Moved, criteria_of, hold, matching, single
from fhir_server.interactions.labels import keeping_labels, labels_of
from fhir_server.model.resource import is_id
from fhir_server.store.base import Key, Snapshot, Transaction

ID_RULE = "An id has 1 to 64 characters out of A-Z, a-z, 0-9, '-' and '.'."


async def update(call: Call) -> Result:
    """Replace the resource (200), or create it under the id of the URL or body (201)."""
    return await commit.perform(call, "update", identify, plan)


async def identify(call: Call, reader: Snapshot, without: Set[Key] = frozenset()) -> Identity:
    """Return the identity of the URL, or the one that the criteria find, or a new one."""
    assert call.type is not None
    demand(call, "update", call.type)
    resource = commit.body_of(call)
    own = _own_id(resource)
    if call.id is not None:
        return Identity((_direct(call.type, call.id, own),))
    criteria = await criteria_of(call, call.type, call.parameters)
    ids = await matching(call, reader, criteria, without=without)
    existing = single(criteria, ids)
    if existing is not None and own not in (None, existing):
        raise BadRequest(
            f"The criteria match one {call.type}, but the body has the id of another resource. Leave the id out of the "
            "body, or make it the one of the match.",
            expression=f"{call.type}.id",
        )
    return Identity((Key(call.type, existing or own or call.new_id()),), criteria, ids)


async def plan(call: Call, identity: Identity) -> Step:
    """Return the step that replaces or creates the resource."""
    resource = await keeping_labels(call, identity.key, commit.body_of(call))
    return Put(put, call, identity, commit.prepare(call, resource, identity.key, final=call.final))


async def put(call: Call, identity: Identity, prepared: Prepared, tx: Transaction) -> Written:
    """Replace or create the resource inside the write."""
    await hold(call, tx, identity)
    before = await commit.current(call, tx, identity.key, "update", making=True, chosen=is_chosen(call, identity))
    preconditions.demand(call.preconditions, before)
    if not call.principal.rights.has("labels") and not set(await labels_of(tx, before)) <= set(prepared.labels):
        # Labels have come since it was prepared.
        raise Moved
    absent = before is None or before.deleted
    if before is None:
        demand(call, "create", identity.key.type)
    if identity.criteria is not None and not identity.matched and not absent:
        raise Conflict(
            f"Nothing matches the criteria, and {identity.key.type}/{identity.key.id} exists already without "
            "matching them. Update it by its id, or leave the id out of the body."
        )
    version = await commit.put(call, tx, prepared, before, "PUT")
    return commit.put_as(201 if absent else 200, version, prepared, before)


def is_chosen(call: Call, identity: Identity) -> bool:
    """Return whether the caller has chosen the id, rather than the server or the criteria."""
    return call.id is not None or (not identity.matched and (call.resource or {}).get("id") is not None)


def _own_id(resource: Resource) -> str | None:
    """Return the id in the body, None without one. Raises BadRequest for what is no id."""
    own = resource.get("id")
    if own is None:
        return None
    if not isinstance(own, str) or not is_id(own):
        raise BadRequest(f"The id in the body is not valid. {ID_RULE}", expression=f"{resource['resourceType']}.id")
    return own


def _direct(type: str, id: str, own: str | None) -> Key:
    if not is_id(id):
        raise BadRequest(f"The id in the URL is not valid. {ID_RULE}")
    if own is None:
        raise BadRequest(
            f"The body has no id: an update needs {type}.id, and it must be the id of the URL.", expression=f"{type}.id"
        )
    if own != id:
        raise BadRequest(
            f"The id in the body is not the id of the URL: they must be equal. To create a resource with an id of the "
            f"server's choice use POST {type}.",
            expression=f"{type}.id",
        )
    return Key(type, id)
