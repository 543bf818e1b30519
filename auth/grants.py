"""Grants: the row that stands behind every token. While it lives its tokens do; revoked, they are dead at once.

A grant is a session of the platform's own (`session`), of a SMART app (`smart`), or of a machine (`backend`). Access
tokens name it in their claim `sid`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from auth.ports import Record, Records, Transaction
from auth.tables import GRANTS

Kind = Literal["session", "smart", "backend"]
FIRST_PARTY = "first-party"
KEPT = 24 * 3600 * 1_000_000
"""Microseconds for which a grant is kept after it has expired."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant.

    `scopes` are canonical SMART scopes, empty for a session, whose rights its account's role decides. `patient` and
    `encounter` are the launch context. `purpose` is None or `BTG` (break the glass) with its `reason`. `issued`,
    `expires`, `revoked` are microseconds since 1970. `amr` says how its owner was recognised (RFC 8176), `acr` how
    surely, `address` is a keyed digest of the network address it began from, `agent` what that client called itself.
    For an app: `session` is the grant of the session that it ends with, `context` what else it was told of its launch,
    `auth_time` when its user had signed in.
    """

    id: str
    kind: Kind
    account: str | None
    client: str
    issued: int
    expires: int
    scopes: tuple[str, ...] = ()
    patient: str | None = None
    encounter: str | None = None
    purpose: str | None = None
    reason: str | None = None
    revoked: int | None = None
    amr: tuple[str, ...] = ()
    acr: str | None = None
    address: str | None = None
    agent: str = ""
    session: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    auth_time: int = 0

    def is_alive(self, now: int) -> bool:
        """Whether its tokens count at `now`."""
        return self.revoked is None and now < self.expires


def read(record: Record) -> Grant:
    """Return the grant of a row."""
    value: dict[str, Any] = dict(record.value)
    return Grant(**value | {"id": record.key, "scopes": tuple(value["scopes"]), "amr": tuple(value["amr"])})


async def grant_of(records: Records, id: str) -> Grant | None:
    """Return the grant with that id, revoked or not."""
    record = await records.get(GRANTS.name, id)
    return None if record is None else read(record)


async def grants_of(records: Records, account: str) -> Sequence[Grant]:
    """Return the grants of an account, newest first."""
    found = [read(record) for record in await records.find(GRANTS.name, "account", account)]
    return sorted(found, key=lambda grant: grant.issued, reverse=True)


async def revoke_client(tx: Transaction, client: str) -> list[Grant]:
    """Revoke every grant that an app has, and return those that lived."""
    found = [await revoke(tx, record.key) for record in await tx.records.find(GRANTS.name, "client", client)]
    return [grant for grant in found if grant is not None]


async def put(tx: Transaction, grant: Grant) -> Grant:
    """Keep a grant, new or changed."""
    value = asdict(grant)
    del value["id"]
    await tx.records.put(GRANTS.name, grant.id, value, expires=grant.expires + KEPT)
    return grant


async def revoke(tx: Transaction, id: str) -> Grant | None:
    """Revoke a grant, and return it if it lived until now. Whoever remembers it is to be told after the commit."""
    grant = await grant_of(tx.records, id)
    if grant is None or not grant.is_alive(tx.time):
        return None
    return await put(tx, replace(grant, revoked=tx.time))


async def end(tx: Transaction, id: str) -> list[Grant]:
    """Revoke a grant and those that end with it, and return those that lived until now."""
    grant = await revoke(tx, id)
    if grant is None or grant.account is None:
        return [] if grant is None else [grant]
    hang_on = [each.id for each in await grants_of(tx.records, grant.account) if each.session == id]
    ended = [await revoke(tx, each) for each in hang_on]
    return [grant, *(each for each in ended if each is not None)]


async def revoke_all(tx: Transaction, account: str, but: str | None = None) -> list[Grant]:
    """Revoke every grant of an account, but for the one with the id `but`, and return those that lived."""
    found = [await revoke(tx, grant.id) for grant in await grants_of(tx.records, account) if grant.id != but]
    return [grant for grant in found if grant is not None]
