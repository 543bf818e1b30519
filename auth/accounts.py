"""Accounts: who can sign in. An account's id is the logical id of its Patient or Practitioner.

The address is unique in its normalised form. Values are plain JSON in the table `account`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from auth.errors import Conflicting, Invalid
from auth.foreign_hashes import foreign_scheme
from auth.ports import Record, Records, Transaction
from auth.tables import ACCOUNTS, SCHEMES

Role = Literal["patient", "doctor", "admin"]
Status = Literal["active", "pending", "disabled"]
ROLES: tuple[Role, ...] = get_args(Role)
STATUSES: tuple[Status, ...] = get_args(Status)
PAGE = 100
TYPES: dict[Role, str] = {"patient": "Patient", "doctor": "Practitioner", "admin": "Person"}
"""The type of the resource whose logical id an account has."""


@dataclass(frozen=True, slots=True)
class Totp:
    """A second factor by time: its `secret` as it is sealed, the last time `step` used, whether it is `confirmed`."""

    secret: str
    step: int = 0
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """One account.

    `email` is empty for somebody of an external provider that tells none. `password` is an encoded hash, None for an
    account that signs in elsewhere only. `confirmed_at` is when the e-mail address was confirmed. `rpps` is the number
    in the national register that a doctor has given. `subject` is the name at an external provider, `issuer blank
    subject`. `recovery` are the SHA-256 of codes that stand in for a second factor once each. `erasure_at` is when the
    owner asked to be forgotten. `was` is the status that a disabled account had, and has again when it is enabled.
    `letters` says that the owner wants notifications by e-mail, too.
    """

    id: str
    email: str
    role: Role
    status: Status
    inserted_at: int
    password: str | None = None
    confirmed_at: int | None = None
    locale: str = "fr"
    rpps: str | None = None
    subject: str | None = None
    totp: Totp | None = None
    recovery: tuple[str, ...] = ()
    erasure_at: int | None = None
    was: Status | None = None
    letters: bool = False

    @property
    def actor(self) -> str:
        """Who that is in the audit trail: `Patient/1`."""
        return f"{TYPES[self.role]}/{self.id}"

    @property
    def patients(self) -> tuple[str, ...]:
        """The ids of patients whose data the account is."""
        return (self.id,) if self.role == "patient" else ()


def normalised(email: str) -> str:
    """Return the form of an address in which it is compared and kept. Raises Invalid for what is no address."""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            email.strip(), check_deliverability=False, globally_deliverable=False, allow_smtputf8=True
        )
    except EmailNotValidError:
        raise Invalid({"email": ["is not an e-mail address"]}) from None
    return unicodedata.normalize("NFC", found.normalized).lower()


def read(record: Record) -> Account:
    """Return the account of a row."""
    value: dict[str, Any] = dict(record.value)
    totp = value.get("totp")
    value |= {"id": record.key, "email": value["email"] or "", "recovery": tuple(value.get("recovery", ()))}
    return Account(**value | {"totp": Totp(**totp) if totp else None})


async def account_of(records: Records, id: str) -> Account | None:
    """Return the account with that id."""
    record = await records.get(ACCOUNTS.name, id)
    return None if record is None else read(record)


async def account_by_email(records: Records, email: str) -> Account | None:
    """Return the account with that normalised address."""
    found = await records.find(ACCOUNTS.name, "email", email)
    return read(found[0]) if found else None


async def account_by_subject(records: Records, subject: str) -> Account | None:
    """Return the account that is known by that name at an external provider."""
    found = await records.find(ACCOUNTS.name, "subject", subject)
    return read(found[0]) if found else None


async def holder_of_rpps(records: Records, rpps: str) -> Account | None:
    """Return the account that was confirmed with that number in the national register.

    Who only claims it, and waits to be confirmed, keeps nobody else out.
    """
    claiming = [read(each) for each in await records.find(ACCOUNTS.name, "rpps", rpps)]
    return next((each for each in claiming if "pending" not in (each.status, each.was)), None)


async def demand_unheld(records: Records, rpps: str) -> None:
    """Raise Conflicting when somebody was confirmed with that number."""
    if holder := await holder_of_rpps(records, rpps):
        raise Conflicting(f"The account {holder.id} was confirmed with that number, and a number is one person's.")


async def put(tx: Transaction, account: Account) -> Account:
    """Keep an account, new or changed."""
    value = asdict(account)
    del value["id"]
    value["email"] = account.email or None
    await tx.records.put(ACCOUNTS.name, account.id, value)
    scheme = foreign_scheme(account.password)
    if scheme is not None and await tx.records.get(SCHEMES.name, scheme) is None:
        await tx.records.put(SCHEMES.name, scheme, {})
    return account


async def schemes(records: Records) -> list[str]:
    """Return the schemes of hashes that accounts have brought from other platforms, ever."""
    return [each.key for each in await records.scan(SCHEMES.name, "", PAGE)]


async def change(tx: Transaction, id: str, **values: Any) -> Account | None:
    """Change fields of an account as it is now; None when there is none."""
    now = await account_of(tx.records, id)
    return None if now is None else await put(tx, replace(now, **values))


async def every(records: Records) -> AsyncIterator[Account]:
    """Yield all accounts, by id."""
    after = ""
    while page := await records.scan(ACCOUNTS.name, after, PAGE):
        for record in page:
            yield read(record)
        after = page[-1].key


def as_role(text: str) -> Role:
    """Return `text` as a role. Raises Invalid."""
    if text not in ROLES:
        raise Invalid({"role": [f"is none of {', '.join(ROLES)}"]})
    return text
