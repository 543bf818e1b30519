"""What a transaction needs before its write: identities found out, references final, resources valid and indexed.

It takes no lock and reads a snapshot, so all of it may be done in another process: `Portable` is what comes of it there
as plain values, and `steps_of` makes it the steps that the write runs.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import BadRequest, Refusal
from fhir_server.interactions import create, update
from fhir_server.interactions.answer import MAX_ISSUES, located, together
from fhir_server.interactions.call import NO_PRECONDITIONS, Call
from fhir_server.interactions.commit import Prepared, Put, Step
from fhir_server.interactions.conditional import Identity
from fhir_server.interactions.entries import breathe, ordered, raw_entries
from fhir_server.interactions.entry import Entry, read_entry
from fhir_server.interactions.links import WRITES_CONTENT, Links, Question
from fhir_server.interactions.mentions import mentions, renamed
from fhir_server.interactions.table import WRITING
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key


@dataclass(slots=True)
class Preparing:
    """One transaction on its way; `writes` and `reads` are in the order they are done in.

    `known` are the fullUrls of what it writes.
    """

    call: Call
    writes: list[Entry]
    reads: list[Entry]
    links: Links
    known: Set[str]

    @classmethod
    async def read(cls, call: Call) -> Preparing:
        """Read the Bundle of `call`, choose the ids of what is new and note where its resources refer to something.

        Raises the refusal of the entries at fault.
        """
        entries = await _read(call)
        writes = [entry for entry in entries if entry.interaction in WRITING]
        reads = [entry for entry in entries if entry.interaction not in WRITING]
        known = {e.full_url for e in writes if e.full_url is not None and e.interaction in WRITES_CONTENT}
        self = cls(call, writes, reads, Links(call), known)
        refusals = []
        for index, entry in enumerate(writes):
            entry.call.assigned = call.services.new_id()
            try:
                await self.links.collect(entry, known)
            except Refusal as refusal:
                refusals.append(located(refusal, entry))
            await breathe(index)
        if refusals:
            raise together(refusals)
        return self

    async def steps(self) -> list[tuple[Entry, Step]]:
        """Return the steps of the write, in order, as things stand now. May be asked again when they have moved."""
        deletes = frozenset(
            Key(str(entry.call.type), entry.call.id)
            for entry in self.writes
            if entry.interaction == "delete" and entry.call.id
        )
        await self._identify(deletes)
        self.links.place(self.writes)
        await self.links.resolve({str(e.call.type) for e in self.writes if e.interaction != "delete"}, deletes)
        return await self._plan()

    async def _identify(self, deletes: frozenset[Key]) -> None:
        """Find out what each entry writes. Raises BadRequest when two mean the same resource."""
        taken: dict[Key, Entry] = {}
        refusals: list[Refusal] = []
        plain: list[Entry] = []
        asking: list[Entry] = []
        for entry in self.writes:
            (asking if mentions(entry.call, self.known) else plain).append(entry)
        for index, entry in enumerate(plain):
            await self._identify_one(entry, entry.call, deletes, taken, refusals)
            await breathe(index)
        # Criteria that name another entry can be answered now that it is known what that one writes.
        if asking and not refusals:
            self.links.place(plain)
            for entry in asking:
                call = renamed(entry.call, self.links.targets.get)
                await self._identify_one(entry, call, deletes, taken, refusals)
        if refusals:
            raise together(refusals)

    async def _identify_one(
        self, entry: Entry, call: Call, deletes: frozenset[Key], taken: dict[Key, Entry], refusals: list[Refusal]
    ) -> None:
        """Find out what one entry writes; its `call` has criteria that can be answered. Refusals are gathered."""
        without = frozenset() if entry.interaction == "delete" else deletes
        try:
            if mentions(call, self.known):
                raise BadRequest(
                    "The criteria name an entry whose own criteria name another one. Name its resource in another way."
                )
            entry.identity = await WRITING[entry.interaction].identify(call, self.call.reader, without)
            for key in entry.identity.keys:
                if taken.setdefault(key, entry) is not entry:
                    raise overlap(key, taken[key])
        except Refusal as refusal:
            refusals.append(located(refusal, entry))

    async def _plan(self) -> list[tuple[Entry, Step]]:
        steps: list[tuple[Entry, Step]] = []
        refusals, findings = [], 0
        for index, entry in enumerate(self.writes):
            assert entry.identity is not None
            try:
                self.links.apply(entry)
                steps.append((entry, await WRITING[entry.interaction].plan(entry.call, entry.identity)))
            except Refusal as refusal:
                refusals.append(located(refusal, entry))
                findings += len(refusal.issues)
                if findings > MAX_ISSUES:
                    break
            await breathe(index)
        if refusals:
            raise together(refusals)
        return steps


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


def overlap(key: Key | None, other: Entry) -> BadRequest:
    """Return the refusal of an entry that writes what `other` writes too: `key`, or what its criteria match."""
    what = f"{key.type}/{key.id}" if key else "what the criteria match"
    return BadRequest(
        f"{other.name} writes {what} too, and each resource may be written once in a transaction: leave one of the two "
        "out, or send them one after the other.",
        code="duplicate",
    )


Portable = tuple[list[tuple[Any, ...]], dict[str, Question]]
"""A prepared transaction of nothing but creates and updates, which needs its Bundle no more: its writes and conditional
references. Bare tuples, because a process sends and receives them in a quarter of the time that named ones take."""

_RUNS = {"create": create.put, "update": update.put}


def portable(steps: Sequence[tuple[Entry, Step]], preparing: Preparing) -> Portable | None:
    """Return the prepared transaction as plain values, None when it does more than put what came in its Bundle.

    Warnings stay behind: nobody is answered.
    """
    if preparing.reads:
        return None
    writes = []
    for entry, step in steps:
        if not isinstance(step, Put) or entry.interaction not in _RUNS:
            return None
        preconditions, identity = entry.call.preconditions, step.identity
        key, draft, entries, owners, labels, _, content, mark, about = step.prepared
        writes.append(
            (
                (entry.index, entry.method, entry.interaction),
                None if preconditions is NO_PRECONDITIONS else preconditions,
                None if identity.criteria is None else identity,
                tuple(key),
                draft,
                [getattr(entries, name) for name in IndexEntries.__slots__],
                [tuple(owner) for owner in owners],
                labels,
                content,
                mark,
                [tuple(patient) for patient in about],
            )
        )
    return writes, preparing.links.questions


def steps_of(call: Call, made: Portable) -> tuple[list[tuple[Entry, Step]], Links]:
    """Return the steps of a write, and its links, from what another process has prepared."""
    steps: list[tuple[Entry, Step]] = []
    writes, questions = made
    calls: dict[str, Call] = {}
    for (index, method, interaction), preconditions, identity, name, draft, entries, owners, labels, *rest in writes:
        content, mark, about = rest
        key = Key(*name)
        own = calls.get(key.type) if preconditions is None else None
        if own is None:
            own = Call(call.services, call.principal, call.request_id, key.type)
            if preconditions is None:
                # They tell nothing but the type, so one does for all of it.
                calls[key.type] = own
            else:
                own.preconditions = preconditions
        identity = identity or Identity((key,))
        prepared = Prepared(
            key,
            draft,
            IndexEntries(*entries),
            [Key(*each) for each in owners],
            labels,
            (),
            content,
            mark,
            [Key(*each) for each in about],
        )
        entry = Entry(index, method, interaction, own, None, identity)
        steps.append((entry, Put(_RUNS[interaction], own, identity, prepared)))
    return steps, Links(call, questions=questions)
