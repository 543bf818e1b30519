"""A lease in the store: of several processes one does something for all, and another one takes over when it dies."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from fhir_server.interactions.subscribing.tables import LEASES
from fhir_server.store.base import RecordConflict, Store, Transaction

SECONDS = 15
"""For how long a lease counts that is not renewed."""
SECOND = 1_000_000


class LeaseLost(Exception):
    """Somebody else holds the lease: what was about to be written is theirs to write."""


class Lease:
    """The lease called `name`, as one process sees it.

    `alone` says that no other process can be at this store: then it is taken at once, whoever held it before, and need
    not be renewed.
    """

    def __init__(self, store: Store, name: str, now: Callable[[], int], *, alone: bool, seconds: int = SECONDS) -> None:
        self._store = store
        self._name = name
        self._now = now
        self._alone = alone
        self._life = seconds * SECOND
        self._holder = uuid4().hex
        self._until = 0

    @property
    def stands(self) -> bool:
        """Whether this process holds it, for a third of its life at least."""
        return self._until > 0 and (self._alone or self._now() < self._until - self._life // 3)

    async def hold(self) -> bool:
        """Take it or renew it where that is due; return whether this process holds it."""
        if self.stands:
            return True
        try:
            self._until = await self._store.write(self._take)
        except (LeaseLost, RecordConflict):
            self._until = 0
        return self._until > 0

    async def demand(self, tx: Transaction) -> None:
        """Raise LeaseLost inside a write unless this process holds it: what is written then is written by one alone."""
        record = await tx.records.get(LEASES.name, self._name)
        if record is None or record.value["holder"] != self._holder:
            raise LeaseLost

    async def release(self) -> None:
        """Give it back, so that nobody need wait until it ends."""
        if self._until == 0:
            return
        self._until = 0

        async def work(tx: Transaction) -> None:
            record = await tx.records.get(LEASES.name, self._name)
            if record is not None and record.value["holder"] == self._holder:
                await tx.records.delete(LEASES.name, self._name)

        await self._store.write(work)

    async def _take(self, tx: Transaction) -> int:
        record = await tx.records.get(LEASES.name, self._name)
        now = self._now()
        if record is not None and not self._alone:
            value = record.value
            if value["holder"] != self._holder and value["until"] > now:
                raise LeaseLost
        until = now + self._life
        value = {"holder": self._holder, "until": until}
        await tx.records.put(LEASES.name, self._name, value, expect=0 if record is None else record.revision)
        return until
