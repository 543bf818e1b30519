"""A store of small generated Observations, to count those of one code among them.

They are written by the store's own `write` with real index entries. What could make a count wrong is there: every
fifth has two codings that both match the code without a system, some got or lost the code by an update, some were
updated and kept it, some were deleted. How many match is known from how they are made.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from fhir_server.model.draft import draft, stamped
from fhir_server.model.resource import instant
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Method, NewVersion, Store, Transaction
from fhir_server.store.connect import connect

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CODE = "8867-4"
OTHERS = ("29463-7", "8302-2", "39156-5", "8480-6", "8310-5")
PER_COPY = 62_500
"""Matching Observations for each copy of the set in the other stores: a million beside 16 copies."""
PATIENTS = 2000
CONTENTS = 5000
"""Different contents; each is written under many ids, with the index entries that it has under each."""
TWICE = 5
"""Every n-th matching Observation has the code in two systems."""
AMONG = 20
"""After n matching Observations comes another one."""
MOVED = 500
"""Every n-th matching Observation gained the code by an update, every n-th kept it in one; as many lost it, and as
many were deleted."""
LABELLED = 1000
"""Every n-th content is labelled as restricted."""
RESTRICTED = ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R")
GROUP = 1000
BASE = "http://127.0.0.1/fhir"


@dataclass(frozen=True, slots=True)
class Content:
    """An Observation without its id."""

    draft: bytes
    entries: IndexEntries
    owners: Sequence[Key]
    labels: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Step:
    """Version `number` of the Observation `id`; a deletion repeats owners and labels of the content it ends."""

    id: str
    number: int
    content: Content
    deletes: bool = False


def digest() -> str:
    """Return what tells this way to make the store from another."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def fill(path: Path, matching: int) -> None:
    """Make the store at `path` with `matching` Observations of the code that are there in the end."""
    gc.set_threshold(100_000, 50, 100)
    asyncio.run(_fill(path, matching))


async def _fill(path: Path, matching: int) -> None:
    extractor = Extractor(Registry())
    ours = [_content(extractor, _observation(number, CODE)) for number in range(CONTENTS)]
    others = [_content(extractor, _observation(number, OTHERS[number % len(OTHERS)])) for number in range(CONTENTS)]
    steps = iter(_steps(matching, ours, others))
    store = await connect(f"sqlite:///{path}")
    try:
        while group := list(islice(steps, GROUP)):
            await _write(store, group)
    finally:
        await store.close()


async def _write(store: Store, group: Sequence[Step]) -> None:
    async def work(tx: Transaction) -> None:
        time = instant(tx.time)
        for step in group:
            await tx.put(*_version(step, time))

    await store.write(work)


def _version(step: Step, time: str) -> tuple[NewVersion, IndexEntries]:
    key, content = Key("Observation", step.id), step.content
    if step.deletes:
        return NewVersion(key, step.number, "DELETE", "", b"", content.owners, content.labels), IndexEntries()
    body = stamped(content.draft, key.type, key.id, step.number, time)
    first = step.number == 1
    method: Method = "POST" if first else "PUT"
    new = NewVersion(key, step.number, method, "", body, content.owners, content.labels, fresh=first)
    return new, content.entries


def _steps(matching: int, ours: Sequence[Content], others: Sequence[Content]) -> Iterator[Step]:
    """Yield what is written: everything is created, then some of it changes."""
    for number in range(matching):
        gains = number % MOVED == 1
        yield Step(f"m-{number}", 1, (others if gains else ours)[number % CONTENTS])
        if number % AMONG == 0:
            yield Step(f"o-{number}", 1, others[number // AMONG % CONTENTS])
        if number % MOVED == 0:
            yield Step(f"lost-{number}", 1, ours[number // MOVED % CONTENTS])
            yield Step(f"gone-{number}", 1, ours[number // MOVED % CONTENTS])
    for number in range(0, matching, MOVED):
        yield Step(f"lost-{number}", 2, others[number // MOVED % CONTENTS])
        yield Step(f"gone-{number}", 2, ours[number // MOVED % CONTENTS], deletes=True)
    for number in range(matching):
        if number % MOVED in (1, 2):
            yield Step(f"m-{number}", 2, ours[_last(number)])


def _last(number: int) -> int:
    """Return which content a matching Observation has in the end."""
    return (number + (number % MOVED in (1, 2))) % CONTENTS


def unlabelled(matching: int) -> int:
    """Return how many of the `matching` Observations are not labelled as restricted."""
    return sum(1 for number in range(matching) if not _is_labelled(_last(number)))


def _is_labelled(content: int) -> bool:
    return content % LABELLED == 0


def _content(extractor: Extractor, resource: dict[str, Any]) -> Content:
    entries = extractor.entries(resource, base=BASE)
    owners = [Key(*owner) for owner in extractor.owners(resource, entries)]
    return Content(draft(resource), entries, owners, extractor.labels(resource))


def _observation(number: int, code: str) -> dict[str, Any]:
    coding = [{"system": LOINC, "code": code}]
    if number % TWICE == 0:
        coding.append({"system": "urn:example:ward", "code": code})
    system, label = RESTRICTED
    meta = {"meta": {"security": [{"system": system, "code": label}]}} if _is_labelled(number) else {}
    day = date(2015, 1, 1) + timedelta(days=number * 7 % 3650)
    return {
        "resourceType": "Observation",
        **meta,
        "status": "final",
        "code": {"coding": coding},
        "subject": {"reference": f"Patient/p-{number % PATIENTS}"},
        "effectiveDateTime": day.isoformat(),
        "valueQuantity": {"value": Decimal(50 + number % 70), "unit": "/min", "code": "/min", "system": UCUM},
    }
