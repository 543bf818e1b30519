"""What a token is worth now (RFC 7662, SMART App Launch 2.2): told to the app that has it, and to administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth import opaque
from auth.accounts import Account, account_of
from auth.admission import scoped, scopes_of
from auth.assurance import acr_of
from auth.errors import Unauthenticated
from auth.grants import Grant, grant_of
from auth.ports import Clock, Store
from auth.smart.fhir_user import fhir_user
from auth.smart.token_response import launch_context
from auth.tokens import Tokens

SECOND = 1_000_000
INACTIVE: Mapping[str, Any] = {"active": False}


class Introspection:
    """A tenant's introspection endpoint. `issuer` is the FHIR base."""

    def __init__(self, store: Store, tokens: Tokens, issuer: str, now: Clock) -> None:
        self._store = store
        self._tokens = tokens
        self._issuer = issuer
        self._now = now

    async def introspect(self, token: str, asker: str | None) -> Mapping[str, Any]:
        """Return what the token is worth to the client `asker`; None asks for an administrator, who may see all."""
        found = await self._access(token) or await self._refresh(token)
        if found is None:
            return INACTIVE
        grant, expires = found
        account = await account_of(self._store.records, grant.account) if grant.account is not None else None
        dead = not grant.is_alive(self._now()) or (grant.account is not None and not _usable(account))
        if dead or asker not in (None, grant.client):
            return INACTIVE
        return {
            "active": True,
            "scope": " ".join(grant.scopes),
            "client_id": grant.client,
            "exp": expires,
            "iat": grant.issued // SECOND,
            "iss": self._issuer,
            "sub": grant.account or grant.client,
            "token_type": "Bearer",
            **({"fhirUser": fhir_user(self._issuer, account)} if account and "fhirUser" in grant.scopes else {}),
            **(_authentication(grant) if account else {}),
            **launch_context(grant),
        }

    async def _access(self, token: str) -> tuple[Grant, int] | None:
        await self._tokens.renew()
        try:
            claims = self._tokens.decode("access", token)
        except Unauthenticated:
            return None
        grant = await grant_of(self._store.records, str(claims["sid"]))
        return (scoped(grant, scopes_of(claims)), claims["exp"]) if grant is not None else None

    async def _refresh(self, token: str) -> tuple[Grant, int] | None:
        found = await opaque.find(self._store.records, "refresh", token)
        if found is None or found.used or found.grant is None:
            return None
        grant = await grant_of(self._store.records, found.grant)
        return (grant, found.expires // SECOND) if grant is not None else None


def _authentication(grant: Grant) -> dict[str, Any]:
    """Return when, and how surely, the user of a grant has signed in (RFC 9470, 6.2)."""
    acr = acr_of(grant)
    return {"auth_time": (grant.auth_time or grant.issued) // SECOND, **({} if acr is None else {"acr": acr})}


def _usable(account: Account | None) -> bool:
    return account is not None and account.status != "disabled"
