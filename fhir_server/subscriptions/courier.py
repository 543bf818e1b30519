"""Delivers the events of one subscription, one after the other, beside all others: who is slow holds up nobody else.

What is under way is in memory, and no more than that: what waits is in the store, and is read when it is its turn.
What was not acknowledged is delivered again, in the same order, after a growing pause; after too many failures the
subscription is off and says why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.interactions.subscribing.rules import ACTIVE, ERROR, OFF, REQUESTED
from fhir_server.interactions.subscribing.tables import (
    Progress,
    change_progress,
    events_after,
    owned_by_id,
    progress_of,
)
from fhir_server.interactions.telling.owners import OwnerGone, Whose
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.store.base import AuditRow, Transaction
from fhir_server.subscriptions.channels import NotTaken, Post, RestHooks, by_letter
from fhir_server.subscriptions.large import LARGE, Large
from fhir_server.subscriptions.lease import Lease, LeaseLost
from fhir_server.subscriptions.parcel import TOGETHER, Parcel, of_event, of_status, of_topic
from fhir_server.subscriptions.status import put_status
from fhir_server.subscriptions.trail import notified
from realtime.subscriptions.backoff import Backoff
from realtime.subscriptions.subscription import address

SECOND = 1_000_000
AGAIN = 1.0
"""Seconds until what failed for a reason of the server's own is tried again."""
LONG = 1e9
LETTERS = 60
"""Seconds between two letters to the same owner of one subscription."""
ENDED = "The end of the subscription has come."

log = logging.getLogger("fhir_server")


@dataclass(frozen=True, slots=True)
class Means:
    """What couriers work with. `post` is None where there are no accounts, and `push` tells sockets that wait."""

    services: Services
    lease: Lease
    whose: Whose
    hooks: RestHooks
    backoff: Backoff
    push: Callable[[str], None]
    post: Post | None = None
    large: Large = field(default_factory=Large)


class Courier:
    """The courier of one subscription, at work whenever it is woken, until nothing is to be done."""

    def __init__(self, means: Means, entry: Entry) -> None:
        self._means = means
        self.entry = entry
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._woken = False
        self.over = False

    def wake(self) -> None:
        """See whether there is something to do, now."""
        self._woken = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.over and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run(), name="fhir-courier")

    def told(self, events: int) -> None:
        """Take note of how many events there are by now, and see to them."""
        self.entry.progress = replace(self.entry.progress, events=max(events, self.entry.progress.events))
        self.wake()

    async def stop(self) -> None:
        """Stop; what is under way counts as not delivered."""
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            while self._woken and not self.over:
                self._woken = False
                while (pause := await self._step()) == 0:
                    continue
                if pause is not None and not self.over:
                    self._timer = asyncio.get_running_loop().call_later(pause, self.wake)
        except (StoreUnavailable, StoreFull):
            self._timer = asyncio.get_running_loop().call_later(AGAIN, self.wake)
        except LeaseLost:
            self.over = True
        except Exception as error:
            # Its text may quote what it failed on.
            log.error("a courier failed", extra={"subscription": self.entry.id, "error": type(error).__name__})
            self._timer = asyncio.get_running_loop().call_later(AGAIN, self.wake)

    async def _step(self) -> float | None:
        """Do one thing; return 0 when there may be more to do, seconds until there is, None when nothing is due."""
        entry, now = self.entry, self._means.services.now()
        if not self._means.lease.stands:
            return AGAIN
        if self.over or entry.status not in (REQUESTED, ACTIVE, ERROR):
            return None
        if entry.asked.end is not None and entry.asked.end <= now:
            await self._switch(OFF, ENDED)
            return None
        if entry.progress.again > now:
            return (entry.progress.again - now) / SECOND
        try:
            return await self._work(now)
        except OwnerGone as gone:
            await self._switch(OFF, str(gone))
        except NotTaken as failure:
            await self._failed(failure)
            return 0
        return None

    async def _work(self, now: int) -> float | None:
        entry = self.entry
        viewer = Viewer(self._means.services, self._means.whose)
        for type in entry.types(self._means.services.subscribing.topics):
            await viewer.call(entry.owner, type)
        if entry.progress.sent == 0:
            await self._activate(viewer)
            return 0
        if entry.asked.channel == "websocket":
            # Who is bound is told by their own socket, which acknowledges what it has sent.
            self._means.push(entry.id)
            return self._until_end(now)
        if entry.progress.pending == 0:
            return await self._idle(now)
        if entry.asked.channel == "email":
            # The first letter goes at once, and what comes soon after it goes in one.
            pause = (entry.progress.sent - now) / SECOND + LETTERS
            if pause > 0 and entry.progress.acknowledged > 0:
                return pause
            await self._write(viewer)
        else:
            await self._deliver(viewer)
        return 0

    async def _activate(self, viewer: Viewer) -> None:
        """Let a subscription begin; the endpoint of one with a topic shakes hands before."""
        entry = self.entry
        if entry.asked.channel == "email":
            await self._demand_address(viewer)
        elif entry.asked.topic is not None and entry.asked.channel == "rest-hook":
            parcel = of_status(self._means.services, entry, "handshake")
            try:
                await self._means.hooks.send(entry, parcel)
            except NotTaken as failure:
                await self._failed(failure, error=True)
                return
        await self._switch(ACTIVE, "", sent=self._means.services.now(), failures=0, again=0)

    async def _demand_address(self, viewer: Viewer) -> None:
        """Raise OwnerGone where letters could not go."""
        email = (await viewer.standing(self.entry.owner)).email
        if not email or address(self.entry.asked.endpoint).casefold() != email.casefold():
            raise OwnerGone("Letters go to the confirmed address of the owner's own account alone.")

    async def _write(self, viewer: Viewer) -> None:
        """Write a letter about all events that wait."""
        means, entry = self._means, self.entry
        standing = await viewer.standing(entry.owner)
        if means.post is not None:
            await by_letter(means.post, entry, standing.email)
        await self._taken((), entry.progress.events)

    async def _deliver(self, viewer: Viewer) -> None:
        """Deliver what waits for a moment, and note by one commit what was taken. Raises NotTaken, OwnerGone."""
        entry, clock = self.entry, asyncio.get_running_loop().time
        upto, taken, ends = entry.progress.acknowledged, list[Parcel](), clock() + TOGETHER
        try:
            while upto < entry.progress.events and clock() < ends:
                parcel, upto = await self._hand_over(upto, viewer)
                if parcel is not None:
                    taken.append(parcel)
        finally:
            # Also when one is not taken, when the owner is gone, or when the server stops meanwhile.
            if upto > entry.progress.acknowledged:
                await self._taken(taken, upto)

    async def _hand_over(self, after: int, viewer: Viewer) -> tuple[Parcel | None, int]:
        """Send what tells of the next events; return it without its body, None for nothing, and their last number."""
        means = self._means
        parcel, upto = await self._next(after, viewer)
        if parcel is None:
            return None, upto
        if len(parcel.body) <= LARGE:
            await means.hooks.send(self.entry, parcel)
            return parcel.emptied(), upto
        parcel = None
        async with means.large.turn(self.entry.owner.actor):
            if not means.lease.stands:
                return None, after
            # Made anew, with the rights of now: until its turn it would only take room.
            parcel, upto = await self._next(after, Viewer(means.services, means.whose))
            if parcel is not None:
                await means.hooks.send(self.entry, parcel)
        return (None if parcel is None else parcel.emptied()), upto

    async def _next(self, after: int, viewer: Viewer) -> tuple[Parcel | None, int]:
        """Return what tells of the next events, None where there is nothing to tell, and the number of its last one."""
        services, entry = self._means.services, self.entry
        events = await events_after(services.store, entry.id, after, entry.asked.most)
        if not events:
            # They have expired while nobody took them.
            return None, entry.progress.events
        if entry.asked.topic is None:
            return await of_event(services, entry, events[0], viewer), events[0].number
        parcel = await of_topic(services, entry, events, viewer)
        return parcel, parcel.upto

    async def _taken(self, parcels: Sequence[Parcel], upto: int) -> None:
        """Note that everything up to an event is acknowledged, of which the parcels told."""
        entry, services = self.entry, self._means.services
        well: dict[str, Any] = {"failures": 0, "again": 0, "error": "", "sent": services.now()}
        told = [notified(services, entry.owner, entry.id, parcel, 200) for parcel in parcels if parcel.shown]
        await self._note(ACTIVE, "", told, acknowledged=max(upto, entry.progress.acknowledged), **well)

    async def _failed(self, failure: NotTaken, *, error: bool = False) -> None:
        """Note a failure: when to try again, and what the subscription says of it. `error` says that it is one."""
        entry, backoff = self.entry, self._means.backoff
        failures = entry.progress.failures + 1
        again = self._means.services.now() + int(backoff.wait(failures) * SECOND)
        told: tuple[AuditRow, ...] = ()
        if failure.read is not None and failure.read.shown:
            told = (notified(self._means.services, entry.owner, entry.id, failure.read, 502),)
        status = OFF if backoff.is_over(failures) else ERROR if error or backoff.is_error(failures) else entry.status
        why = str(failure)
        log.info("a notification was not taken", extra={"subscription": entry.id, "failures": failures})
        said = why if status in (ERROR, OFF) else ""
        await self._note(status, said, told, failures=failures, again=again, error=why)

    async def _switch(self, status: str, said: str, **changes: Any) -> None:
        await self._note(status, said, (), error=said, **changes)

    async def _note(self, status: str, said: str, told: Sequence[AuditRow], **changes: Any) -> None:
        """Write what has happened, all in one commit, as long as it is this process's to write."""
        entry, means = self.entry, self._means

        async def work(tx: Transaction) -> tuple[int | None, Progress]:
            await means.lease.demand(tx)
            number: int | None = entry.number
            if await owned_by_id(tx, entry.id) is None:
                return None, entry.progress
            if status != entry.status:
                number = await put_status(means.services, tx, entry, status, said)
            now = await progress_of(tx, entry.id)
            if now.version != entry.progress.version:
                # Its client has asked for something else meanwhile, which begins anew; what was taken stays taken.
                kept = {"acknowledged": changes["acknowledged"]} if "acknowledged" in changes else {}
                return None, await change_progress(tx, entry.id, **kept)
            for each in told:
                await tx.audit(each)
            return number, await change_progress(tx, entry.id, **changes)

        number, entry.progress = await means.services.store.write(work)
        if number is None:
            # The follower meets the version that has come between, and makes it known.
            self.over = True
            return
        entry.number, entry.status = number, status

    def _until_end(self, now: int) -> float | None:
        end = self.entry.asked.end
        return None if end is None else (end - now) / SECOND

    async def _idle(self, now: int) -> float | None:
        """Send a heartbeat if one is due; return the seconds until the next one, or until the end, comes."""
        entry = self.entry
        until = self._until_end(now)
        if not entry.asked.heartbeat or entry.asked.channel != "rest-hook":
            return until
        due = entry.progress.sent + entry.asked.heartbeat * SECOND
        if due > now:
            return min((due - now) / SECOND, until or LONG)
        await self._means.hooks.send(entry, of_status(self._means.services, entry, "heartbeat"))
        await self._taken((), entry.progress.acknowledged)
        return 0
