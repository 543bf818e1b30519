"""Passwords that are changed or forgotten, and addresses that are confirmed.

Whoever asks for a new password learns nothing about who has an account: whether there is one is found out afterwards,
in the outbox. A password that changes ends every other session.
"""

from __future__ import annotations

from dataclasses import replace

from auth import accounts, grants, opaque
from auth.accounts import Account, account_by_email, account_of, normalised
from auth.errors import Invalid, TooMany, Unauthenticated
from auth.grants import Grant
from auth.ground import Ground
from auth.letters import Letters
from auth.mail import Outbox
from auth.ports import Asker, Event, Letter, Transaction
from auth.sessions import Sessions

RESET_SECONDS = 30 * 60
VERIFY_SECONDS = 24 * 3600
BAD_CODE = "is wrong, was used, or is too old: ask for another one"


class Recovery:
    """Changes passwords and confirms addresses of a tenant's accounts."""

    def __init__(self, ground: Ground, sessions: Sessions, outbox: Outbox, letters: Letters) -> None:
        self._store = ground.store
        self._passwords = ground.passwords
        self._throttle = ground.throttle
        self._trail = ground.trail
        self._changed = ground.changed
        self._sessions = sessions
        self._outbox = outbox
        self._letters = letters

    async def forgot(self, email: str, asker: Asker) -> None:
        """Send a code for a new password, if there is such an account. Raises TooMany by network address alone."""
        await self._throttle.hit("letter-address", self._throttle.digest(asker.address))

        async def make() -> Letter | None:
            try:
                account = await account_by_email(self._store.records, normalised(email))
            except Invalid:
                return None
            return None if account is None else await self._reset_letter(account, asker)

        self._outbox.later(make)

    async def reset(self, code: str, password: str, asker: Asker) -> Account:
        """Set the password of whoever has the code, and return their account; all sessions end. Raises Invalid."""
        await self._throttle.hit("token-address", self._throttle.digest(asker.address))
        found = await opaque.find(self._store.records, "reset", code)
        account = None if found is None or found.account is None else await self._alive(found.account)
        if account is None:
            raise Invalid({"token": [BAD_CODE]})
        await self._passwords.demand_strong(password, [account.email])
        encoded = await self._passwords.hash(password)

        async def work(tx: Transaction) -> tuple[Account, list[Grant]]:
            now = await account_of(tx.records, account.id)
            if await opaque.find(tx.records, "reset", code) is None or now is None or now.status == "disabled":
                raise Invalid({"token": [BAD_CODE]})
            await opaque.drop(tx, now.id, "reset")
            # Whoever has the code has the letter, so the address is theirs.
            now = await accounts.put(tx, replace(now, password=encoded, confirmed_at=now.confirmed_at or tx.time))
            await self._note(tx, "reset-password", now, asker)
            return now, await grants.revoke_all(tx, now.id)

        changed, revoked = await self._store.write(work)
        self._sessions.forget_all(revoked)
        await self._outbox.send(self._letters.write("changed", changed))
        return changed

    async def change(self, account: Account, grant: Grant, old: str, new: str, asker: Asker) -> None:
        """Set another password; all sessions but that of `grant` end. Raises Unauthenticated, Invalid."""
        await self._throttle.hit("code-account", account.id)
        if not await self._passwords.verify(account.password, old):
            await self._trail.note(Event("change-password", account.actor, asker, 401, account.actor, account.patients))
            raise Unauthenticated("The password is wrong.")
        await self._throttle.forget("code-account", account.id)
        await self._passwords.demand_strong(new, [account.email], "new_password")
        encoded = await self._passwords.hash(new)

        async def work(tx: Transaction) -> list[Grant]:
            await accounts.change(tx, account.id, password=encoded)
            await opaque.drop(tx, account.id, "reset")
            await self._note(tx, "change-password", account, asker)
            return await grants.revoke_all(tx, account.id, grant.id)

        self._sessions.forget_all(await self._store.write(work))
        await self._outbox.send(self._letters.write("changed", account))

    async def ask_to_verify(self, account: Account) -> None:
        """Send a code that confirms the address. Raises TooMany."""
        await self._throttle.hit("letter-account", account.id)

        async def work(tx: Transaction) -> str:
            await opaque.drop(tx, account.id, "verify")
            data = {"email": account.email}
            return await opaque.issue(tx, "verify", VERIFY_SECONDS, account=account.id, data=data)

        code = await self._store.write(work)
        await self._outbox.send(self._letters.write("verify", account, code))

    async def verify(self, code: str, asker: Asker) -> Account:
        """Confirm the address of whoever has the code. Raises Invalid."""
        await self._throttle.hit("token-address", self._throttle.digest(asker.address))

        async def work(tx: Transaction) -> Account:
            found = await opaque.find(tx.records, "verify", code)
            now = None if found is None else await account_of(tx.records, found.account or "")
            if found is None or now is None or now.email != found.data["email"]:
                raise Invalid({"token": [BAD_CODE]})
            await opaque.drop(tx, now.id, "verify")
            await self._note(tx, "verify-email", now, asker)
            return await accounts.put(tx, replace(now, confirmed_at=tx.time))

        account = await self._store.write(work)
        self._changed(account.id)
        return account

    async def tell_member(self, email: str) -> None:
        """Write to somebody who has an account that another one was to be opened for the address."""

        async def make() -> Letter | None:
            account = await account_by_email(self._store.records, email)
            if account is None or not await self._may_write(account):
                return None
            return self._letters.write("member", account)

        self._outbox.later(make)

    async def _reset_letter(self, account: Account, asker: Asker) -> Letter | None:
        if account.status == "disabled" or not await self._may_write(account):
            return None

        async def work(tx: Transaction) -> str:
            await opaque.drop(tx, account.id, "reset")
            await self._note(tx, "forgot-password", account, asker)
            return await opaque.issue(tx, "reset", RESET_SECONDS, account=account.id)

        return self._letters.write("reset", account, await self._store.write(work))

    async def _may_write(self, account: Account) -> bool:
        try:
            await self._throttle.hit("letter-account", account.id)
        except TooMany:
            return False
        return True

    async def _alive(self, id: str) -> Account | None:
        account = await account_of(self._store.records, id)
        return None if account is None or account.status == "disabled" else account

    async def _note(self, tx: Transaction, action: str, account: Account, asker: Asker) -> None:
        await self._trail.note(Event(action, account.actor, asker, 200, account.actor, account.patients), tx)
