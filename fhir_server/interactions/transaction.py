"""transaction: `POST [base]` with a Bundle of type transaction (http://hl7.org/fhir/R4/http.html#transaction).

Everything heavy happens before the write (`interactions/preparing`). Inside the one write the steps run in FHIR's
order: DELETE, POST, PUT and PATCH, then the conditional references are held against what is there now, and GET and HEAD
see the result. When the store has moved in between, everything is prepared again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from fhir_server.errors import Conflict, Refusal
from fhir_server.interactions import audit, commit, own_parameters
from fhir_server.interactions.answer import answer, located
from fhir_server.interactions.attaching import attaching
from fhir_server.interactions.booking import demand_unbooked
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.commit import Step, Written
from fhir_server.interactions.conditional import Moved, matching
from fhir_server.interactions.entries import breathe
from fhir_server.interactions.entry import Entry
from fhir_server.interactions.links import Links
from fhir_server.interactions.mentions import renamed
from fhir_server.interactions.preparing import Preparing, overlap
from fhir_server.interactions.relating import relating
from fhir_server.interactions.table import READING
from fhir_server.interactions.targets import demand_targets
from fhir_server.model.bundle import response
from fhir_server.store.base import Key, Transaction, VersionConflict
from profiles.packages.catalogue import TYPES

ATTEMPTS = 8
"""How often a transaction is prepared before it gives up on what others keep changing."""
PAUSE = 0.005
"""Seconds to wait before preparing again, times the attempts so far: what moved has to be committed to be seen."""

T = TypeVar("T")
Also = Callable[[Transaction], Awaitable[None]]
Tell = Callable[[Entry, Result], T]


async def transaction(call: Call) -> Result:
    """Do everything that the Bundle asks, or nothing: 200 with a transaction-response in the order of its entries.

    Raises the refusal of the entries at fault, with their places in the Bundle.
    """
    done = await settle(call, answer)
    body = response("transaction-response", (done.told[index] for index in range(len(done.told))))
    return Result(200, body=body, patients=done.patients)


@dataclass(frozen=True, slots=True)
class Settled(Generic[T]):
    """A transaction that is durable: what was told of each entry, by its index, and whose data it touched."""

    told: dict[int, T]
    patients: tuple[str, ...]


async def settle(call: Call, tell: Tell[T], also: Also | None = None) -> Settled[T]:
    """Do everything that the Bundle asks, or nothing, and return what `tell` makes of each entry's result.

    `also` runs inside the same write, after the entries. Raises as `transaction`. The resources of the Bundle are
    changed meanwhile, and back again.
    """
    preparing = await Preparing.read(call)
    try:
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(PAUSE * attempt)
            steps = await preparing.steps()
            try:
                return await write(call, Work(call, steps, preparing.reads, preparing.links, tell, also))
            except (Moved, VersionConflict):
                continue
    finally:
        preparing.links.restore()
    raise Conflict(
        "Others kept changing what this transaction refers to, and nothing of it was kept. Send it again.",
        code="transient",
    )


async def write(call: Call, work: Work[T]) -> Settled[T]:
    """Run what was prepared as one write. Raises Moved or VersionConflict when it has to be prepared again."""
    settled = await call.services.store.write(work)
    call.services.hearing.tell(entry.call.type or "" for entry, _ in work.steps)
    if any(entry.call.type == own_parameters.TYPE for entry, _ in work.steps):
        await call.services.learned()
    keys = [key for entry, _ in work.steps if entry.identity for key in entry.identity.keys if key.type in TYPES]
    if keys:
        await call.services.defined(keys)
    return settled


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """What a transaction does inside its write. It may be run again, and begins from nothing each time."""

    call: Call
    steps: Sequence[tuple[Entry, Step]]
    reads: Sequence[Entry]
    links: Links
    tell: Tell[T]
    also: Also | None

    async def __call__(self, tx: Transaction) -> Settled[T]:
        """Run it."""
        told: dict[int, T] = {}
        patients: dict[str, None] = {}
        attached: list[Key] = []
        for index, (entry, step) in enumerate(self.steps):
            written = await self._step(tx, entry, step)
            patients.update(dict.fromkeys(written.patients))
            if written.attaches:
                attached += commit.keys_of(written)
            told[entry.index] = self.tell(entry, commit.result(written))
            await breathe(index)
        await self.links.hold(tx)
        for entry in self.reads:
            result = await _show(tx, entry, self.links)
            patients.update(dict.fromkeys(result.patients))
            told[entry.index] = self.tell(entry, result)
        keys = [key for entry, _ in self.steps if entry.identity for key in entry.identity.keys]
        await self._demand_whole(tx)
        await attaching(self.call, tx, attached)
        await relating(self.call, tx, keys)
        if self.also is not None:
            await self.also(tx)
        details = {"writes": len(self.steps), "reads": len(self.reads)}
        await tx.audit(
            audit.row(self.call, "transaction", 200, time=tx.time, patients=tuple(patients), details=details)
        )
        return Settled(told, tuple(patients))

    async def _step(self, tx: Transaction, entry: Entry, step: Step) -> Written:
        try:
            return await step(tx)
        except Refusal as refusal:
            raise located(refusal, entry) from None
        except Moved:
            await self._refuse_own_match(tx, entry)
            raise

    async def _demand_whole(self, tx: Transaction) -> None:
        """Raise what stands against the entries once all of them are done."""
        for entry, _ in self.steps:
            keys = entry.identity.keys if entry.identity else ()
            try:
                await demand_targets(self.call, tx, keys)
                await demand_unbooked(self.call, tx, keys)
            except Refusal as refusal:
                raise located(refusal, entry) from None

    async def _refuse_own_match(self, tx: Transaction, entry: Entry) -> None:
        """Say so when the criteria find what another entry has just written: preparing again would not help."""
        identity = entry.identity
        if identity is None or identity.criteria is None:
            return
        ids = await matching(self.call, tx, identity.criteria, limit=identity.limit)
        for other, _ in self.steps:
            for key in other.identity.keys if other.identity and other is not entry else ():
                if key.type == identity.criteria.type and key.id in ids:
                    raise located(overlap(None, other), entry)


async def _show(tx: Transaction, entry: Entry, links: Links) -> Result:
    try:
        return await READING[entry.interaction](replace(renamed(entry.call, links.targets.get), transaction=tx))
    except Refusal as refusal:
        raise located(refusal, entry) from None
