"""Accounts of people whom an external provider has recognised: entered, opened at their first visit, linked.

A professional of Pro Santé Connect is known by the number in the national register, which that provider vouches for:
the account is active at once. What an account has already is never handed to somebody on the strength of a claim: who
has an account signs in there and links it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from auth import accounts
from auth.accounts import Account, Role, account_by_email, account_by_subject, holder_of_rpps, normalised
from auth.errors import Conflicting, Denied, Invalid, Unauthenticated
from auth.oidc import Identity
from auth.ports import Asker, Event
from auth.sessions import Signed
from fhir_server.accounts import persons
from fhir_server.accounts.desk import Desk
from fhir_server.interactions.call import Resource
from fhir_server.store.base import Transaction

_REGISTER = re.compile(r"8(\d{11})")
"""How Pro Santé Connect names a professional of the register: prefix 8 and the number."""
LONGEST = 200


async def enter(desk: Desk, identity: Identity, role: Role | None, asker: Asker) -> Signed:
    """Begin a session of somebody whom the provider has recognised.

    At the first visit an account of `role` is opened; without a role, or where the number or address has an account
    already, raises Denied or Conflicting.
    """
    account = await account_by_subject(desk.services.store.records, identity.subject)
    if account is None:
        if role is None or role == "admin":
            raise Denied("No account is linked to that identity: sign in as usual, and link it.")
        account = await _open(desk, identity, role, asker)
    if account.status == "disabled":
        raise Unauthenticated("The account cannot be used.")
    return await desk.auth.sessions.begin(account, asker, identity.amr, identity.acr)


async def link(desk: Desk, account: Account, identity: Identity, asker: Asker) -> Account:
    """Let an identity enter by an account that is signed in. Raises Conflicting when it enters by another one."""

    async def work(tx: Transaction) -> Account:
        holder = await account_by_subject(tx.records, identity.subject)
        if holder is not None and holder.id != account.id:
            raise Conflicting("That identity is linked to another account.")
        now = await accounts.change(tx, account.id, subject=identity.subject)
        if now is None:
            raise Unauthenticated("The account cannot be used.")
        await desk.auth.trail.note(
            Event("link-identity", account.actor, asker, 200, account.actor, account.patients), tx
        )
        return now

    changed = await desk.services.store.write(work)
    desk.auth.admission.forget(account=account.id)
    return changed


async def _open(desk: Desk, identity: Identity, role: Role, asker: Asker) -> Account:
    found = _REGISTER.fullmatch(identity.name)
    rpps = found[1] if found and role == "doctor" else None
    account = Account(
        id=desk.services.new_id(),
        email=_email(identity.claims),
        role=role,
        status="pending" if role == "doctor" and rpps is None else "active",
        inserted_at=desk.auth.now(),
        confirmed_at=desk.auth.now() if _email(identity.claims) else None,
        rpps=rpps,
        subject=identity.subject,
    )

    async def also(tx: Transaction) -> None:
        taken = account.email and await account_by_email(tx.records, account.email)
        if taken or (rpps and await holder_of_rpps(tx.records, rpps)):
            raise Conflicting("You have an account already: sign in as usual, and link this identity to it.")
        await accounts.put(tx, account)
        details = {"role": role, "external": True}
        await desk.auth.trail.note(
            Event("register", account.actor, asker, 201, account.actor, account.patients, details), tx
        )

    await desk.write(account, asker, persons.entries(account, desk.notice, _names(identity.claims)), also)
    return account


def _email(claims: Mapping[str, Any]) -> str:
    """Return the address that the provider has confirmed, "" without one."""
    if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
        return ""
    try:
        return normalised(claims["email"])
    except Invalid:
        return ""


def _names(claims: Mapping[str, Any]) -> list[Resource]:
    family, given = (_text(claims.get(name)) for name in ("family_name", "given_name"))
    name: Resource = {"use": "official"}
    if family:
        name["family"] = family
    if given:
        name["given"] = given.split()
    return [name] if family or given else []


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and len(value) <= LONGEST and value.isprintable() else ""
