"""register: an account with what stands behind it, in one commit.

A patient is a member at once. A doctor's account waits until an administrator has confirmed the number in the national
register, and opens no clinical access until then. Nobody registers as an administrator.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from auth import accounts
from auth.accounts import Account, account_by_email, as_role, demand_unheld, normalised
from auth.errors import Denied, Invalid
from auth.grants import Grant
from auth.ports import Asker, Event
from auth.sessions import Signed
from fhir_server.accounts import persons
from fhir_server.accounts.desk import Desk
from fhir_server.interactions.transaction import Also
from fhir_server.store.base import RecordConflict, Transaction

LOCALES = ("fr", "en")
TAKEN = "is taken"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for who registers; `more` names what else came along, which is ignored.

    `id` is for administrators: that of the Patient, Practitioner or Person who is in the record already.
    """

    email: str
    password: str
    role: str = "patient"
    locale: str = "fr"
    rpps: str | None = None
    more: Collection[str] = ()
    id: str | None = None


async def register(desk: Desk, wanted: Wanted, asker: Asker) -> Signed | None:
    """Open an account and begin a session. Raises Invalid, Denied, TooMany.

    Where addresses must be confirmed first, return None, whether the address was free or not: only a letter tells.
    """
    if desk.registration == "closed":
        raise Denied("Nobody registers here: ask an administrator for an account.")
    await desk.auth.throttle.hit("register-address", desk.auth.throttle.digest(asker.address))
    if wanted.role == "admin":
        await desk.auth.trail.note(Event("register", "anonymous", asker, 422, details={"role": wanted.role}))
        raise Invalid({"role": ["cannot be registered: administrators are made by administrators"]})
    account = await new_account(desk, wanted)
    opened: list[tuple[Grant, str]] = []

    async def also(tx: Transaction) -> None:
        await open_account(desk, tx, account, asker, wanted.more)
        opened[:] = [await desk.auth.sessions.open(tx, account, asker, ("pwd",))]

    if desk.registration == "verified":
        await _settle_unseen(desk, account, asker, wanted.more)
        return None
    await settle(desk, account, asker, also)
    await desk.auth.recovery.ask_to_verify(account)
    return await desk.auth.sessions.signed(account, *opened[0])


async def _settle_unseen(desk: Desk, account: Account, asker: Asker, more: Collection[str]) -> None:
    """Open an account, or write to whom the address belongs; both cost one commit."""

    async def also(tx: Transaction) -> None:
        await open_account(desk, tx, account, asker, more)

    try:
        await settle(desk, account, asker, also)
    except Invalid as invalid:
        if invalid.fields != {"email": [TAKEN]}:
            raise
        await desk.services.store.write(lambda tx: desk.auth.trail.note(Event("register", "anonymous", asker, 409), tx))
        await desk.auth.recovery.tell_member(account.email)
    else:
        await desk.auth.recovery.ask_to_verify(account)


async def new_account(desk: Desk, wanted: Wanted, *, confirmed: bool = False) -> Account:
    """Return the account that is asked for, not kept yet. Raises Invalid with every field that will not do."""
    faults: dict[str, list[str]] = {}
    email = ""
    try:
        email = normalised(wanted.email)
        as_role(wanted.role)
        _demand_details(wanted)
    except Invalid as invalid:
        faults |= invalid.fields
    try:
        await desk.auth.passwords.demand_strong(wanted.password, [wanted.email])
    except Invalid as invalid:
        faults |= invalid.fields
    if faults:
        raise Invalid(faults)
    now = desk.auth.now()
    return Account(
        id=wanted.id or desk.services.new_id(),
        email=email,
        role=as_role(wanted.role),
        status="pending" if wanted.role == "doctor" and not confirmed else "active",
        inserted_at=now,
        password=await desk.auth.passwords.hash(wanted.password),
        confirmed_at=now if confirmed else None,
        locale=wanted.locale,
        rpps=wanted.rpps,
    )


async def open_account(
    desk: Desk, tx: Transaction, account: Account, asker: Asker, more: Collection[str] = (), by: str | None = None
) -> None:
    """Keep a new account inside a transaction, with its row in the trail.

    Raises Invalid when the address is taken, Conflicting when the number of a doctor who need not wait is.
    """
    if await account_by_email(tx.records, account.email):
        raise Invalid({"email": [TAKEN]})
    if account.rpps and account.status == "active":
        await demand_unheld(tx.records, account.rpps)
    await accounts.put(tx, account)
    details = {"role": account.role} | ({"ignored": sorted(more)[:20]} if more else {})
    event = Event("register", by or account.actor, asker, 201, account.actor, account.patients, details)
    await desk.auth.trail.note(event, tx)


async def settle(desk: Desk, account: Account, asker: Asker, also: Also) -> None:
    """Write what stands behind a new account together with it."""
    try:
        await desk.write(account, asker, persons.entries(account, desk.notice), also)
    except RecordConflict:
        raise Invalid({"email": [TAKEN]}) from None


def _demand_details(wanted: Wanted) -> None:
    if wanted.locale not in LOCALES:
        raise Invalid({"locale": [f"is none of {', '.join(LOCALES)}"]})
    if wanted.rpps is not None and (wanted.role != "doctor" or not persons.is_rpps(wanted.rpps)):
        raise Invalid({"rpps": ["is the number of a doctor in the national register: 11 digits"]})
