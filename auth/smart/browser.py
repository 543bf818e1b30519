"""Who is signed in in a browser: a cookie with an opaque secret, behind which stands a session's grant."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from auth import opaque
from auth.accounts import Account, account_of
from auth.grants import Grant, end, grant_of
from auth.ports import Records, Transaction

SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who is signed in, with the grant of that session."""

    account: Account
    grant: Grant


def stranger() -> str:
    """Return a secret for a browser in which nobody has signed in yet."""
    return secrets.token_urlsafe(32)


async def remember(tx: Transaction, signed: SignedIn) -> str:
    """Return a new secret for the browser in which somebody has signed in."""
    return await opaque.issue(tx, "browser", SECONDS, account=signed.account.id, grant=signed.grant.id)


async def who(records: Records, secret: str, now: int) -> SignedIn | None:
    """Return who is signed in in the browser with that secret."""
    token = await opaque.find(records, "browser", secret)
    if token is None or token.grant is None or token.account is None:
        return None
    grant, account = await grant_of(records, token.grant), await account_of(records, token.account)
    if grant is None or account is None or not grant.is_alive(now) or account.status == "disabled":
        return None
    return SignedIn(account, grant)


async def forget(tx: Transaction, secret: str) -> list[Grant]:
    """Let nobody be signed in in the browser with that secret; return the grants that ended so."""
    token = await opaque.find(tx.records, "browser", secret)
    if token is None:
        return []
    await opaque.remove(tx, token)
    return await end(tx, token.grant) if token.grant is not None else []
