"""Which interaction is which function, by FHIR's names; `WRITING` has the halves that a transaction runs itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from fhir_server.interactions import create, delete, history, patch, read, search, update, vread
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.capabilities import capabilities
from fhir_server.interactions.commit import Plan
from fhir_server.interactions.conditional import Identity
from fhir_server.store.base import Key, Snapshot

Interaction = Callable[[Call], Awaitable[Result]]


class Identify(Protocol):
    """Find out what a call writes, as of `reader`, without what the same transaction deletes."""

    async def __call__(self, call: Call, reader: Snapshot, without: Set[Key] = ...) -> Identity:
        """Return the identity."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """A write interaction: the whole of it, and its halves before the write (see `commit.perform`)."""

    perform: Interaction
    identify: Identify
    plan: Plan


WRITING: Mapping[str, Write] = {
    "create": Write(create.create, create.identify, create.plan),
    "update": Write(update.update, update.identify, update.plan),
    "patch": Write(patch.patch, patch.identify, patch.plan),
    "delete": Write(delete.delete, delete.identify, delete.plan),
}
READING: Mapping[str, Interaction] = {
    "read": read.read,
    "vread": vread.vread,
    "history": history.history,
    "search": search.search,
    "capabilities": capabilities,
}
INTERACTIONS: Mapping[str, Interaction] = {**READING, **{name: write.perform for name, write in WRITING.items()}}
"""Everything that a single entry or request can ask for; `bundle` has what a whole Bundle asks."""
