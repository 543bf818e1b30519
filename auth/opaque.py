"""Opaque tokens: 256 random bits for the client, their SHA-256 for the table. Refresh tokens, and links in letters.

Whoever reads the table cannot use what is in it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from auth.ports import Record, Records, Transaction
from auth.tables import TOKENS

Kind = Literal["refresh", "reset", "verify", "challenge", "code", "launch", "browser", "ticket", "binding"]
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Opaque:
    """A token as it is kept: what it is for and whose. `used` is when it was used up, in microseconds, 0 when not."""

    key: str
    kind: Kind
    expires: int
    account: str | None = None
    grant: str | None = None
    used: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


def fingerprint(secret: str) -> str:
    """Return under what name a token is kept."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


async def issue(
    tx: Transaction,
    kind: Kind,
    seconds: int,
    *,
    account: str | None = None,
    grant: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> str:
    """Make a token and keep its fingerprint; return the secret, which is nowhere else."""
    secret = secrets.token_urlsafe(32)
    await keep(tx, Opaque(fingerprint(secret), kind, tx.time + seconds * 1_000_000, account, grant, data=data or {}))
    return secret


async def keep(tx: Transaction, token: Opaque) -> None:
    """Write a token, new or changed."""
    value = {
        "kind": token.kind,
        "account": token.account,
        "grant": token.grant,
        "used": token.used,
        "ends": token.expires,
        "data": dict(token.data),
    }
    await tx.records.put(TOKENS.name, token.key, value, expires=token.expires)


async def find(records: Records, kind: Kind, secret: str) -> Opaque | None:
    """Return the token of that kind that `secret` is, used up or not; None when there is none or it has expired."""
    if len(secret) > LONGEST:
        return None
    record = await records.get(TOKENS.name, fingerprint(secret))
    return read(record) if record is not None and record.value["kind"] == kind else None


async def remove(tx: Transaction, token: Opaque) -> None:
    """Forget a token."""
    await tx.records.delete(TOKENS.name, token.key)


async def drop(tx: Transaction, account: str, kind: Kind) -> None:
    """Forget all tokens of that kind that the account has."""
    for record in await tx.records.find(TOKENS.name, "account", account):
        if record.value["kind"] == kind:
            await tx.records.delete(TOKENS.name, record.key)


def read(record: Record) -> Opaque:
    """Return the token of a row."""
    value = record.value
    return Opaque(
        record.key, value["kind"], value["ends"], value["account"], value["grant"], value["used"], value["data"]
    )
