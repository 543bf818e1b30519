"""Registered apps as rows of the table `client`: written by administrators and by dynamic registration."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any

from auth.clients import Client
from auth.ports import Record, Records, Transaction
from auth.scopes import Known, parse_scopes
from auth.tables import CLIENTS

PAGE = 100
LISTS = ("grant_types", "redirect_uris", "launch_uris", "keys", "post_logout_redirect_uris")


class Registry:
    """A tenant's apps. `known` tells whether a type has a search parameter of that name."""

    def __init__(self, known: Known) -> None:
        self._known = known

    async def client(self, records: Records, id: str) -> Client | None:
        """Return the app with that id, disabled or not."""
        record = await records.get(CLIENTS.name, id)
        return None if record is None else self._read(record)

    async def every(self, records: Records) -> AsyncIterator[Client]:
        """Yield all apps, by id."""
        after = ""
        while page := await records.scan(CLIENTS.name, after, PAGE):
            for record in page:
                yield self._read(record)
            after = page[-1].key

    def _read(self, record: Record) -> Client:
        value: dict[str, Any] = dict(record.value)
        lists = {name: tuple(value.get(name, ())) for name in LISTS}
        # A search parameter that is no longer there takes the scope that rests on it along.
        scopes, _gone = parse_scopes(value["scopes"], self._known)
        return Client(**value | lists | {"id": record.key, "scopes": scopes})


async def keep(tx: Transaction, client: Client) -> Client:
    """Keep an app, new or changed."""
    value = asdict(client) | {"scopes": str(client.scopes)}
    del value["id"]
    await tx.records.put(CLIENTS.name, client.id, value)
    return client


def with_secret(client: Client) -> tuple[Client, str]:
    """Return the app with a new secret, and the secret, which is nowhere else."""
    secret = secrets.token_urlsafe(32)
    return replace(client, secret=_digest(secret)), secret


def has_secret(client: Client | None, secret: str) -> bool:
    """Return whether that is the app's secret; a missing app takes as long."""
    kept = (client.secret if client is not None else None) or _digest("")
    return hmac.compare_digest(kept, _digest(secret)) and client is not None and client.secret is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
