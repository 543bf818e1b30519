"""Sessions: sign in, refresh, sign out, list, revoke. Each is a grant of the client `first-party`.

The answers to a wrong address, a wrong password and a disabled account are the same, and take the same time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from auth import grants, rotation
from auth.accounts import Account, account_by_email, account_of, change, normalised, schemes
from auth.errors import Invalid, Missing, TooMany, Unauthenticated
from auth.grants import FIRST_PARTY, Grant
from auth.ground import Ground
from auth.ports import Asker, Event, Transaction
from auth.tokens import Tokens

REFRESH_SECONDS = 30 * 24 * 3600
WRONG = "The e-mail address or the password is wrong."
AGENT = 120
"""Characters kept of what a client calls itself."""

Factor = Callable[[Account, str | None], Awaitable[tuple[str, ...]]]
"""Judges the second factor: `None` for a code that was not sent. Returns the methods used; raises SecondFactor."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A session that has begun or goes on: its access token counts for `seconds`.

    `refresh` is None when the client keeps the one it has.
    """

    account: Account
    grant: Grant
    access: str
    refresh: str | None
    seconds: int


class Sessions:
    """A tenant's sessions.

    `factor` judges second factors, `replayed` is told of each account whose refresh token was used after it had been
    replaced. With `confirmed_only` an address must be confirmed to sign in.
    """

    def __init__(
        self,
        ground: Ground,
        tokens: Tokens,
        *,
        factor: Factor,
        replayed: Callable[[Account], Awaitable[None]],
        confirmed_only: bool = False,
    ) -> None:
        self._store = ground.store
        self._passwords = ground.passwords
        self._throttle = ground.throttle
        self._trail = ground.trail
        self._forget = ground.ended
        self._tokens = tokens
        self._factor = factor
        self._replayed = replayed
        self._confirmed_only = confirmed_only

    async def login(self, email: str, password: str, code: str | None, asker: Asker) -> Signed:
        """Begin a session. Raises Unauthenticated, SecondFactor, TooMany."""
        account = await self._named(email)
        name = email.strip().lower() if account is None else account.email
        address = self._throttle.digest(asker.address)
        stranger = account is None or not await self._is_known(account, address)
        await self._take_turn(name, address, stranger=stranger)
        encoded = account.password if account else None
        right = await self._passwords.verify(encoded, password, None if encoded else await self._scheme(name))
        if not right or account is None or not self.may_enter(account):
            await self._failed(account, name, address, asker, stranger=stranger)
            raise Unauthenticated(WRONG)
        try:
            amr = ("pwd", *await self._factor(account, code))
        except (Unauthenticated, TooMany) as refusal:
            if code is not None:
                await self._failed(account, name, address, asker, stranger=stranger, why="second factor")
            raise refusal
        await self._throttle.forget("failure-pair", name, address)
        if account.password is not None and self._passwords.is_dated(account.password):
            await self._hash_anew(account, password)
        return await self.begin(account, asker, amr)

    async def _scheme(self, name: str) -> str | None:
        """Return the scheme whose work stands for an account that is not there; None for today's.

        Accounts that have come from another platform keep its scheme until they sign in. So who has none is given one
        by the name, always the same: by the time of a refusal nobody learns who has one.
        """
        known = [None, *await schemes(self._store.records)]
        return known[int(self._throttle.digest(name), 16) % len(known)]

    async def _hash_anew(self, account: Account, password: str) -> None:
        """Give an account a hash of today's of the password it has, unless that was changed meanwhile."""
        fresh = await self._passwords.hash(password)

        async def work(tx: Transaction) -> None:
            now = await account_of(tx.records, account.id)
            if now is not None and now.password == account.password:
                await change(tx, account.id, password=fresh)

        await self._store.write(work)

    async def begin(self, account: Account, asker: Asker, amr: tuple[str, ...], acr: str | None = None) -> Signed:
        """Begin a session of somebody who was recognised by the methods `amr`."""

        async def work(tx: Transaction) -> tuple[Grant, str]:
            grant, refresh = await self.open(tx, account, asker, amr, acr)
            details = {"session": grant.id, "amr": list(amr)}
            await self._note(tx, "login", account, asker, details=details)
            return grant, refresh

        grant, refresh = await self._store.write(work)
        return await self.signed(account, grant, refresh)

    async def open(
        self, tx: Transaction, account: Account, asker: Asker, amr: tuple[str, ...], acr: str | None = None
    ) -> tuple[Grant, str]:
        """Keep a new grant inside a transaction; return it with its refresh token."""
        grant = Grant(
            id=uuid4().hex,
            kind="session",
            account=account.id,
            client=FIRST_PARTY,
            issued=tx.time,
            expires=tx.time + REFRESH_SECONDS * 1_000_000,
            amr=amr,
            acr=acr,
            address=self._throttle.digest(asker.address),
            agent=asker.agent[:AGENT],
        )
        await grants.put(tx, grant)
        return grant, await rotation.issue(tx, grant)

    async def signed(self, account: Account, grant: Grant, refresh: str | None) -> Signed:
        """Return the tokens of a grant that is kept."""
        seconds = self._tokens.seconds
        return Signed(account, grant, await self._tokens.access(grant, seconds), refresh, seconds)

    async def refresh(self, secret: str, asker: Asker, *, rotate: bool = False) -> Signed:
        """Go on with a session. Raises Unauthenticated for a token that is not one, has ended, or was replayed."""
        await self._throttle.hit("token-address", self._throttle.digest(asker.address))

        async def work(tx: Transaction) -> tuple[Account, Grant, str | None] | tuple[Account, list[Grant]] | None:
            found = await rotation.presented(tx, secret, FIRST_PARTY)
            if found is None:
                return None
            account, grant = found.account, found.grant
            ended = await rotation.replayed(tx, found)
            if ended is not None:
                details = {"session": grant.id, "reason": "replayed refresh token"}
                await self._note(tx, "refresh", account, asker, status=401, details=details)
                return account, ended
            await self._note(tx, "refresh", account, asker, details={"session": grant.id, "rotated": rotate})
            if found.token.used or not rotate:
                return account, grant, None
            grant = await grants.put(tx, replace(grant, expires=tx.time + REFRESH_SECONDS * 1_000_000))
            return account, grant, await rotation.rotate(tx, found, grant)

        done = await self._store.write(work)
        if done is not None and len(done) == 2:
            self.forget_all(done[1])
            await self._replayed(done[0])
        if done is None or len(done) == 2:
            raise Unauthenticated("The refresh token does not count, or no longer: sign in again.")
        return await self.signed(*done)

    async def logout(self, grant: Grant, account: Account, asker: Asker) -> None:
        """End a session."""
        await self._revoke(account, asker, "logout", lambda tx: self._one(tx, grant.id))

    async def listed(self, account: Account, now: int) -> Sequence[Grant]:
        """Return what the account has granted and is alive, newest first: sessions and apps."""
        return [each for each in await grants.grants_of(self._store.records, account.id) if each.is_alive(now)]

    async def revoke(self, account: Account, id: str, asker: Asker) -> None:
        """End one of the account's grants. Raises Missing."""
        grant = await grants.grant_of(self._store.records, id)
        if grant is None or grant.account != account.id:
            raise Missing("There is no such session.")
        await self._revoke(account, asker, "revoke-session", lambda tx: self._one(tx, id))

    async def revoke_all(self, account: Account, asker: Asker, but: str | None = None) -> None:
        """End all of the account's grants, but for the one with the id `but`."""
        await self._revoke(account, asker, "revoke-sessions", lambda tx: grants.revoke_all(tx, account.id, but))

    def forget_all(self, revoked: Sequence[Grant]) -> None:
        """Tell of grants that were revoked in somebody else's transaction, after it is committed."""
        for grant in revoked:
            self._forget(grant)

    async def _revoke(
        self, account: Account, asker: Asker, action: str, how: Callable[[Transaction], Awaitable[list[Grant]]]
    ) -> None:
        async def work(tx: Transaction) -> list[Grant]:
            revoked = await how(tx)
            await self._note(tx, action, account, asker, details={"sessions": [each.id for each in revoked]})
            return revoked

        self.forget_all(await self._store.write(work))

    async def _one(self, tx: Transaction, id: str) -> list[Grant]:
        return await grants.end(tx, id)

    def may_enter(self, account: Account) -> bool:
        """Whether a session may begin for the account at all."""
        return account.status != "disabled" and (account.confirmed_at is not None or not self._confirmed_only)

    async def _named(self, email: str) -> Account | None:
        try:
            return await account_by_email(self._store.records, normalised(email))
        except Invalid:
            return None

    async def _is_known(self, account: Account, address: str) -> bool:
        """Whether the account has signed in from that address and the session has not expired since."""
        return any(each.address == address for each in await grants.grants_of(self._store.records, account.id))

    async def _take_turn(self, name: str, address: str, *, stranger: bool) -> None:
        """Count the attempt as a failure of the pair until it has succeeded: parallel ones must not slip through."""
        await self._throttle.demand("failure-address", address)
        if stranger:
            await self._throttle.demand("failure-strangers", name)
        await self._throttle.hit("failure-pair", name, address)

    async def _failed(
        self,
        account: Account | None,
        name: str,
        address: str,
        asker: Asker,
        *,
        stranger: bool,
        why: str = "password",
    ) -> None:
        await self._throttle.count("failure-address", address)
        if stranger:
            await self._throttle.count("failure-strangers", name)
        await self._note(None, "login", account, asker, status=401, details={"reason": why})

    async def _note(
        self,
        tx: Transaction | None,
        action: str,
        account: Account | None,
        asker: Asker,
        *,
        status: int = 200,
        details: Mapping[str, object] | None = None,
    ) -> None:
        actor = "anonymous" if account is None else account.actor
        patients = () if account is None else account.patients
        event = Event(action, actor, asker, status, "" if account is None else actor, patients, details or {})
        await self._trail.note(event, tx)
