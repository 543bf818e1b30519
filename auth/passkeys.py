"""Passkeys (WebAuthn level 2): registered by who is signed in, then a sign-in without password, by two factors at once.

The authenticator must verify its user, so a passkey stands for possession and for a finger or a PIN. A challenge counts
once, for five minutes. A signature counter that does not grow tells of a copied key, which is refused.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth import opaque
from auth.accounts import Account, account_of
from auth.errors import Conflicting, Missing, Unauthenticated
from auth.ground import Ground
from auth.ports import Asker, Event, Record, Transaction
from auth.sessions import Sessions, Signed
from auth.tables import PASSKEYS

SECONDS = 300
MOST = 20
"""How many passkeys an account may have."""
LONGEST = 80
FAILED = "The passkey was not accepted: begin again."
METHODS = ("hwk", "user", "mfa")
"""What a passkey stands for (RFC 8176)."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey: its credential id in base64url, whose, what its owner calls it, and since when."""

    id: str
    account: str
    label: str
    made: int
    public_key: str
    count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser is asked (`options` for `navigator.credentials`), and the secret to bring back with its answer."""

    options: Mapping[str, Any]
    session: str


class Passkeys:
    """The passkeys of a tenant. `site` is the registrable name pages are at, `origins` are those pages."""

    def __init__(self, ground: Ground, sessions: Sessions, site: str, origins: Sequence[str]) -> None:
        self._store = ground.store
        self._trail = ground.trail
        self._throttle = ground.throttle
        self._sessions = sessions
        self._site = site
        self._origins = list(origins)

    async def begin_registration(self, account: Account) -> Asked:
        """Ask the browser of who is signed in for a new passkey."""
        # The library is loaded when the first passkey comes, so that the server starts sooner.
        import webauthn
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        present = await self.listed(account)
        made = webauthn.generate_registration_options(
            rp_id=self._site,
            rp_name=self._site,
            user_id=account.id.encode(),
            user_name=account.email or account.id,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=_bytes(each.id)) for each in present],
        )
        session = await self._challenge(made.challenge, account.id)
        return Asked(json.loads(webauthn.options_to_json(made)), session)

    async def register(
        self, account: Account, session: str, answer: Mapping[str, Any], label: str, asker: Asker
    ) -> Passkey:
        """Keep the passkey that the browser has made. Raises Unauthenticated, Conflicting."""
        import webauthn
        from webauthn.helpers.exceptions import WebAuthnException

        challenge = await self._take(session, account.id)
        try:
            found = webauthn.verify_registration_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self._site,
                expected_origin=self._origins,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError):
            raise Unauthenticated(FAILED) from None
        id, key = _text(found.credential_id), _text(found.credential_public_key)

        async def work(tx: Transaction) -> Passkey:
            if await tx.records.get(PASSKEYS.name, id) is not None:
                raise Conflicting("That passkey is registered already.")
            if len(await tx.records.find(PASSKEYS.name, "account", account.id)) >= MOST:
                raise Conflicting(f"An account may have {MOST} passkeys: remove one first.")
            made = Passkey(id, account.id, label[:LONGEST], tx.time, key, found.sign_count)
            await self._note(tx, "add-passkey", account, asker)
            return await _keep(tx, made)

        return await self._store.write(work)

    async def begin_login(self) -> Asked:
        """Ask a browser for any passkey of this site."""
        import webauthn
        from webauthn.helpers.structs import UserVerificationRequirement

        made = webauthn.generate_authentication_options(
            rp_id=self._site, user_verification=UserVerificationRequirement.REQUIRED
        )
        session = await self._challenge(made.challenge, None)
        return Asked(json.loads(webauthn.options_to_json(made)), session)

    async def login(self, session: str, answer: Mapping[str, Any], asker: Asker) -> Signed:
        """Begin a session of who has signed the challenge. Raises Unauthenticated, TooMany."""
        import webauthn
        from webauthn.helpers.exceptions import WebAuthnException

        await self._throttle.hit("token-address", self._throttle.digest(asker.address))
        challenge = await self._take(session, None)
        record = await self._store.records.get(PASSKEYS.name, str(answer.get("id", ""))[:1024])
        passkey = None if record is None else _read(record)
        account = None if passkey is None else await account_of(self._store.records, passkey.account)
        if passkey is None or account is None or not self._sessions.may_enter(account):
            raise Unauthenticated(FAILED)
        try:
            found = webauthn.verify_authentication_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self._site,
                expected_origin=self._origins,
                credential_public_key=_bytes(passkey.public_key),
                credential_current_sign_count=passkey.count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError):
            await self._trail.note(Event("login", account.actor, asker, 401, account.actor, account.patients))
            raise Unauthenticated(FAILED) from None
        counted = Passkey(
            passkey.id, passkey.account, passkey.label, passkey.made, passkey.public_key, found.new_sign_count
        )
        await self._store.write(lambda tx: _keep(tx, counted))
        return await self._sessions.begin(account, asker, METHODS)

    async def listed(self, account: Account) -> list[Passkey]:
        """Return the account's passkeys, oldest first."""
        found = [_read(each) for each in await self._store.records.find(PASSKEYS.name, "account", account.id)]
        return sorted(found, key=lambda each: each.made)

    async def remove(self, account: Account, id: str, asker: Asker) -> None:
        """Forget one of the account's passkeys. Raises Missing."""

        async def work(tx: Transaction) -> None:
            record = await tx.records.get(PASSKEYS.name, id)
            if record is None or record.value["account"] != account.id:
                raise Missing("There is no such passkey.")
            await tx.records.delete(PASSKEYS.name, id)
            await self._note(tx, "remove-passkey", account, asker)

        await self._store.write(work)

    async def _challenge(self, challenge: bytes, account: str | None) -> str:
        data = {"challenge": _text(challenge), "for": "passkey"}
        return await self._store.write(lambda tx: opaque.issue(tx, "challenge", SECONDS, account=account, data=data))

    async def _take(self, session: str, account: str | None) -> bytes:
        """Use a challenge up and return it. Raises Unauthenticated."""

        async def work(tx: Transaction) -> opaque.Opaque | None:
            found = await opaque.find(tx.records, "challenge", session)
            if found is not None:
                await opaque.remove(tx, found)
            return found

        found = await self._store.write(work)
        if found is None or found.account != account or found.data.get("for") != "passkey":
            raise Unauthenticated(FAILED)
        return _bytes(found.data["challenge"])

    async def _note(self, tx: Transaction, action: str, account: Account, asker: Asker) -> None:
        await self._trail.note(Event(action, account.actor, asker, 200, account.actor, account.patients), tx)


async def forget_passkeys(tx: Transaction, account: str) -> int:
    """Forget all passkeys of an account, and return how many there were."""
    found = await tx.records.find(PASSKEYS.name, "account", account)
    for record in found:
        await tx.records.delete(PASSKEYS.name, record.key)
    return len(found)


async def _keep(tx: Transaction, passkey: Passkey) -> Passkey:
    value = {
        "account": passkey.account,
        "label": passkey.label,
        "made": passkey.made,
        "public_key": passkey.public_key,
        "count": passkey.count,
    }
    await tx.records.put(PASSKEYS.name, passkey.id, value)
    return passkey


def _read(record: Record) -> Passkey:
    return Passkey(id=record.key, **record.value)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
