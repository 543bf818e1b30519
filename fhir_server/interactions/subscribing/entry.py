"""A subscription as the server sees it at a moment: what it asks for, whose it is, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth.grants import FIRST_PARTY
from fhir_server.interactions.subscribing.tables import TYPE, Owner, Progress, owned_by_id, progress_of
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, Snapshot
from profiles.restriction import ALL
from realtime.subscriptions.notification import State
from realtime.subscriptions.subscription import Subscription, read

if TYPE_CHECKING:
    from fhir_server.interactions.call import Principal


@dataclass(slots=True)
class Entry:
    """A subscription that is followed: what it asks for, whose it is, its current version, and how far it is.

    `status` is that of the current version, `number` which one that is.
    """

    asked: Subscription
    owner: Owner
    number: int
    status: str
    progress: Progress

    @property
    def id(self) -> str:
        """The id of the Subscription."""
        return self.asked.id

    @property
    def state(self) -> State:
        """What a notification says of it."""
        errors = (self.progress.error,) if self.progress.error else ()
        return State(f"{TYPE}/{self.id}", self.asked.topic, self.status, self.progress.events, errors)

    def is_heard_by(self, principal: Principal) -> bool:
        """Return whether a principal may hear it on a socket: its owner, signed in or through what has asked for it.

        What goes out is what may be seen by who asked. An app may see less than its user, or than another app.
        """
        return principal.actor == self.owner.actor and principal.client in (FIRST_PARTY, self.owner.client)


async def entry_of(reader: Snapshot, id: str) -> Entry | None:
    """Return a subscription as it is now, None when there is none of that id with an owner."""
    version, row = await reader.read(Key(TYPE, id), restriction=ALL), await owned_by_id(reader, id)
    if version is None or version.deleted or row is None:
        return None
    resource = parse(version.body)
    return Entry(read(resource), row.owner, version.number, resource["status"], await progress_of(reader, id))
