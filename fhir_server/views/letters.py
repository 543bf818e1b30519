"""Notifications by e-mail, for who wants them: written into an outbox in the commit of the notification, sent beside.

A letter says what the notification says, which is nothing about anybody's health, in the language of the account. It
waits in the store: no request waits for a mail server, and a crash loses none. One that the mail server does not take
is tried again, later each time, and given up at last; after a crash in the moment of sending it may go out twice.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from auth.accounts import Account, account_of
from auth.ports import Letter
from fhir_server.store.base import Record, Store, Transaction
from fhir_server.views.outgoing import LETTERS
from fhir_server.views.texts import footer, said

EVERY = 1.0
"""Seconds between two looks at the outbox."""
PAUSE = 5
"""Seconds until the second try; each further one waits twice as long, at most an hour."""
LONGEST_PAUSE = 3600
TRIES = 12
AT_ONCE = 50
SECOND = 1_000_000

Deliver = Callable[[Letter], Awaitable[None]]

log = logging.getLogger("fhir_server")


def wants(account: Account | None) -> bool:
    """Return whether letters go to an account: to an address that is confirmed, if its owner has asked for them."""
    if account is None or account.status == "disabled":
        return False
    return account.letters and bool(account.email) and account.confirmed_at is not None


async def post(tx: Transaction, id: str, account: Account, kind: str, words: Mapping[str, str], link: str) -> None:
    """Put the letter of a notification into the outbox, inside a write; `id` is new."""
    value = {"account": account.id, "kind": kind, "words": dict(words), "link": link, "tries": 0}
    await tx.records.put(LETTERS.name, _key(tx.time, id), value)


class Postman:
    """Sends the letters of one store, round by round. One process does it, which a store of one process sees to."""

    def __init__(self, store: Store, now: Callable[[], int], deliver: Deliver, front: str) -> None:
        """`front` is the address of the front end that links lead to, or empty."""
        self._store = store
        self._now = now
        self._deliver = deliver
        self._front = front

    async def deliver_due(self) -> None:
        """Send the letters that are due; after one that cannot go the others wait for the next time."""
        for record in await self._store.records.scan(LETTERS.name, "", AT_ONCE):
            if int(record.key.partition("/")[0]) > self._now() or not await self._send(record):
                return

    async def _send(self, record: Record) -> bool:
        account = await account_of(self._store.records, record.value["account"])
        if account is not None and wants(account):
            try:
                await self._deliver(_letter(account, record.value, self._front))
            except Exception as error:
                # Whatever it is that a mail server does: the letter waits. The error's text may name people.
                await self._later(record, type(error).__name__)
                return False
        await self._store.write(lambda tx: tx.records.delete(LETTERS.name, record.key))
        return True

    async def _later(self, record: Record, why: str) -> None:
        tries = record.value["tries"] + 1
        pause = min(PAUSE * 2 ** (tries - 1), LONGEST_PAUSE)
        key = _key(self._now() + pause * SECOND, record.key.partition("/")[2])

        async def work(tx: Transaction) -> None:
            await tx.records.delete(LETTERS.name, record.key)
            if tries < TRIES:
                await tx.records.put(LETTERS.name, key, {**record.value, "tries": tries})

        await self._store.write(work)
        if tries >= TRIES:
            log.error("a letter was given up", extra={"reason": why, "kind": record.value["kind"]})


def _letter(account: Account, value: Mapping[str, Any], front: str) -> Letter:
    told = said(value["kind"], account.locale, value["words"])
    link = f"{front}{value['link']}\n\n" if front and value["link"] else ""
    return Letter(account.email, told["title"], f"{told['body']}\n\n{link}{footer(account.locale)}\n")


def _key(due: int, id: str) -> str:
    return f"{due:020}/{id}"
