"""Users: an account each, with its hash as the other platform made it, and the person behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auth.accounts import ROLES, Account, Status, as_role, holder_of_rpps, normalised
from auth.errors import Invalid
from auth.foreign_hashes import hash_fault
from auth.ports import Asker
from fhir_server.accounts import persons
from fhir_server.accounts.desk import Desk, entry
from fhir_server.accounts.manage import BY
from fhir_server.accounts.profile import faults_of
from fhir_server.accounts.register import LOCALES, open_account
from fhir_server.model.resource import instant
from fhir_server.moving.arriving import Arrival, Arriving, fault, refuse
from fhir_server.store.base import Transaction
from fhir_server.views.former import former_key
from mappings.views.former import add_former
from mappings.views.kind import MOMENT
from mappings.views.me import me
from mappings.views.write import write
from profiles.datatypes.temporal import date_range
from profiles.issues import Issue

FIELDS = ("name", "phone", "birth_date")
OTHERS = ("email", "role", "status", "locale", "rpps", "confirmed_at", "inserted_at", "password_hash")
STATUSES: tuple[Status, ...] = ("active", "pending", "disabled")
LATEST = date_range("9999")[0]
MOMENTS = ("inserted_at", "confirmed_at")
HELD = (
    "is the number of a doctor who is in already, and a number is one person's: leave it out of the line that is not "
    "theirs, or of the account that they no longer use"
)


async def user(arriving: Arriving, id: str, line: Mapping[str, Any]) -> Arrival:
    """Return the account and the person of a line. Raises Unfit."""
    refuse(list(_faults(line)))
    role = as_role(line["role"])
    account = Account(
        id=arriving.services.new_id(),
        email=normalised(line["email"]),
        role=role,
        status=line.get("status") or "active",
        inserted_at=_time(line["inserted_at"]) or 0,
        password=line.get("password_hash"),
        confirmed_at=_time(line.get("confirmed_at")),
        locale=line.get("locale") or "fr",
        rpps=line.get("rpps"),
    )
    person = persons.person(account)
    add_former(person, "user", id)
    said = {name: line.get(name) for name in FIELDS}
    view = me(person["resourceType"])
    (person,) = write(view, said | {"id": account.id}, start={view.root: [person]})[view.root]
    entries = [entry("PUT", account.actor, person)]
    if role == "doctor":
        entries.append(entry("PUT", f"PractitionerRole/{account.id}", persons.role(account)))

    row = {"id": account.id, "role": role, "said": _otherwise(line, account)}
    claims = [account.email, *((f"rpps {account.rpps}",) if account.rpps else ())]
    return Arrival(entries, account.actor, {former_key("user", id): row}, claims, account)


async def open_arrived(desk: Desk, tx: Transaction, account: Account, asker: Asker) -> None:
    """Open the account of a line inside its transaction. Raises Invalid when address or number are somebody's."""
    await _demand_own_number(tx, account)
    await open_account(desk, tx, account, asker, by=BY)


async def _demand_own_number(tx: Transaction, account: Account) -> None:
    """Raise Invalid when a doctor is in who was confirmed with that number; who still waits only claims it."""
    if account.rpps and account.status != "pending" and await holder_of_rpps(tx.records, account.rpps):
        raise Invalid({"rpps": [HELD]})


def shown_of(account: Account, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an account says of a user, as a line has it; as it was `said` before, where that is still so."""
    shown = {
        "email": account.email or None,
        "role": account.role,
        "status": account.status,
        "locale": account.locale,
        "rpps": account.rpps,
        "confirmed_at": None if account.confirmed_at is None else instant(account.confirmed_at),
        "inserted_at": instant(account.inserted_at),
        "password_hash": account.password,
    }
    times = {"confirmed_at": account.confirmed_at, "inserted_at": account.inserted_at}
    for name, text in said.items():
        if (normalised(text) == account.email) if name == "email" else (_time(text) == times.get(name)):
            shown[name] = text
    return shown


def _otherwise(line: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """Return what a line says in another form than it is kept in: the address, and points in time."""
    kept = shown_of(account, {})
    return {name: line[name] for name in ("email", *MOMENTS) if line.get(name) not in (None, kept[name])}


def _out_of_time(moment: str) -> str | None:
    """Return what is wrong with a time that no account can have, and that no clock could show everywhere."""
    return None if 0 <= date_range(moment)[0] < LATEST else "must lie between the years 1970 and 9998"


def _time(text: str | None) -> int | None:
    return None if text is None else date_range(text)[0]


def _faults(line: Mapping[str, Any]) -> Iterator[Issue]:
    known = ("id", *FIELDS, *OTHERS)
    yield from (fault(name[:64], "is no field of a user") for name in line if name not in known)
    for name in ("email", "role", "inserted_at"):
        if line.get(name) is None:
            yield fault(name, "is needed")
    for name in known[1:]:
        value = line.get(name)
        if value is not None and (told := _wrong(name, value, line.get("role"))):
            yield fault(name, told)


def _wrong(name: str, value: Any, role: Any) -> str | None:
    if not isinstance(value, str):
        return "must be text"
    match name:
        case "email":
            try:
                normalised(value)
            except Invalid:
                return "is not an e-mail address"
        case "role":
            return None if value in ROLES else f"must be one of {', '.join(ROLES)}"
        case "status":
            return None if value in STATUSES else f"must be one of {', '.join(STATUSES)}"
        case "locale":
            return None if value in LOCALES else f"must be one of {', '.join(LOCALES)}"
        case "rpps":
            return None if role == "doctor" and persons.is_rpps(value) else "is the number of a doctor: 11 digits"
        case "password_hash":
            return hash_fault(value)
        case "confirmed_at" | "inserted_at":
            return MOMENT.fault(value) or _out_of_time(value)
        case _:
            return next(iter(faults_of({name: value}).get(name, ())), None)
    return None
