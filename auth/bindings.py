"""Binding tokens: say once, on a socket that is open, on whose behalf it is to hear of which subscriptions.

A token stands for the access token that it was got by: same grant, same scopes. It ends with the grant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auth import opaque
from auth.ports import Store, Transaction

SECONDS = 300
"""For how long a binding token counts."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a binding token stands for: a grant, the scopes of it that are open, and the ids of subscriptions."""

    grant: str
    scopes: tuple[str, ...]
    ids: tuple[str, ...]


async def issue(
    store: Store, account: str | None, grant: str, scopes: Sequence[str], ids: Sequence[str]
) -> tuple[str, int]:
    """Return a new token for the subscriptions `ids`, and until when it counts (microseconds since 1970)."""
    data = {"scopes": list(scopes), "ids": list(ids)}

    async def work(tx: Transaction) -> tuple[str, int]:
        token = await opaque.issue(tx, "binding", SECONDS, account=account, grant=grant, data=data)
        return token, tx.time + SECONDS * 1_000_000

    return await store.write(work)


async def redeem(store: Store, token: str) -> Binding | None:
    """Use a token up; return what it stands for, None for one that does not count."""
    # Looked up first, so that guessing costs no write.
    if await opaque.find(store.records, "binding", token) is None:
        return None

    async def work(tx: Transaction) -> Binding | None:
        found = await opaque.find(tx.records, "binding", token)
        if found is None or found.grant is None or found.expires <= tx.time:
            return None
        await opaque.remove(tx, found)
        return Binding(found.grant, tuple(found.data["scopes"]), tuple(found.data["ids"]))

    return await store.write(work)
