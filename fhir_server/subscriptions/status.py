"""The status of a Subscription, which the server writes: a new version of the resource, in its owner's name.

It is put only where the version is still the one that was judged; when its client has written another one meanwhile,
that one is judged anew.
"""

from __future__ import annotations

from auth.rights import EVERYTHING
from fhir_server.interactions.audit import row
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.interactions.subscribing.tables import TYPE
from fhir_server.interactions.telling.viewing import REQUEST
from fhir_server.model.draft import draft, headed, stamped
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant
from fhir_server.store.base import Key, NewVersion, Transaction
from profiles.restriction import ALL


async def put_status(services: Services, tx: Transaction, entry: Entry, status: str, error: str) -> int | None:
    """Write `status` and `error` ("" for none) into a Subscription; return the number of the version that has them.

    None when the version is not the one that `entry` knows.
    """
    key = Key(TYPE, entry.id)
    before = await tx.read(key, restriction=ALL)
    if before is None or before.deleted or before.number != entry.number:
        return None
    resource = parse(before.body)
    if (resource["status"], resource.get("error", "")) == (status, error):
        return before.number
    resource = headed(TYPE, entry.id, {name: value for name, value in resource.items() if name != "error"})
    resource["status"] = status
    if error:
        resource["error"] = error
    entries = services.extractor.entries(resource, base=services.base)
    owners = await tx.owners(key, before.number, restriction=ALL)
    labels = await tx.labels(key, before.number, restriction=ALL)
    number = before.number + 1
    body = stamped(draft(resource), TYPE, entry.id, number, instant(tx.time))
    # The author stays: what somebody asked for is theirs, whatever the server says of it.
    version = await tx.put(NewVersion(key, number, "PUT", before.author, body, owners, labels), entries)
    call = Call(services, Principal("subscriptions", EVERYTHING), REQUEST, TYPE, entry.id)
    await tx.audit(row(call, "update", 200, time=tx.time, written=version, details={"status": status}))
    return number
