"""Follows the store's change feed: publishes new notifications, and what may put somebody out of a room."""

from __future__ import annotations

import asyncio
import logging

from fhir_server.errors import StoreUnavailable
from fhir_server.live.inbox import TYPE, kind_of
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Change, Store
from profiles.restriction import ALL
from realtime.bus.base import Bus
from realtime.consultations import CHANGES
from realtime.notifications import topic_of

DECIDING = frozenset(("Appointment", "CareTeam", "Consent", "PractitionerRole"))
"""Types of resources that say who takes part in what, and who may see it."""
EVERY = 0.2
"""Seconds between two looks at the feed."""

log = logging.getLogger("fhir_server")


class News:
    """The follower of one store, in a task of its own between `begin` and `stop`.

    It begins where the store is: who was not there asks for what was missed.
    """

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._bus = bus
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Follow from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="fhir-news")

    async def stop(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        position: int | None = None
        while True:
            try:
                if position is None:
                    position = await self._store.position()
                changes = await self._store.changes(position)
                for each in changes:
                    await self._try_to_tell(each)
                    position = each.position
            except StoreUnavailable:
                changes = []
            if not changes:
                await asyncio.sleep(EVERY)

    async def _try_to_tell(self, change: Change) -> None:
        """Tell of a change; one that cannot be told of keeps nobody from hearing of the next."""
        try:
            await self._tell(change)
        except StoreUnavailable:
            raise
        except Exception as error:
            # Its text may quote what it failed on.
            log.error("news could not be told", extra={"error": type(error).__name__})

    async def _tell(self, change: Change) -> None:
        if change.key.type in DECIDING:
            appointment = change.key.id if change.key.type == "Appointment" else None
            self._bus.publish_here(CHANGES, {"appointment": appointment})
        if change.key.type != TYPE or change.number != 1 or change.method == "DELETE":
            return
        # The server's own view: each listener reads it with their own rights before anything is told.
        version = await self._store.read(change.key, restriction=ALL)
        if version is None or version.deleted:
            return
        resource = parse(version.body)
        if kind_of(resource) is None:
            return
        for each in resource.get("recipient", ()):
            topic = topic_of(each.get("reference", "").partition("/")[2])
            if self._bus.is_heard(topic):
                self._bus.publish_here(topic, {"id": change.key.id})
