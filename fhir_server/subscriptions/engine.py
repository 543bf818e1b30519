"""Follows the change feed for all subscriptions: new events are kept in one commit with how far the feed is done.

One process does it, the one that holds the lease; the others look now and then whether they may. What a restart finds
undone is done again from the checkpoint: a change is evaluated twice rather than never, and its events are kept once,
because they and the checkpoint are one commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from fhir_server.errors import Refusal, StoreFull, StoreUnavailable
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.interactions.subscribing.rules import ACTIVE, ERROR, OFF, REQUESTED
from fhir_server.interactions.subscribing.tables import (
    CHECKPOINTS,
    OWNED,
    TYPE,
    Kept,
    Owned,
    Progress,
    change_progress,
    keep_event,
    keep_progress,
    owned,
    owned_by_id,
    progress_of,
)
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Change, Key, Transaction, Version
from fhir_server.subscriptions.courier import Courier, Means
from fhir_server.subscriptions.evaluating import events_of
from fhir_server.subscriptions.lease import LeaseLost
from fhir_server.subscriptions.roster import Roster
from fhir_server.subscriptions.status import put_status
from profiles.restriction import ALL
from realtime.subscriptions.subscription import read

NAME = "subscriptions"
EVERY = 0.2
"""Seconds between two looks at the feed when nothing comes."""
SLICE = 500
"""Changes that are looked at together."""
FAR = 5_000
"""Changes without an event after which the checkpoint is moved all the same."""
PAGE = 100
FAILED = "There was something that the server failed to compare with the criteria: tell its operator, and ask again."

log = logging.getLogger("fhir_server")


class Engine:
    """The follower of one store with its couriers, in tasks of its own between `begin` and `stop`."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._store = means.services.store
        self._roster = Roster()
        self._couriers: dict[str, Courier] = {}
        self._task: asyncio.Task[None] | None = None
        self._position: int | None = None
        self._since_checkpoint = 0

    async def begin(self) -> None:
        """Follow from where it was left. What is written from now on is seen, whatever happens."""
        position = await self._store.position()

        async def work(tx: Transaction) -> None:
            if await tx.records.get(CHECKPOINTS.name, NAME) is None:
                await tx.records.put(CHECKPOINTS.name, NAME, {"position": position})

        await self._store.write(work)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="fhir-subscriptions")

    def recall(self, grant: str | None = None, account: str | None = None) -> None:
        """Ask again for the owners behind that grant or account, because it has changed; for all when none is named."""
        for each in self._couriers.values():
            owner = each.entry.owner
            if not (grant or account) or (grant and owner.grant == grant) or (account and owner.account == account):
                each.wake()

    async def stop(self) -> None:
        """Stop; what is under way is delivered again after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._drop_all()
        await self._means.hooks.close()
        try:
            await self._means.lease.release()
        except Refusal as refusal:
            log.warning("the lease of subscriptions was not given back", extra={"because": type(refusal).__name__})

    async def _run(self) -> None:
        while True:
            busy = False
            try:
                busy = await self._turn()
            except (StoreUnavailable, StoreFull):
                pass
            except LeaseLost:
                await self._drop_all()
            except Exception as error:
                # Its text may quote what it failed on.
                log.error("subscriptions could not be followed", extra={"error": type(error).__name__})
                await self._drop_all()
            if not busy:
                await asyncio.sleep(EVERY)

    async def _turn(self) -> bool:
        """Look at the next changes; return whether there were any."""
        if not await self._means.lease.hold():
            await self._drop_all()
            return False
        if self._position is None:
            self._position = await self._load()
        changes = await self._store.changes(self._position, SLICE)
        if not changes:
            return False
        await self._look(changes)
        self._position = changes[-1].position
        return True

    async def _look(self, changes: Sequence[Change]) -> None:
        """Keep the events that changes are. A Subscription among them counts from where it stands."""
        viewer = Viewer(self._means.services, self._means.whose)
        found: list[tuple[str, Kept]] = []
        for change in changes:
            if change.key.type == TYPE:
                await self._changed(change.key.id)
            elif len(self._roster):
                for each in await events_of(self._means.services, self._roster, change, viewer):
                    if each.event is not None:
                        found.append((each.id, each.event))
                    elif each.failed:
                        await self._refuse(self._roster.entries[each.id], FAILED)
                        await self._drop(each.id)
                    elif courier := self._couriers.get(each.id):
                        # It asks for its owner, and says why there is none.
                        courier.wake()
        self._since_checkpoint += len(changes)
        if found or self._since_checkpoint >= FAR:
            await self._keep(found, changes[-1].position)
            self._since_checkpoint = 0

    async def _keep(self, found: Sequence[tuple[str, Kept]], position: int) -> None:
        """Write events with their numbers, and the checkpoint."""

        async def work(tx: Transaction) -> dict[str, Progress]:
            await self._means.lease.demand(tx)
            far: dict[str, Progress] = {}
            for id, event in found:
                if id not in far:
                    if await owned_by_id(tx, id) is None:
                        continue
                    far[id] = await progress_of(tx, id)
                number = far[id].events + 1
                far[id] = replace(far[id], events=number)
                await keep_event(tx, id, replace(event, number=number))
            for id, progress in far.items():
                await keep_progress(tx, id, progress)
            await tx.records.put(CHECKPOINTS.name, NAME, {"position": position})
            return far

        for id, progress in (await self._store.write(work)).items():
            courier = self._couriers.get(id)
            if courier is not None:
                courier.told(progress.events)

    async def _changed(self, id: str) -> None:
        """Take note of a Subscription that was written, by its client or by this server."""
        version = await self._store.read(Key(TYPE, id), restriction=ALL)
        row = await owned_by_id(self._store, id)
        courier = self._couriers.get(id)
        if version is None or version.deleted or row is None:
            await self._drop(id)
        elif courier is not None and not courier.over and courier.entry.number >= version.number:
            return
        else:
            await self._drop(id)
            await self._follow(row, version)

    async def _follow(self, row: Owned, version: Version) -> None:
        resource = parse(version.body)
        status = resource["status"]
        written_here = version.number > row.asked
        if status not in ((ACTIVE, ERROR, REQUESTED) if written_here else (REQUESTED,)):
            return
        progress = await progress_of(self._store, row.id)
        if progress.version != row.asked:
            progress = await self._begin(row, version)
        entry = Entry(read(resource), row.owner, version.number, status, progress)
        try:
            self._roster.put(self._means.services, entry)
        except Refusal as refusal:
            await self._refuse(entry, str(refusal))
            return
        courier = self._couriers[row.id] = Courier(self._means, entry)
        courier.wake()

    async def _refuse(self, entry: Entry, why: str) -> None:
        """Say in a Subscription why it is not followed (any more)."""

        async def work(tx: Transaction) -> None:
            await self._means.lease.demand(tx)
            await put_status(self._means.services, tx, entry, OFF, why)

        await self._store.write(work)

    async def _begin(self, row: Owned, version: Version) -> Progress:
        """Let a subscription that was just asked for count from the commit that asked for it."""
        fresh = {"failures": 0, "again": 0, "sent": 0, "error": "", "version": row.asked, "since": version.position}

        async def work(tx: Transaction) -> Progress:
            await self._means.lease.demand(tx)
            return await change_progress(tx, row.id, **fresh)

        return await self._store.write(work)

    async def _load(self) -> int:
        """Follow all there are, and return the position to go on from."""
        after = ""
        while page := await self._store.records.scan(OWNED.name, after, PAGE):
            for record in page:
                row = owned(record)
                version = await self._store.read(Key(TYPE, row.id), restriction=ALL)
                if version is not None and not version.deleted:
                    await self._follow(row, version)
            after = page[-1].key
        checkpoint = await self._store.records.get(CHECKPOINTS.name, NAME)
        return 0 if checkpoint is None else int(checkpoint.value["position"])

    async def _drop(self, id: str) -> None:
        self._roster.drop(id)
        courier = self._couriers.pop(id, None)
        if courier is not None:
            await courier.stop()

    async def _drop_all(self) -> None:
        self._position = None
        self._roster.clear()
        couriers, self._couriers = list(self._couriers.values()), {}
        if couriers:
            await asyncio.gather(*(each.stop() for each in couriers))
