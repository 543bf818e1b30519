"""Whose a subscription is, kept in the commit that writes it: what is delivered is what its owner may see by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth.grants import grant_of
from auth.policy import BREAK_GLASS
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.subscribing.tables import OWNED, TYPE, Owned, Owner, forget, keep_owned
from fhir_server.store.base import Transaction, Version
from profiles.issues import Issue

if TYPE_CHECKING:
    from fhir_server.interactions.call import Call


async def note(call: Call, tx: Transaction, version: Version) -> None:
    """Keep whose the Subscription is that was just put; nothing for every other type.

    Raises Forbidden under break-glass, Unprocessable when its owner has too many.
    """
    if version.key.type != TYPE:
        return
    id = version.key.id
    if version.deleted:
        await forget(tx, id)
        return
    principal = call.principal
    if principal.purpose == BREAK_GLASS:
        raise Forbidden("Access in an emergency ends with it, so it cannot ask to be notified later.")
    grant = None if principal.grant is None else await grant_of(tx.records, principal.grant)
    owner = Owner(
        principal.actor,
        "" if grant is None else grant.kind,
        principal.account,
        principal.client,
        principal.grant,
        principal.scopes,
    )
    await _demand_few(call, tx, id)
    await keep_owned(tx, Owned(id, owner, version.number))


async def _demand_few(call: Call, tx: Transaction, id: str) -> None:
    most = call.services.subscribing.most
    own = await tx.records.find(OWNED.name, "actor", call.principal.actor)
    if len([each for each in own if each.key != id]) >= most:
        text = f"You have {most} subscriptions, and that is as many as one owner may have: delete one that is not used."
        raise Unprocessable.of([Issue("error", "too-costly", text)])
