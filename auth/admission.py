"""From a bearer token to whom it admits: verified, its grant and account looked up, and remembered for a moment.

A hit costs no I/O. The process that commits a revocation, or a change of role or consent, forgets at once what it
remembers of it; other processes ask again after `REMEMBERED`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from auth.accounts import Account, account_of
from auth.assurance import DUE, Assurance
from auth.errors import Unauthenticated, Unsure
from auth.grants import Grant, grant_of
from auth.ports import Clock, Records
from auth.scopes import parse_scopes
from auth.tokens import Tokens

P = TypeVar("P")
Watch = Callable[[str | None, str | None], None]
REMEMBERED = 5_000_000
"""Microseconds for which an admission is remembered."""
MOST = 20_000
"""How many are remembered at once."""


@dataclass(frozen=True, slots=True)
class Admitted(Generic[P]):
    """Who was admitted, `principal` for the host, and until when that can be taken for granted.

    `sure` is false for who has signed in less surely than data asks for: they may do no more than mend that.
    """

    principal: P
    grant: Grant
    account: Account | None
    until: int
    sure: bool = True


class Admission(Generic[P]):
    """A tenant's admissions; `principal` makes what the host works with."""

    def __init__(
        self,
        tokens: Tokens,
        records: Callable[[], Records],
        now: Clock,
        principal: Callable[[Grant, Account | None], Awaitable[P]],
        assurance: Assurance,
    ) -> None:
        self._tokens = tokens
        self._records = records
        self._now = now
        self._principal = principal
        self._assurance = assurance
        self._known: dict[str, Admitted[P]] = {}
        self._forgotten = 0
        self._watching: list[Watch] = []

    def watch(self, told: Watch) -> None:
        """Have `told` called with the grant, or the account, that has changed; with None for both when all may have."""
        self._watching.append(told)

    async def admit(self, token: str) -> Admitted[P]:
        """Return whom the token admits. Raises Unauthenticated, Unsure."""
        return _sure(await self.known(token))

    async def known(self, token: str) -> Admitted[P]:
        """Return whose token it is, sure enough for data or not. Raises Unauthenticated."""
        now = self._now()
        known = self._known.get(token)
        if known is not None and now < known.until:
            return known
        forgotten = self._forgotten
        found = await self._look(token, now)
        # What was revoked while we looked must not be remembered as it was before.
        if forgotten == self._forgotten:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[token] = found
        return found

    def forget(self, *, grant: str | None = None, account: str | None = None) -> None:
        """Remember nothing of that grant, or of that account; of nobody when neither is named."""
        self._forgotten += 1
        for told in self._watching:
            told(grant, account)
        if grant is None and account is None:
            self._known.clear()
            return
        self._known = {
            token: each
            for token, each in self._known.items()
            if each.grant.id != grant and (account is None or each.grant.account != account)
        }

    async def _look(self, token: str, now: int) -> Admitted[P]:
        await self._tokens.renew()
        claims = self._tokens.decode("access", token)
        found = await self._standing(str(claims["sid"]), claims["exp"] * 1_000_000, scopes_of(claims))
        if found.grant.client != claims["client_id"] or claims["sub"] != (found.grant.account or found.grant.client):
            raise Unauthenticated("The token is not one of this server's, or it was changed.")
        return replace(found, until=min(now + REMEMBERED, found.until))

    async def standing(self, grant: str, ends: int, scopes: Sequence[str] | None) -> Admitted[P]:
        """Return whom a grant admits now, until `ends` at the latest, by a token for `scopes`.

        These are None for all that the grant has. Raises Unauthenticated, Unsure.
        """
        return _sure(await self._standing(grant, ends, scopes))

    async def _standing(self, grant: str, ends: int, scopes: Sequence[str] | None) -> Admitted[P]:
        records = self._records()
        found = await grant_of(records, grant)
        if found is None or not found.is_alive(self._now()):
            raise Unauthenticated("The session has ended: sign in again.")
        account = None if found.account is None else await account_of(records, found.account)
        if found.account is not None and (account is None or account.status == "disabled"):
            raise Unauthenticated("The account cannot be used.")
        found, sure = scoped(found, scopes), self._assurance.suffices(found, account)
        return Admitted(await self._principal(found, account), found, account, min(ends, found.expires), sure)


def _sure(found: Admitted[P]) -> Admitted[P]:
    if not found.sure:
        raise Unsure(DUE)
    return found


def scopes_of(claims: Mapping[str, Any]) -> Sequence[str] | None:
    """Return the scopes of a token that was asked to open less than its grant, None for every other one."""
    scope = claims.get("scope")
    return scope.split() if isinstance(scope, str) else None


def scoped(grant: Grant, scopes: Sequence[str] | None) -> Grant:
    """Return the grant as a token for `scopes` opens it: what of them it has now, all of it for None."""
    if scopes is None or set(scopes) == set(grant.scopes):
        return grant
    asked, has = (parse_scopes(" ".join(each), _known)[0] for each in (scopes, grant.scopes))
    return replace(grant, scopes=tuple(str(asked.meet(has)).split()))


def _known(type: str, name: str) -> bool:
    # Whoever makes the principal leaves out what rests on a parameter that is no longer there.
    return True
