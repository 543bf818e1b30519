"""What the platform has told a user: to be listed, and to be marked as read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from fhir_server.errors import PreconditionFailed
from fhir_server.interactions.call import nothing
from fhir_server.model.resource import instant
from fhir_server.views.acting import Acting
from fhir_server.views.find import find
from fhir_server.views.listing import Shown, Wanted, listing, number, showing
from mappings.errors import Unfit
from mappings.transactions.act import changes
from mappings.views.notification import VIEW
from mappings.views.view import Parts
from mappings.views.write import write
from profiles.issues import Issue

AT_ONCE = 100
"""Notifications that are marked in one commit."""


async def mine(acting: Acting, wanted: Wanted) -> tuple[Shown, int]:
    """Return a page of one's own notifications, and how many are unread. Raises Unfit."""
    if "user" in wanted.filters:
        raise Unfit([Issue("error", "invalid", "is no filter: the list is your own", "user")])
    own = _own(acting)
    unread = await number(acting, VIEW, {**own, "unread": "true"})
    return await showing(acting, VIEW, replace(wanted, filters={**wanted.filters, **own})), unread


async def one(acting: Acting, id: str) -> Parts:
    """Return one of one's own notifications. Raises NotFound."""
    return await find(acting, VIEW, id, _own(acting))


async def read(acting: Acting, id: str) -> Parts:
    """Mark one as read, and return it; when it was read first stays. Raises NotFound."""
    stored = await one(acting, id)
    await _mark(acting, [stored])
    return await one(acting, id)


async def read_all(acting: Acting) -> int:
    """Mark all of them as read, and return how many were not."""
    marked = 0
    while True:
        unread = await listing(acting, VIEW, Wanted({**_own(acting), "unread": "true"}, per_page=AT_ONCE))
        if not unread.records:
            return marked
        await _mark(acting, unread.records)
        marked += len(unread.records)


def _own(acting: Acting) -> Mapping[str, str]:
    return {"user": acting.person}


async def _mark(acting: Acting, unread: list[Parts]) -> None:
    # What is said stays as it was said, by whom it was: whoever may read it changes nothing but that it was read.
    now = instant(acting.desk.services.now())
    entries = [
        entry
        for stored in unread
        if "received" not in stored[VIEW.root][0]
        for entry in changes(stored, write(VIEW, {"read_at": now}, stored))
    ]
    if entries:
        with suppress(PreconditionFailed):  # Somebody has just marked them in another window.
            await acting.desk.write(acting.account, acting.asker, entries, nothing, marks=True)
