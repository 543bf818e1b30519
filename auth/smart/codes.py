"""Authorization codes: what a user has agreed to, on its way through the browser. They live a minute and count once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from auth import opaque
from auth.opaque import Opaque
from auth.ports import Records, Transaction

SECONDS = 60
KEPT = 24 * 3600 * 1_000_000
"""Microseconds for which a used code is remembered, so that its second use is noticed."""
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for.

    `session` is the grant that the user was signed in with, `auth_time` when that began (microseconds since 1970).
    `context` is what else the app is told of the launch.
    """

    client: str
    redirect_uri: str
    challenge: str
    scopes: str
    account: str
    session: str
    auth_time: int
    nonce: str | None = None
    patient: str | None = None
    encounter: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    amr: tuple[str, ...] = ()
    acr: str | None = None

    def fits(self, verifier: str) -> bool:
        """Return whether `verifier` is what the challenge was made from (RFC 7636, 4.6)."""
        if not VERIFIER.fullmatch(verifier):
            return False
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return hmac.compare_digest(digest, self.challenge)


async def issue(tx: Transaction, code: Code) -> str:
    """Keep a code; return the secret that goes to the app."""
    return await opaque.issue(tx, "code", SECONDS, account=code.account, data=asdict(code))


async def find(records: Records, secret: str) -> tuple[Opaque, Code] | None:
    """Return the code that `secret` is, used or not; None when there is none or it is too old."""
    token = await opaque.find(records, "code", secret)
    if token is None:
        return None
    data = dict(token.data)
    return token, Code(**data | {"amr": tuple(data["amr"])})


async def use(tx: Transaction, token: Opaque, grant: str | None) -> None:
    """Use a code up; `grant` is what came of it, which dies if the code comes again."""
    await opaque.keep(tx, replace(token, used=tx.time, grant=grant, expires=tx.time + KEPT))
