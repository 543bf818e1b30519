"""What one socket hears of one subscription: whenever it is told that there is something, it looks, and says so.

What a socket has sent counts as acknowledged, because nobody answers there; what came while nobody was bound waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.interactions.call import Principal, Services
from fhir_server.interactions.subscribing.entry import Entry, entry_of
from fhir_server.interactions.subscribing.rules import ACTIVE
from fhir_server.interactions.subscribing.tables import (
    Kept,
    change_progress,
    events_after,
    owned_by_id,
    progress_of,
)
from fhir_server.interactions.telling.owners import OwnerGone, Whose
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.store.base import Transaction
from fhir_server.subscriptions.large import LARGE, Large
from fhir_server.subscriptions.parcel import TOGETHER, Parcel, of_status, of_topic
from fhir_server.subscriptions.trail import notified
from realtime.subscriptions.notification import Kind
from realtime.subscriptions.wire import ping

AGAIN = 1.0
"""Seconds until it is looked again, when the store was away."""
PINGED = 1000
"""Most events that one ping stands for."""

log = logging.getLogger("fhir_server")


class Gone(Exception):
    """Nobody reads on the socket any more, so what was to be said was not."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What feeds look with."""

    services: Services
    whose: Whose
    large: Large = field(default_factory=Large)


class Feed:
    """One binding, in a task of its own between `begin` and `stop`.

    `who` returns as whom the socket hears it at that moment: they are told what they may see, and nothing once another
    app of its owner has asked for it anew.
    `say` sends a text, may take its time, and raises Gone when nobody reads.
    """

    def __init__(
        self, sight: Sight, id: str, who: Callable[[], Principal], say: Callable[[str], Awaitable[None]]
    ) -> None:
        self._sight = sight
        self._id = id
        self._who = who
        self._say = say
        self._told = asyncio.Event()
        self._last = 0
        self._heartbeat: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._noting: set[asyncio.Task[None]] = set()

    async def begin(self, entry: Entry) -> None:
        """Hear of everything that is not acknowledged, and of what comes."""
        self._last = entry.progress.acknowledged
        self._heartbeat = float(entry.asked.heartbeat) or None
        self._told.set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="fhir-binding")

    def hear(self) -> None:
        """See what there is."""
        self._told.set()

    async def stop(self) -> None:
        """Hear no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task, *self._noting})

    async def greet(self, entry: Entry) -> None:
        """Shake hands: a notification that tells of nothing yet."""
        await self._status(entry, "handshake")

    async def _run(self) -> None:
        while True:
            try:
                if await self._is_told():
                    while await self._turn():
                        continue
                else:
                    await self._beat()
            except Gone:
                return
            except (StoreUnavailable, StoreFull):
                await asyncio.sleep(AGAIN)
                self._told.set()
            except Exception as error:
                # Its text may quote what it failed on.
                log.error("a binding failed", extra={"subscription": self._id, "error": type(error).__name__})

    async def _is_told(self) -> bool:
        """Wait until there may be something, or until a heartbeat is due: return which of them."""
        try:
            async with asyncio.timeout(self._heartbeat):
                await self._told.wait()
        except TimeoutError:
            return False
        self._told.clear()
        return True

    async def _beat(self) -> None:
        entry = await self._entry()
        if entry is not None:
            await self._status(entry, "heartbeat")

    async def _entry(self) -> Entry | None:
        """Return the subscription as it is now, None when nothing is to be said of it here."""
        entry = await entry_of(self._sight.services.store, self._id)
        if entry is None or entry.status != ACTIVE:
            return None
        return entry if entry.is_heard_by(self._who(), self._sight.services.subscribing.topics) else None

    async def _status(self, entry: Entry, kind: Kind) -> None:
        await self._say(of_status(self._sight.services, entry, kind).body.decode())

    def _viewer(self) -> Viewer:
        return Viewer(self._sight.services, self._sight.whose, self._who())

    async def _turn(self) -> bool:
        """Say what there is, for a moment, and note by one commit what was said; return whether there may be more."""
        entry, clock = await self._entry(), asyncio.get_running_loop().time
        if entry is None:
            return False
        viewer, before, ends = self._viewer(), self._last, clock() + TOGETHER
        said: list[Parcel] = []
        more = True
        try:
            while more and clock() < ends:
                more = await self._next(entry, viewer, said)
        except OwnerGone:
            # The courier of the subscription finds that too, and says so in the resource.
            more = False
        finally:
            # Also when nobody reads any more, or the socket ends meanwhile.
            if self._last > before:
                await self._acknowledge(entry, said)
        return more

    async def _next(self, entry: Entry, viewer: Viewer, said: list[Parcel]) -> bool:
        """Say the next thing and add it to what was `said`; return whether there was one. Raises OwnerGone, Gone."""
        parcel, upto = await self._made(entry, viewer)
        if parcel is not None and len(parcel.body) > LARGE:
            parcel = None
            async with self._sight.large.turn(entry.owner.actor):
                # Made anew, with the rights of now: until its turn it would only take room.
                parcel, upto = await self._made(entry, self._viewer())
                if parcel is not None:
                    await self._say(parcel.body.decode())
        elif parcel is not None:
            await self._say(parcel.body.decode())
        if parcel is not None:
            said.append(parcel.emptied())
        more, self._last = upto > self._last, upto
        return more

    async def _made(self, entry: Entry, viewer: Viewer) -> tuple[Parcel | None, int]:
        """Return what tells of the next events, None for nothing, and the number of the last one. Raises OwnerGone."""
        topical = entry.asked.topic is not None
        most = entry.asked.most if topical else PINGED
        events = await events_after(self._sight.services.store, self._id, self._last, most)
        if not events:
            return None, self._last
        if topical:
            parcel: Parcel | None = await of_topic(self._sight.services, entry, events, viewer)
        else:
            parcel = await self._pinged(entry, events, viewer)
        return parcel, events[-1].number if parcel is None else parcel.upto

    async def _pinged(self, entry: Entry, events: Sequence[Kept], viewer: Viewer) -> Parcel | None:
        """Return a ping for all of the events, None when the owner may see none of them."""
        for event in events:
            if await viewer.version(entry.owner, event) is not None:
                return Parcel("", "", ping(self._id).encode(), "", events[-1].number)
        return None

    async def _acknowledge(self, entry: Entry, said: Sequence[Parcel]) -> None:
        services, upto = self._sight.services, self._last
        told = [notified(services, entry.owner, self._id, parcel, 200) for parcel in said if parcel.shown]

        async def work(tx: Transaction) -> None:
            if await owned_by_id(tx, self._id) is None:
                return
            far = await progress_of(tx, self._id)
            await change_progress(
                tx, self._id, acknowledged=max(upto, far.acknowledged), sent=max(far.sent, services.now())
            )
            for each in told:
                await tx.audit(each)

        # What was sent is noted, though the socket may end meanwhile.
        noting = asyncio.get_running_loop().create_task(services.store.write(work))
        self._noting = {noting}
        await asyncio.shield(noting)
