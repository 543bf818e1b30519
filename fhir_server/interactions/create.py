"""create: `POST [base]/[type]`, conditional with If-None-Exist (http://hl7.org/fhir/R4/http.html#create).

The server assigns the id. With If-None-Exist, one match is answered with 200 and stays as it is, several with 412; the
search is repeated inside the write, so of two equal requests at the same time one creates and the other finds.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from msgspec import structs

from fhir_server.interactions import audit, binary, commit
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.commit import Prepared, Put, Step, Written
from fhir_server.interactions.conditional import Identity, Moved, as_criteria, hold, matching, single
from fhir_server.store.base import Key, Snapshot, Transaction


async def create(call: Call) -> Result:
    """Create the resource: 201 with its Location, or 200 with the one that If-None-Exist finds."""
    return await commit.perform(call, "create", identify, plan)


async def identify(call: Call, reader: Snapshot, without: Set[Key] = frozenset()) -> Identity:
    """Return the new identity, or that of the resource that If-None-Exist finds."""
    assert call.type is not None
    demand(call, "create", call.type)
    new = Key(call.type, call.new_id())
    if call.preconditions.if_none_exist is None:
        return Identity((new,))
    criteria = await as_criteria(call, call.type, call.preconditions.if_none_exist)
    ids = await matching(call, reader, criteria, without=without)
    existing = single(criteria, ids)
    key = new if existing is None else Key(call.type, existing)
    return Identity((key,), criteria, ids, found=existing is not None)


async def plan(call: Call, identity: Identity) -> Step:
    """Return the step that creates the resource, or that answers with the existing one."""
    resource = commit.body_of(call)
    if identity.found:
        return _existing(call, identity)
    return Put(put, call, identity, commit.prepare(call, resource, identity.key, final=call.final))


async def put(call: Call, identity: Identity, prepared: Prepared, tx: Transaction) -> Written:
    """Create the resource inside the write."""
    if identity.criteria is not None:
        await hold(call, tx, identity)
    version = await commit.put(call, tx, prepared, None, "POST")
    return commit.put_as(201, version, prepared, None)


def _existing(call: Call, identity: Identity) -> Step:
    async def step(tx: Transaction) -> Written:
        await hold(call, tx, identity)
        demand(call, "read", identity.key.type)
        version = await tx.read(identity.key, restriction=within(call, "read", identity.key.type))
        if version is None:
            raise Moved
        if call.content is not None:
            return Written(200, version, audit.patients_of(version))
        shown = structs.replace(version, body=await binary.whole(replace(call, transaction=tx), version))
        return Written(200, shown, audit.patients_of(version))

    return step
