"""Notifications: what the platform tells a user, written in the commit of what it is about."""

from __future__ import annotations

from collections.abc import Mapping

from auth.accounts import Account, account_of
from auth.ports import Asker
from fhir_server.accounts.desk import Desk
from fhir_server.interactions.create import create
from fhir_server.model.resource import instant
from fhir_server.store.base import Transaction
from fhir_server.views.acting import Also, house
from fhir_server.views.letters import post, wants
from fhir_server.views.texts import LANGUAGE, said
from mappings.views.notification import VIEW, notification_for
from mappings.views.write import write

NO_WORDS: Mapping[str, str] = {}


def notify(
    desk: Desk, asker: Asker, kind: str, person: str, link: str = "", words: Mapping[str, str] = NO_WORDS
) -> Also:
    """Return what tells a person (`Patient/1`) of something, in their language, inside a write.

    The texts, whose gaps `words` fill, say nothing about anybody's health: `link` is where in the front end that
    stands. Who wants to is told by e-mail, too.
    """

    async def told(tx: Transaction) -> None:
        account = await account_of(tx.records, person.partition("/")[2])
        texts = said(kind, account.locale if account else LANGUAGE, words)
        record = {"kind": kind, **texts, "link": link or None, "inserted_at": instant(tx.time)}
        (message,) = write(VIEW, record, start=notification_for(person))[VIEW.root]
        await create(house(desk, asker, tx, VIEW.root, resource=message))
        if account is not None and wants(account):
            await post(tx, desk.services.new_id(), account, kind, words, link)

    return told


async def tell(desk: Desk, account: Account, asker: Asker, kind: str) -> None:
    """Tell the owner of an account of something that has just happened to it; administrators have no list of it."""
    if account.role in ("patient", "doctor"):
        await desk.write(account, asker, (), notify(desk, asker, kind, account.actor))
