"""Somebody who reads and writes JSON views: what they do goes the road of every interaction, with their own rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auth.accounts import Account
from auth.ports import Asker
from auth.rights import EVERYTHING, Rights
from fhir_server.accounts.desk import Desk
from fhir_server.interactions.answer import answer
from fhir_server.interactions.call import Call, Principal, Resource
from fhir_server.interactions.transaction import settle
from fhir_server.model.resource import instant
from fhir_server.store.base import Transaction
from mappings.concepts.names import FRANCE
from mappings.transactions.act import Act

Also = Callable[[Transaction], Awaitable[None]]
FRENCH = f"{FRANCE}/StructureDefinition/fr-core-encounter"
HOUSE = Principal("system", EVERYTHING)
"""Who writes what follows from a write by itself, such as notifications."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, at which desk, and where the request comes from."""

    desk: Desk
    principal: Principal
    account: Account
    asker: Asker

    @property
    def person(self) -> str:
        """The reference to who acts: `Patient/1`, `Practitioner/2`."""
        return self.account.actor

    def call(self, type: str | None = None, **more: Any) -> Call:
        """Return a call of an interaction by them."""
        return Call(self.desk.services, self.principal, self.asker.request, type, address=self.asker.address, **more)

    def act(self) -> Act:
        """Return the act of writing now; where FR Core is installed, what is made conforms to it and says so."""
        services = self.desk.services
        french = services.catalogue.find(FRENCH) is not None
        return Act(self.person, instant(services.now()), services.new_id, french=french)

    async def write(self, bundle: Resource, also: Sequence[Also] = ()) -> None:
        """Do a transaction Bundle with their rights, and each of `also` in the same commit. Raises as `transaction`."""

        async def after(tx: Transaction) -> None:
            for each in also:
                await each(tx)

        call = self.call(resource=bundle)
        call.principal = _with_own_ids(self.principal)
        await settle(call, answer, after)

    def house(self, tx: Transaction, type: str, **more: Any) -> Call:
        """Return a call inside a write that sees and may do everything: for rules that must hold for everybody."""
        return house(self.desk, self.asker, tx, type, **more)


def house(desk: Desk, asker: Asker, tx: Transaction, type: str, **more: Any) -> Call:
    """Return a call inside a write, by the house itself, at the occasion of what somebody asks for."""
    return Call(desk.services, HOUSE, asker.request, type, transaction=tx, address=asker.address, **more)


def _with_own_ids(principal: Principal) -> Principal:
    # The ids of what a view makes are the server's own, not a client's choice; nothing else is opened by that.
    rights = principal.rights
    return replace(principal, rights=Rights(rights.allowed, rights.powers | {"ids"})) if rights.limited else principal
