"""The person behind an account: name, phone, birth date as they stand in Patient, Practitioner or Person.

Changes go through a transaction with the account, held by the version that was read. Asking to be forgotten, with
proof of who asks, ends access at once; what the law wants kept stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth import grants
from auth.accounts import Account, change
from auth.errors import Invalid, Missing
from auth.grants import Grant
from auth.ports import Asker, Event
from fhir_server.accounts import persons
from fhir_server.accounts.desk import Desk, entry
from fhir_server.accounts.prove import demand_proof
from fhir_server.accounts.register import LOCALES
from fhir_server.interactions.call import Resource
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, Transaction, Version
from profiles.datatypes.temporal import date_range
from profiles.restriction import ALL

LONGEST = 200
"""Characters of a name or a phone number."""
FIELDS = ("name", "phone", "birth_date")
OWN = {"locale": "locale", "email_notifications": "letters"}
"""What the account itself says, by the name under which it is changed."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What an account's owner sees and changes of the person; None where nothing is known."""

    name: str | None = None
    phone: str | None = None
    birth_date: str | None = None


async def profile_of(desk: Desk, account: Account) -> Profile:
    """Return the person behind an account."""
    resource, _ = await _current(desk, account)
    phones = [each for each in resource.get("telecom", ()) if each.get("system") == "phone"]
    return Profile(_name(resource), phones[0].get("value") if phones else None, resource.get("birthDate"))


async def change_profile(desk: Desk, account: Account, given: Mapping[str, Any], asker: Asker) -> Account:
    """Change what is given: name, phone, birth_date, where None takes it away, locale, email_notifications.

    Raises Invalid.

    Return the account as it is afterwards.
    """
    if faults := faults_of(given):
        raise Invalid(faults)
    resource, version = await _current(desk, account)
    for name in FIELDS:
        if name in given:
            _set(resource, name, given[name])
    changed: list[Account] = []

    async def also(tx: Transaction) -> None:
        now = await change(tx, account.id, **{own: given[name] for name, own in OWN.items() if name in given})
        if now is None:
            raise Missing("There is no such account.")
        changed[:] = [now]
        event = Event("change-profile", account.actor, asker, 200, account.actor, account.patients)
        await desk.auth.trail.note(event, tx)

    put = entry("PUT", account.actor, resource)
    if version is not None:
        put["request"]["ifMatch"] = f'W/"{version.number}"'
    await desk.write(account, asker, [put], also)
    desk.auth.admission.forget(account=account.id)
    return changed[0]


async def forget_me(desk: Desk, account: Account, session: Grant, password: str | None, asker: Asker) -> None:
    """End all access to an account at its owner's wish, and record that they want to be forgotten.

    They prove once more who they are. Raises Unauthenticated, TooMany; who was refused is in the trail as well.
    """
    await demand_proof(desk, account, session, password, asker, to="ask-erasure")

    async def work(tx: Transaction) -> list[Grant]:
        await change(tx, account.id, status="disabled", erasure_at=tx.time)
        revoked = await grants.revoke_all(tx, account.id)
        await desk.auth.trail.note(Event("ask-erasure", account.actor, asker, 202, account.actor, account.patients), tx)
        return revoked

    desk.auth.sessions.forget_all(await desk.services.store.write(work))
    desk.auth.admission.forget(account=account.id)


async def _current(desk: Desk, account: Account) -> tuple[Resource, Version | None]:
    type, _, id = account.actor.partition("/")
    version = await desk.services.store.read(Key(type, id), restriction=ALL)
    if version is None or version.deleted:
        return persons.person(account), None
    return parse(version.body), version


def _name(resource: Resource) -> str | None:
    for each in resource.get("name", ()):
        text = each.get("text") or " ".join([*each.get("given", ()), each.get("family", "")]).strip()
        if text:
            return str(text)
    return None


def _set(resource: Resource, name: str, value: str | None) -> None:
    if name == "birth_date":
        _replace(resource, "birthDate", value)
    elif name == "name":
        rest = resource.get("name", [])[1:]
        _replace(resource, "name", [*([{"text": value}] if value else []), *rest] or None)
    else:
        others = [each for each in resource.get("telecom", ()) if each.get("system") != "phone"]
        phone = [{"system": "phone", "value": value}] if value else []
        _replace(resource, "telecom", [*others, *phone] or None)


def _replace(resource: Resource, name: str, value: Any) -> None:
    if value is None:
        resource.pop(name, None)
    else:
        resource[name] = value


def faults_of(given: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Return what is wrong with what is given, by name."""
    faults: dict[str, list[str]] = {}
    for name in ("name", "phone"):
        value = given.get(name)
        if value is not None and (not value.strip() or len(value) > LONGEST or not value.isprintable()):
            faults[name] = [f"must have 1 to {LONGEST} characters and no control characters"]
    birth = given.get("birth_date")
    if birth is not None and not _is_date(birth):
        faults["birth_date"] = ["must be a date, such as 1985-05-14"]
    if "locale" in given and given["locale"] not in LOCALES:
        faults["locale"] = [f"is none of {', '.join(LOCALES)}"]
    return faults


def _is_date(text: str) -> bool:
    try:
        date_range(text)
    except ValueError:
        return False
    return "T" not in text
