"""A subscription as the server sees it at a moment: what it asks for, whose it is, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth.grants import FIRST_PARTY
from fhir_server.interactions.subscribing.tables import TYPE, Owner, Progress, owned_by_id, progress_of
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, Snapshot
from profiles.restriction import ALL
from realtime.subscriptions.notification import State
from realtime.subscriptions.subscription import Subscription, read
from realtime.subscriptions.topic import Topic

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

    def types(self, topics: Mapping[str, Topic]) -> tuple[str, ...]:
        """Return of changes to which types it tells: those of its topic, if it has one."""
        if self.asked.topic is None:
            return (self.asked.type,)
        topic = topics.get(self.asked.topic)
        return () if topic is None else topic.types

    def is_heard_by(self, principal: Principal, topics: Mapping[str, Topic]) -> bool:
        """Return whether a principal may hear it on a socket: its owner, signed in or through what has asked for it.

        An app may see less than its user, or than another app, and by one token less than by another: all types that
        it tells of must be in scope.
        """
        whose = principal.actor == self.owner.actor and principal.client in (FIRST_PARTY, self.owner.client)
        return whose and all(principal.rights.may("read", type) for type in self.types(topics))


async def entry_of(reader: Snapshot, id: str) -> Entry | None:
    """Return a subscription as it is now, None when there is none of that id with an owner."""
    version, row = await reader.read(Key(TYPE, id), restriction=ALL), await owned_by_id(reader, id)
    if version is None or version.deleted or row is None:
        return None
    resource = parse(version.body)
    return Entry(read(resource), row.owner, version.number, resource["status"], await progress_of(reader, id))
