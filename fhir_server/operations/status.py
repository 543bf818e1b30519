"""$status: `[base]/Subscription/$status`, `[base]/Subscription/[id]/$status`, of Subscriptions R5 Backport.

How subscriptions are: a searchset of Parameters, one for each that is the caller's
(http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html). At a type
`id` and `status` choose among them, each given several times or with commas; of an instance they are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from fhir_server.errors import NotFound
from fhir_server.interactions import audit
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.subscribing.entry import Entry, entry_of
from fhir_server.interactions.subscribing.tables import OWNED, TYPE
from fhir_server.operations.parameters import texts
from fhir_server.store.base import Key, Record
from realtime.subscriptions import notification

NAMES = ("id", "status")


async def status(call: Call) -> Result:
    """Tell how subscriptions are: 200. Raises NotFound for an instance that is not the caller's."""
    demand(call, "read", TYPE)
    if call.id is not None:
        texts(call, "status", NAMES)
        entry = await own(call, call.id)
        if entry is None:
            raise NotFound(f"{TYPE}/{call.id} does not exist.")
        return await _answer(call, [entry])
    given = texts(call, "status", NAMES)
    ids, wanted = _all(given, "id"), _all(given, "status")
    chosen = ids or [record.key for record in await _mine(call)]
    entries = [entry for id in chosen if (entry := await own(call, id)) is not None]
    return await _answer(call, [each for each in entries if not wanted or each.status in wanted])


async def own(call: Call, id: str) -> Entry | None:
    """Return a subscription that the caller may read, None for every other one."""
    reader = call.reader
    if await reader.read(Key(TYPE, id), restriction=within(call, "read", TYPE)) is None:
        return None
    return await entry_of(reader, id)


async def _mine(call: Call) -> Sequence[Record]:
    return await call.reader.records.find(OWNED.name, "actor", call.principal.actor)


def _all(given: Sequence[tuple[str, str]], name: str) -> list[str]:
    found = (part for each, value in given if each == name for part in value.split(","))
    return list(dict.fromkeys(found))


async def _answer(call: Call, entries: Sequence[Entry]) -> Result:
    base = call.services.base
    rows = []
    for entry in entries:
        id = str(uuid4())
        shown = notification.status(entry.state, "query-status", content=entry.asked.content, base=base)
        resource = {"resourceType": "Parameters", "id": id} | shown
        rows.append({"fullUrl": f"urn:uuid:{id}", "resource": resource, "search": {"mode": "match"}})
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(rows)} | ({"entry": rows} if rows else {})
    return await audit.seen(call, "$status", Result(200, resource=bundle))
