"""Tickets: open one connection within a moment, for clients that can send no header, so that no token is in a URL.

A ticket stands for the access token it was got with: same grant, same end. It counts once.
"""

from __future__ import annotations

from auth import opaque
from auth.ports import Store, Transaction

SECONDS = 30
"""For how long a ticket counts."""


async def issue(store: Store, account: str, grant: str, ends: int) -> str:
    """Return a new ticket for a connection that may last until `ends` (microseconds since 1970)."""

    async def work(tx: Transaction) -> str:
        return await opaque.issue(tx, "ticket", SECONDS, account=account, grant=grant, data={"ends": ends})

    return await store.write(work)


async def redeem(store: Store, ticket: str) -> tuple[str, int] | None:
    """Use a ticket up; return its grant and until when that may be used, None for one that does not count."""
    # Looked up first, so that guessing costs no write.
    if await opaque.find(store.records, "ticket", ticket) is None:
        return None

    async def work(tx: Transaction) -> tuple[str, int] | None:
        found = await opaque.find(tx.records, "ticket", ticket)
        if found is None or found.grant is None or found.expires <= tx.time:
            return None
        await opaque.remove(tx, found)
        return found.grant, int(found.data["ends"])

    return await store.write(work)
