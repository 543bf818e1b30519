"""Notifications: what the platform tells a user, written in the commit of what it is about."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from auth.accounts import Account, account_of
from auth.ports import Asker
from fhir_server.accounts.desk import Desk
from fhir_server.interactions.create import create
from fhir_server.model.resource import instant
from fhir_server.store.base import Transaction
from fhir_server.views.acting import HOUSE, Acting, Also
from mappings.views.notification import VIEW, notification_for
from mappings.views.write import write

LANGUAGE = "fr"
"""Which language is spoken to somebody whose own has no texts, or who has no account yet."""


def notify(acting: Acting, kind: str, person: str, link: str | None = None) -> Also:
    """Return what tells a person (`Patient/1`) of something, in their language, inside a write.

    The texts say nothing about anybody's health: `link` is where in the front end that stands.
    """

    async def told(tx: Transaction) -> None:
        account = await account_of(tx.records, person.partition("/")[2])
        texts = _texts()[kind]
        said = texts.get(account.locale if account else LANGUAGE, texts[LANGUAGE])
        record = {"kind": kind, **said, "link": link, "inserted_at": instant(tx.time)}
        (message,) = write(VIEW, record, start=notification_for(person))[VIEW.root]
        await create(acting.house(tx, VIEW.root, resource=message))

    return told


async def tell(desk: Desk, account: Account, asker: Asker, kind: str) -> None:
    """Tell the owner of an account of something that has just happened to it; administrators have no list of it."""
    if account.role in ("patient", "doctor"):
        await desk.write(account, asker, (), notify(Acting(desk, HOUSE, account, asker), kind, account.actor))


@cache
def _texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads((files("fhir_server.views") / "notifications.toml").read_text(encoding="utf-8"))
