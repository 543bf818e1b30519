"""What the server keeps of subscriptions beside the resources: whose they are, how far they are, and their events.

A subscription's row is written in the commit that writes its resource. Events are written by whoever follows the
change feed, in one commit with the checkpoint of how far it is: none is lost or made twice by a restart. An event is
unacknowledged until its number is at most `acknowledged`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fhir_server.store.base import Key, Record, RecordTable, Snapshot, Transaction

TYPE = "Subscription"
OWNED = RecordTable("subscription", indexed=("actor",))
"""Key: the id of the Subscription. Value: an `Owner`, and `asked`, the number of the version that its client wrote."""
PROGRESS = RecordTable("subscription_progress")
"""Key: the id of the Subscription. Value: a `Progress`."""
EVENTS = RecordTable("subscription_event")
"""Key: `<id>/<number>`, see `event_key`. Value: type, id, version, time and method of the change."""
CHECKPOINTS = RecordTable("checkpoint")
"""Key: the name of who follows the change feed. Value: `position`, up to which all is done."""
LEASES = RecordTable("lease")
"""Key: the name of what one process does for all. Value: `holder`, and `until` when (us)."""
TABLES = (OWNED, PROGRESS, EVENTS, CHECKPOINTS, LEASES)

KEPT = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which events are kept, acknowledged or not."""
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Owner:
    """Who asked for a subscription, by what their rights are found when something is delivered.

    `kind` is that of the grant (`session`, `smart`, `backend`), "" for a server in open mode and for who loads files;
    `scopes` are those of the token, which may be fewer than those of the grant.
    """

    actor: str
    kind: str = ""
    account: str | None = None
    client: str | None = None
    grant: str | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owned:
    """A subscription's row: its owner, and the version of the resource that its client wrote last."""

    id: str
    owner: Owner
    asked: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription is.

    `events` is the number of its last event, `acknowledged` that of the last one which was taken. `failures` counts
    those in a row, `again` is when to try again and `sent` when something was last taken, in microseconds since 1970.
    `error` is a sentence, "" for none. `version` is the one that was asked for and is followed, `since` the position
    after which changes count for it.
    """

    events: int = 0
    acknowledged: int = 0
    failures: int = 0
    again: int = 0
    sent: int = 0
    error: str = ""
    version: int = 0
    since: int = 0

    @property
    def pending(self) -> int:
        """How many events wait."""
        return self.events - self.acknowledged


@dataclass(frozen=True, slots=True)
class Kept:
    """An event: the change of which resource to which version, when (us) and by which method."""

    number: int
    key: Key
    version: int
    time: int
    method: str


def owned(record: Record) -> Owned:
    """Return the row of a record."""
    value: dict[str, Any] = dict(record.value)
    asked = value.pop("asked")
    return Owned(record.key, Owner(**value | {"scopes": tuple(value["scopes"])}), asked)


async def keep_owned(tx: Transaction, row: Owned) -> None:
    """Write the row of a subscription."""
    await tx.records.put(OWNED.name, row.id, asdict(row.owner) | {"asked": row.asked})


async def owned_by_id(reader: Snapshot, id: str) -> Owned | None:
    """Return the row of a subscription, None without one."""
    record = await reader.records.get(OWNED.name, id)
    return None if record is None else owned(record)


async def progress_of(reader: Snapshot, id: str) -> Progress:
    """Return how far a subscription is."""
    record = await reader.records.get(PROGRESS.name, id)
    return Progress() if record is None else Progress(**record.value)


async def keep_progress(tx: Transaction, id: str, progress: Progress) -> None:
    """Write how far a subscription is."""
    await tx.records.put(PROGRESS.name, id, asdict(progress))


async def change_progress(tx: Transaction, id: str, **changes: Any) -> Progress:
    """Change some of how far a subscription is, and return that."""
    made = replace(await progress_of(tx, id), **changes)
    await keep_progress(tx, id, made)
    return made


def event_key(id: str, number: int) -> str:
    """Return the key of an event, in whose order events are scanned. An id has no `/`."""
    return f"{id}/{number:0{DIGITS}}"


async def keep_event(tx: Transaction, id: str, event: Kept) -> None:
    """Write an event."""
    value: Mapping[str, Any] = {
        "type": event.key.type,
        "id": event.key.id,
        "version": event.version,
        "time": event.time,
        "method": event.method,
    }
    await tx.records.put(EVENTS.name, event_key(id, event.number), value, expires=tx.time + KEPT)


async def events_after(reader: Snapshot, id: str, number: int, limit: int) -> Sequence[Kept]:
    """Return up to `limit` events of a subscription behind the one with that number, as far as they are kept."""
    found = await reader.records.scan(EVENTS.name, event_key(id, number), limit)
    return [_event(record) for record in found if record.key.startswith(f"{id}/")]


def _event(record: Record) -> Kept:
    value = record.value
    key = Key(value["type"], value["id"])
    return Kept(int(record.key.rpartition("/")[2]), key, value["version"], value["time"], value["method"])


async def forget(tx: Transaction, id: str) -> None:
    """Forget a subscription that was deleted; its events expire by themselves."""
    await tx.records.delete(OWNED.name, id)
    await tx.records.delete(PROGRESS.name, id)
