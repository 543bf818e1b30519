"""An app gives its tokens back (RFC 7009): the grant behind them ends, and every token with it."""

from __future__ import annotations

from collections.abc import Callable

from auth import opaque
from auth.clients import Client
from auth.errors import Unauthenticated
from auth.grants import Grant, grant_of, revoke
from auth.ports import Asker, Event, Store, Transaction
from auth.tokens import Tokens
from auth.trail import Trail


class Revocation:
    """A tenant's revocation endpoint; `forget` is told of each grant that was revoked, after the commit."""

    def __init__(self, store: Store, tokens: Tokens, trail: Trail, forget: Callable[[Grant], None]) -> None:
        self._store = store
        self._tokens = tokens
        self._trail = trail
        self._forget = forget

    async def revoke(self, token: str, client: Client, asker: Asker) -> None:
        """End what the token belongs to, if it is that client's. A token that is unknown is no error."""
        id = await self._grant_of(token)
        if id is None:
            return

        async def work(tx: Transaction) -> Grant | None:
            grant = await grant_of(tx.records, id)
            if grant is None or grant.client != client.id:
                return None
            await self._trail.note(Event("revoke", f"Client/{client.id}", asker, details={"grant": id}), tx)
            return await revoke(tx, id)

        revoked = await self._store.write(work)
        if revoked is not None:
            self._forget(revoked)

    async def _grant_of(self, token: str) -> str | None:
        found = await opaque.find(self._store.records, "refresh", token)
        if found is not None:
            return found.grant
        await self._tokens.renew()
        try:
            return str(self._tokens.decode("access", token)["sid"])
        except Unauthenticated:
            return None
