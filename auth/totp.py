"""The second factor by time (RFC 6238): enrolled, confirmed, checked once per time step, with recovery codes.

A step that was used does not count again, nor any before it. A recovery code stands in for a code once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

import pyotp

from auth.accounts import Account, Totp, account_of, change
from auth.errors import Conflicting, Missing, SecondFactor, Unauthenticated
from auth.ground import Ground
from auth.opaque import fingerprint
from auth.ports import Asker, Event, Transaction
from auth.resealing import about_factor

STEP = 30
"""Seconds a code lasts."""
DRIFT = 1
"""Steps by which the two clocks may differ."""
RECOVERY = 10
"""How many recovery codes there are."""
WRONG = "The code is wrong, or was used already."


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: the secret in base32, and the same as an `otpauth:` address."""

    secret: str
    uri: str


class SecondFactors:
    """The second factors of a tenant's accounts; `issuer` is the name that authenticator apps show."""

    def __init__(self, ground: Ground, issuer: str) -> None:
        self._store = ground.store
        self._passwords = ground.passwords
        self._throttle = ground.throttle
        self._trail = ground.trail
        self._now = ground.now
        self._changed = ground.changed
        self._seal = ground.seal
        self._issuer = issuer

    async def begin(self, account: Account, password: str, asker: Asker) -> Enrolment:
        """Make a secret that counts once a code of it was given. Raises Unauthenticated, Conflicting."""
        await self._demand_password(account, password)
        secret = pyotp.random_base32()

        async def work(tx: Transaction) -> None:
            now = await account_of(tx.records, account.id)
            if now is None or (now.totp is not None and now.totp.confirmed):
                raise Conflicting("The account has an authenticator already: remove that one first.")
            await change(tx, account.id, totp=Totp(self._seal.close(secret, about_factor(account.id))))
            await self._note(tx, "enrol-totp", account, asker)

        await self._store.write(work)
        uri = pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name=self._issuer)
        return Enrolment(secret, uri)

    async def confirm(self, account: Account, code: str, asker: Asker) -> list[str]:
        """Let the enrolled secret count, and return the recovery codes, which are shown this once."""
        await self._throttle.hit("code-account", account.id)
        codes = [f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(RECOVERY)]

        async def work(tx: Transaction) -> None:
            now = await account_of(tx.records, account.id)
            if now is None or now.totp is None or now.totp.confirmed:
                raise Missing("There is no authenticator that waits to be confirmed.")
            step = self._step(now.id, now.totp, code)
            if step is None:
                raise Unauthenticated(WRONG)
            kept = tuple(fingerprint(each) for each in codes)
            await change(tx, now.id, totp=replace(now.totp, step=step, confirmed=True), recovery=kept)
            await self._note(tx, "confirm-totp", account, asker)

        await self._store.write(work)
        await self._throttle.forget("code-account", account.id)
        self._changed(account.id)
        return codes

    async def remove(self, account: Account, password: str, asker: Asker) -> None:
        """Take the second factor away."""
        await self._demand_password(account, password)

        async def work(tx: Transaction) -> None:
            await change(tx, account.id, totp=None, recovery=())
            await self._note(tx, "remove-totp", account, asker)

        await self._store.write(work)
        self._changed(account.id)

    async def judge(self, account: Account, code: str | None) -> tuple[str, ...]:
        """Return how the second factor was given, nothing where none is due. Raises SecondFactor, Unauthenticated."""
        if account.totp is None or not account.totp.confirmed:
            return ()
        if code is None:
            raise SecondFactor(("totp", "recovery"))
        await self._throttle.hit("code-account", account.id)

        async def work(tx: Transaction) -> tuple[str, ...]:
            now = await account_of(tx.records, account.id)
            if now is None or now.totp is None:
                raise Unauthenticated(WRONG)
            step = self._step(now.id, now.totp, code)
            if step is not None:
                await change(tx, now.id, totp=replace(now.totp, step=step))
                return ("otp", "mfa")
            used = fingerprint(code.strip().lower())
            if used not in now.recovery:
                raise Unauthenticated(WRONG)
            await change(tx, now.id, recovery=tuple(each for each in now.recovery if each != used))
            return ("kba", "mfa")

        given = await self._store.write(work)
        await self._throttle.forget("code-account", account.id)
        return given

    def _step(self, account: str, totp: Totp, code: str) -> int | None:
        """Return the time step whose code that is, None for none, or for one that was used."""
        now = self._now() // 1_000_000 // STEP
        maker = pyotp.TOTP(self._seal.open(totp.secret, about_factor(account)))
        plain = code.replace(" ", "")
        for step in range(now - DRIFT, now + DRIFT + 1):
            if step > totp.step and pyotp.utils.strings_equal(plain, maker.at(step * STEP)):
                return step
        return None

    async def _demand_password(self, account: Account, password: str) -> None:
        await self._throttle.hit("code-account", account.id)
        if not await self._passwords.verify(account.password, password):
            raise Unauthenticated("The password is wrong.")
        await self._throttle.forget("code-account", account.id)

    async def _note(self, tx: Transaction, action: str, account: Account, asker: Asker) -> None:
        await self._trail.note(Event(action, account.actor, asker, 200, account.actor, account.patients), tx)
