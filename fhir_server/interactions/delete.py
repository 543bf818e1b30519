"""delete: `DELETE [base]/[type]/[id]`, conditional `DELETE [base]/[type]?[criteria]`.

http://hl7.org/fhir/R4/http.html#delete: what is deleted already, or never was, is answered with 204 too and gets no new
version. A conditional delete takes every match in one transaction, up to a limit; above it, nothing.
"""

from __future__ import annotations

from collections.abc import Set

from fhir_server.errors import PreconditionFailed
from fhir_server.interactions import audit, commit, preconditions
from fhir_server.interactions.access import demand
from fhir_server.interactions.audit_events import external
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.commit import Step, Written
from fhir_server.interactions.conditional import Identity, criteria_of, hold, matching
from fhir_server.interactions.reserved import demand_free
from fhir_server.store.base import Key, Snapshot, Transaction


async def delete(call: Call) -> Result:
    """Delete the resource or all matches: 204, with the version of the tombstone when it is one resource."""
    return await commit.perform(call, "delete", identify, plan)


async def identify(call: Call, reader: Snapshot, without: Set[Key] = frozenset()) -> Identity:
    """Return the identity of the URL, or those that the criteria find. Raises PreconditionFailed for too many."""
    assert call.type is not None
    demand(call, "delete", call.type)
    if call.id is not None:
        return Identity((Key(call.type, call.id),))
    criteria = await criteria_of(call, call.type, call.parameters)
    limit = call.services.limits.delete_matches
    ids = await matching(call, reader, criteria, limit=limit + 1, without=without)
    if len(ids) > limit:
        raise PreconditionFailed(
            f"More than {limit} {call.type} resources match the criteria, and a conditional delete takes at most that "
            "many here. Nothing was deleted: make the criteria more specific.",
            code="multiple-matches",
        )
    return Identity(tuple(Key(call.type, id) for id in ids), criteria, ids, limit + 1)


async def plan(call: Call, identity: Identity) -> Step:
    """Return the step that puts the tombstones. Raises MethodNotAllowed for what is never deleted."""
    external.demand_changeable(call.type)

    async def step(tx: Transaction) -> Written:
        await hold(call, tx, identity)
        done = [await _bury(call, tx, key) for key in identity.keys]
        patients = tuple(patient for written in done for patient in written.patients)
        return Written(
            204,
            done[0].version if len(done) == 1 else None,
            patients,
            keys=identity.keys,
            attaches=any(each.attaches for each in done),
        )

    return step


async def _bury(call: Call, tx: Transaction, key: Key) -> Written:
    before = await commit.current(call, tx, key, "delete")
    demand_free(call.services, key)
    preconditions.demand(call.preconditions, before)
    if before is None:
        return Written(204)
    if before.deleted:
        return Written(204, before, audit.patients_of(before))
    return await commit.bury(call, tx, before)
