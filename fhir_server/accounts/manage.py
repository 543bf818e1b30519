"""What administrators do with accounts, and the command line: add, list, confirm, disable, enable, help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from auth import grants
from auth.accounts import Account, account_by_email, account_of, change, demand_unheld, every, normalised, put
from auth.errors import Conflicting, Invalid, Missing
from auth.grants import Grant
from auth.keys import SigningKey
from auth.passkeys import forget_passkeys
from auth.ports import Asker, Event
from fhir_server.accounts import persons
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import Wanted, new_account, open_account, settle
from fhir_server.interactions.transaction import Also
from fhir_server.store.base import Key, Transaction
from profiles.restriction import ALL

BY = "command line"
"""Who acts where nobody is signed in."""


def asker() -> Asker:
    """Return where a command comes from."""
    return Asker(f"command-{uuid4().hex[:16]}")


async def add(desk: Desk, wanted: Wanted, by: str, asker: Asker) -> Account:
    """Open an account whose owner is known: active at once, its address taken as confirmed.

    Raises Invalid; Missing when it is for somebody in the record who is not there, Conflicting when they have one.
    """
    account = await new_account(desk, wanted, confirmed=True)

    async def also(tx: Transaction) -> None:
        await open_account(desk, tx, account, asker, by=by)

    if wanted.id is None:
        await settle(desk, account, asker, also)
    else:
        await desk.services.store.write(lambda tx: _adopt(tx, account, also))
    return account


async def _adopt(tx: Transaction, account: Account, also: Also) -> None:
    """Open an account for somebody who is in the record already."""
    type, _, id = account.actor.partition("/")
    found = await tx.read(Key(type, id), restriction=ALL)
    if found is None or found.deleted:
        raise Missing(f"There is no {account.actor}: without an id, one is made.")
    if await account_of(tx.records, id) is not None:
        raise Conflicting(f"{account.actor} has an account already.")
    await also(tx)


async def set_password(desk: Desk, account: Account, password: str, by: str, asker: Asker) -> None:
    """Give an account another password; its sessions end. Raises Invalid."""
    await desk.auth.passwords.demand_strong(password, [account.email])
    encoded = await desk.auth.passwords.hash(password)

    async def work(tx: Transaction) -> list[Grant]:
        await change(tx, account.id, password=encoded)
        await desk.auth.trail.note(Event("set-password", by, asker, 200, account.actor, account.patients), tx)
        return await grants.revoke_all(tx, account.id)

    desk.auth.sessions.forget_all(await desk.services.store.write(work))


async def find(desk: Desk, name: str) -> Account:
    """Return the account with that id or e-mail address. Raises Missing."""
    records = desk.services.store.records
    found = await account_of(records, name)
    if found is None and "@" in name:
        try:
            found = await account_by_email(records, normalised(name))
        except Invalid:
            found = None
    if found is None:
        raise Missing("There is no such account.")
    return found


async def listed(desk: Desk, *, role: str | None = None, status: str | None = None) -> Sequence[Account]:
    """Return the accounts with that role and status, by the time they were opened."""
    found = [
        each
        async for each in every(desk.services.store.records)
        if role in (None, each.role) and status in (None, each.status)
    ]
    return sorted(found, key=lambda each: (each.inserted_at, each.id))


async def disable(desk: Desk, account: Account, by: str, asker: Asker) -> Account:
    """Let nobody in by that account any more; its sessions end now. Raises Conflicting for one's own.

    An administrator who shut themselves out might be the last one, whom only the command line lets in again.
    """
    if by == account.actor:
        raise Conflicting("This is your own account: another administrator can disable it.")

    async def work(tx: Transaction) -> tuple[Account, list[Grant]]:
        now = await account_of(tx.records, account.id)
        if now is None:
            raise Missing("There is no such account.")
        if now.status != "disabled":
            now = await put(tx, replace(now, status="disabled", was=now.status))
        changed = now
        revoked = await grants.revoke_all(tx, account.id)
        await desk.auth.trail.note(Event("disable-account", by, asker, 200, account.actor, account.patients), tx)
        return changed, revoked

    changed, revoked = await desk.services.store.write(work)
    desk.auth.sessions.forget_all(revoked)
    desk.auth.admission.forget(account=account.id)
    return changed


async def enable(desk: Desk, account: Account, by: str, asker: Asker) -> Account:
    """Let a disabled account in again, with the status it had. Sessions that have ended stay so: its owner signs in.

    A doctor of whom it is not known that they were confirmed waits for that. Raises Missing; Conflicting for an account
    that is not disabled, or whose owner has asked to be forgotten.
    """

    async def work(tx: Transaction) -> Account:
        now = await account_of(tx.records, account.id)
        if now is None:
            raise Missing("There is no such account.")
        if now.status != "disabled":
            raise Conflicting("The account is not disabled.")
        if now.erasure_at is not None:
            raise Conflicting("The owner has closed the account and asked for erasure: it stays closed.")
        status = now.was or ("pending" if now.role == "doctor" else "active")
        await desk.auth.trail.note(Event("enable-account", by, asker, 200, account.actor, account.patients), tx)
        return await put(tx, replace(now, status=status, was=None))

    changed = await desk.services.store.write(work)
    desk.auth.admission.forget(account=account.id)
    return changed


async def forget_factors(desk: Desk, account: Account, by: str, asker: Asker) -> Account:
    """Take all second factors of an account away, for an owner who has lost them; its sessions end. Raises Missing.

    Who asks for this has to know by other ways whose wish it is: from now on the password alone signs in.
    """

    async def work(tx: Transaction) -> tuple[Account, list[Grant]]:
        now = await change(tx, account.id, totp=None, recovery=())
        if now is None:
            raise Missing("There is no such account.")
        passkeys = await forget_passkeys(tx, account.id)
        details = {"passkeys": passkeys}
        event = Event("forget-factors", by, asker, 200, account.actor, account.patients, details)
        await desk.auth.trail.note(event, tx)
        return now, await grants.revoke_all(tx, account.id)

    changed, revoked = await desk.services.store.write(work)
    desk.auth.sessions.forget_all(revoked)
    desk.auth.admission.forget(account=account.id)
    return changed


async def confirm(desk: Desk, account: Account, by: str, asker: Asker, rpps: str | None = None) -> Account:
    """Confirm a doctor by the number in the national register. Raises Conflicting, Invalid."""
    number = rpps or account.rpps
    if account.role != "doctor" or account.status != "pending":
        raise Conflicting("Only the account of a doctor that waits for it is confirmed.")
    if number is None or not persons.is_rpps(number):
        raise Invalid({"rpps": ["is needed: the number in the national register, 11 digits"]})
    changed: list[Account] = []

    async def also(tx: Transaction) -> None:
        await demand_unheld(tx.records, number)
        now = await change(tx, account.id, status="active", rpps=number)
        if now is None:
            raise Missing("There is no such account.")
        changed[:] = [now]
        event = Event("confirm-account", by, asker, 200, account.actor, (), {"rpps": number})
        await desk.auth.trail.note(event, tx)

    await desk.write(account, asker, await persons.confirming(desk.services, account, number), also)
    desk.auth.admission.forget(account=account.id)
    return changed[0]


async def rotate(desk: Desk, by: str, asker: Asker) -> SigningKey:
    """Publish a new signing key, which signs in an hour; the one before verifies until its last token has ended."""
    fresh = await desk.auth.keys.rotate()
    await desk.auth.trail.note(Event("rotate-keys", by, asker, 201, "", (), {"key": fresh.kid}))
    return fresh
