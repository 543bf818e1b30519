"""$get-ws-binding-token: `[base]/Subscription/$get-ws-binding-token`, of Subscriptions R5 Backport.

A token that binds a socket to subscriptions of the caller's, once and soon
(http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-get-ws-binding-token.html).
Without an `id` it is for all of them that have the channel `websocket`.
"""

from __future__ import annotations

from auth import bindings
from fhir_server.errors import NotFound, NotSupported
from fhir_server.interactions import audit
from fhir_server.interactions.access import demand
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.subscribing.rules import OFF
from fhir_server.interactions.subscribing.tables import OWNED, TYPE
from fhir_server.model.resource import instant
from fhir_server.operations.parameters import answer, texts
from fhir_server.operations.status import own

NAMES = ("id",)


async def get_ws_binding_token(call: Call) -> Result:
    """Return the token, until when it counts, for what, and where: 200. Raises NotFound, NotSupported."""
    demand(call, "read", TYPE)
    address, principal = call.services.capabilities.get("websocket"), call.principal
    if not address or principal.grant is None:
        raise NotSupported("This server has no sockets for subscriptions.")
    named = [part for _, value in texts(call, "get-ws-binding-token", NAMES) for part in value.split(",")]
    asked = [call.id] if call.id is not None else named
    mine = await call.reader.records.find(OWNED.name, "actor", principal.actor)
    ids = []
    for id in dict.fromkeys(asked or [record.key for record in mine]):
        entry = await own(call, id)
        heard = entry is not None and entry.asked.channel == "websocket" and entry.status != OFF
        if heard and entry is not None and entry.is_heard_by(principal, call.services.subscribing.topics):
            ids.append(id)
        elif asked:
            raise NotFound(
                f"{TYPE}/{id[:64]} is no subscription of yours with the channel websocket that is not off, or your "
                "access does not reach what it tells of."
            )
    store = call.services.store
    token, expires = await bindings.issue(store, principal.account, principal.grant, principal.scopes, ids)
    rows = (("subscription", "String", id) for id in ids)
    told = answer(
        ("token", "String", token),
        ("expiration", "DateTime", instant(expires)),
        *rows,
        ("websocket-url", "Url", address),
    )
    result = Result(200, resource=told, headers={"Cache-Control": "no-store"})
    return await audit.seen(call, "$get-ws-binding-token", result)
