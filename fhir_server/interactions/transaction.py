"""transaction: `POST [base]` with a Bundle of type transaction (http://hl7.org/fhir/R4/http.html#transaction).

Everything heavy happens before the write: identities are found out, references made final, resources validated and
their index entries extracted. Inside the one write the steps run in FHIR's order: DELETE, POST, PUT and PATCH, then
the conditional references are held against what is there now, and GET and HEAD see the result. When the store has moved
in between, everything is prepared again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from fhir_server.errors import BadRequest, Conflict, Refusal
from fhir_server.interactions import audit, commit
from fhir_server.interactions.answer import MAX_ISSUES, answer, located, together
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.commit import Step, Written
from fhir_server.interactions.conditional import Moved, matching
from fhir_server.interactions.entries import breathe, ordered, raw_entries
from fhir_server.interactions.entry import Entry, read_entry
from fhir_server.interactions.links import Links
from fhir_server.interactions.table import READING, WRITING
from fhir_server.model.bundle import response
from fhir_server.store.base import Key, Transaction, VersionConflict

ATTEMPTS = 8
"""How often a transaction is prepared before it gives up on what others keep changing."""
PAUSE = 0.005
"""Seconds to wait before preparing again, times the attempts so far: what moved has to be committed to be seen."""

Also = Callable[[Transaction], Awaitable[None]]


async def transaction(call: Call, also: Also | None = None) -> Result:
    """Do everything that the Bundle asks, or nothing: 200 with a transaction-response in the order of its entries.

    `also` runs inside the same write, after the entries. Raises the refusal of the entries at fault, with their places
    in the Bundle.
    """
    entries = await _read(call)
    job = _Job(
        call,
        [entry for entry in entries if entry.interaction in WRITING],
        [entry for entry in entries if entry.interaction not in WRITING],
        also,
        Links(call),
    )
    return await job.run()


async def _read(call: Call) -> list[Entry]:
    entries, refusals = [], []
    for index, raw in enumerate(raw_entries(call)):
        try:
            entries.append(read_entry(call, raw, index))
        except Refusal as refusal:
            refusals.append(refusal)
        await breathe(index)
    if refusals:
        raise together(refusals)
    return ordered(entries)


@dataclass(slots=True)
class _Job:
    """One transaction on its way; `writes` and `reads` are in the order they are done in."""

    call: Call
    writes: list[Entry]
    reads: list[Entry]
    also: Also | None
    links: Links
    steps: list[tuple[Entry, Step]] = field(default_factory=list)

    async def run(self) -> Result:
        """Prepare and write, again when the store has moved in between."""
        await self._collect()
        bodies = [entry.call.resource for entry in self.writes]
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(PAUSE * attempt)
            for entry, body in zip(self.writes, bodies, strict=True):
                entry.call.resource, entry.call.final = body, False
            await self._prepare()
            try:
                return await self.call.services.store.write(self._work)
            except (Moved, VersionConflict):
                continue
        raise Conflict(
            "Others kept changing what this transaction refers to, and nothing of it was kept. Send it again.",
            code="transient",
        )

    async def _collect(self) -> None:
        """Choose the ids of what is new, once for all attempts, and note the conditional references."""
        for index, entry in enumerate(self.writes):
            entry.call.assigned = self.call.services.new_id()
            try:
                self.links.collect(entry)
            except Refusal as refusal:
                raise located(refusal, entry) from None
            await breathe(index)

    async def _prepare(self) -> None:
        deletes = frozenset(
            Key(str(entry.call.type), entry.call.id)
            for entry in self.writes
            if entry.interaction == "delete" and entry.call.id
        )
        await self._identify(deletes)
        self.links.place(self.writes)
        await self.links.resolve({str(e.call.type) for e in self.writes if e.interaction != "delete"}, deletes)
        await self._plan()

    async def _identify(self, deletes: frozenset[Key]) -> None:
        """Find out what each entry writes. Raises BadRequest when two mean the same resource."""
        taken: dict[Key, Entry] = {}
        refusals = []
        for index, entry in enumerate(self.writes):
            without = frozenset() if entry.interaction == "delete" else deletes
            try:
                entry.identity = await WRITING[entry.interaction].identify(entry.call, self.call.reader, without)
                for key in entry.identity.keys:
                    if taken.setdefault(key, entry) is not entry:
                        raise _overlap(key, taken[key])
            except Refusal as refusal:
                refusals.append(located(refusal, entry))
            await breathe(index)
        if refusals:
            raise together(refusals)

    async def _plan(self) -> None:
        self.steps, refusals, findings = [], [], 0
        for index, entry in enumerate(self.writes):
            assert entry.identity is not None
            try:
                self.links.apply(entry)
                self.steps.append((entry, await WRITING[entry.interaction].plan(entry.call, entry.identity)))
            except Refusal as refusal:
                refusals.append(located(refusal, entry))
                findings += len(refusal.issues)
                if findings > MAX_ISSUES:
                    break
            await breathe(index)
        if refusals:
            raise together(refusals)

    async def _work(self, tx: Transaction) -> Result:
        answers: dict[int, bytes] = {}
        patients: dict[str, None] = {}
        for index, (entry, step) in enumerate(self.steps):
            written = await self._step(tx, entry, step)
            patients.update(dict.fromkeys(written.patients))
            answers[entry.index] = answer(entry, commit.result(written))
            await breathe(index)
        await self.links.hold(tx)
        for entry in self.reads:
            result = await _show(tx, entry)
            patients.update(dict.fromkeys(result.patients))
            answers[entry.index] = answer(entry, result)
        if self.also is not None:
            await self.also(tx)
        details = {"writes": len(self.writes), "reads": len(self.reads)}
        await tx.audit(
            audit.row(self.call, "transaction", 200, time=tx.time, patients=tuple(patients), details=details)
        )
        body = response("transaction-response", (answers[index] for index in range(len(answers))))
        return Result(200, body=body, patients=tuple(patients))

    async def _step(self, tx: Transaction, entry: Entry, step: Step) -> Written:
        try:
            return await step(tx)
        except Refusal as refusal:
            raise located(refusal, entry) from None
        except Moved:
            await self._refuse_own_match(tx, entry)
            raise

    async def _refuse_own_match(self, tx: Transaction, entry: Entry) -> None:
        """Say so when the criteria find what another entry has just written: preparing again would not help."""
        identity = entry.identity
        if identity is None or identity.criteria is None:
            return
        ids = await matching(self.call, tx, identity.criteria, limit=identity.limit)
        for other in self.writes:
            for key in other.identity.keys if other.identity and other is not entry else ():
                if key.type == identity.criteria.type and key.id in ids:
                    raise located(_overlap(None, other), entry)


async def _show(tx: Transaction, entry: Entry) -> Result:
    try:
        return await READING[entry.interaction](replace(entry.call, transaction=tx))
    except Refusal as refusal:
        raise located(refusal, entry) from None


def _overlap(key: Key | None, other: Entry) -> BadRequest:
    what = f"{key.type}/{key.id}" if key else "what the criteria match"
    return BadRequest(
        f"{other.name} writes {what} too, and each resource may be written once in a transaction: leave one of the two "
        "out, or send them one after the other.",
        code="duplicate",
    )
