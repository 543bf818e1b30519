"""An authorization request under way: kept for ten minutes, and bound to the browser that it began in.

The table `authorization` keeps what the app asked, who has signed in for it, and which patient it is about. A step
needs the browser's own secret, of which only the SHA-256 is kept: nobody can be led into a request that somebody else
began.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from auth.opaque import fingerprint
from auth.ports import Record, Records, Transaction
from auth.smart.authorization_request import Pairs
from auth.tables import AUTHORIZATIONS

LIFE = 600_000_000


@dataclass(frozen=True, slots=True)
class Pending:
    """One request. `session` is the grant that its user has signed in with, `began` when it began; `patient` is whom
    it is about, `encounter` what that patient has been seen for, empty where the user has chosen none. Times are
    microseconds since 1970.
    """

    id: str
    pairs: Pairs
    browser: str
    began: int
    session: str | None = None
    patient: str | None = None
    encounter: str | None = None

    def is_of(self, browser: str) -> bool:
        """Return whether it began in the browser that has this secret."""
        return hmac.compare_digest(self.browser, fingerprint(browser))


async def begin(tx: Transaction, pairs: Pairs, browser: str) -> Pending:
    """Keep a request that begins now."""
    return await keep(tx, Pending(secrets.token_urlsafe(24), pairs, fingerprint(browser), tx.time))


async def keep(tx: Transaction, pending: Pending, **changes: Any) -> Pending:
    """Keep a request, changed or not."""
    pending = replace(pending, **changes)
    value: dict[str, Any] = asdict(pending) | {"pairs": [list(pair) for pair in pending.pairs]}
    del value["id"]
    await tx.records.put(AUTHORIZATIONS.name, pending.id, value, expires=pending.began + LIFE)
    return pending


async def end(tx: Transaction, pending: Pending) -> bool:
    """Forget a request; return whether it was still under way."""
    return await tx.records.delete(AUTHORIZATIONS.name, pending.id)


async def find(records: Records, id: str, browser: str) -> Pending | None:
    """Return the request if it is under way in that browser."""
    record = await records.get(AUTHORIZATIONS.name, id)
    pending = None if record is None else _read(record)
    return pending if pending is not None and pending.is_of(browser) else None


def _read(record: Record) -> Pending:
    value: Mapping[str, Any] = record.value
    pairs = [(name, text) for name, text in value["pairs"]]
    return Pending(**{**value, "id": record.key, "pairs": pairs})
