"""Refresh tokens: what stands behind one, how it is followed by the next, and what becomes of one that comes again.

Sessions of the platform and apps go by the same rules. A token that was replaced gives access for `GRACE` still, for
answers get lost on the way; when it comes later, somebody has copied it, and all that it led to ends (RFC 9700 4.14).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth import grants, opaque
from auth.accounts import Account, account_of
from auth.grants import Grant
from auth.opaque import Opaque
from auth.ports import Transaction

SECOND = 1_000_000
GRACE = 30 * SECOND
"""Microseconds after a rotation in which the old token still gives access."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token that somebody shows, with its grant and whose it is."""

    token: Opaque
    grant: Grant
    account: Account


async def issue(tx: Transaction, grant: Grant) -> str:
    """Return a new refresh token, which lives as long as its grant."""
    seconds = (grant.expires - tx.time) // SECOND
    return await opaque.issue(tx, "refresh", seconds, account=grant.account, grant=grant.id)


async def presented(tx: Transaction, secret: str, client: str) -> Presented | None:
    """Return what stands behind a token, used or not; None unless it is that client's, and grant and account count."""
    token = await opaque.find(tx.records, "refresh", secret)
    grant = None if token is None else await grants.grant_of(tx.records, token.grant or "")
    if token is None or grant is None or grant.client != client or not grant.is_alive(tx.time):
        return None
    account = await account_of(tx.records, grant.account or "")
    return None if account is None or account.status == "disabled" else Presented(token, grant, account)


async def replayed(tx: Transaction, shown: Presented) -> list[Grant] | None:
    """End what a copied token led to, and return what lived until now; None for a token that nobody has copied."""
    if not shown.token.used or tx.time - shown.token.used <= GRACE:
        return None
    return await grants.end(tx, shown.grant.id)


async def rotate(tx: Transaction, shown: Presented, grant: Grant) -> str | None:
    """Use the token up and return the next one of `grant`; None for one that was followed by another already."""
    if shown.token.used:
        return None
    await opaque.keep(tx, replace(shown.token, used=tx.time))
    return await issue(tx, grant)
