"""Load a release into the concept store: slice by slice, and published at once when nothing was wrong with it.

A load may be stopped at any moment, and by any means: what was there before stays until the new one is complete, and
the same load can be begun again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from auth.rights import EVERYTHING
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.store.base import Store, Transaction
from fhir_server.store.concepts import Naming, NewConcept
from fhir_server.terminologies.item import Content, Edge, Fault, Item, Stated
from profiles.terminology.head import Head

SLICE = 500
"""Items that one transaction takes, or concepts that it settles: some ten milliseconds of the writer."""
SWEPT = 2000
LISTED = 20
"""Faults that are told one by one."""
LOADER = Principal("terminology", EVERYTHING)

Moved = Callable[[str, int, int], None]
"""What is done, how much of it, of how much."""
Publish = Callable[..., Awaitable[Head | None]]
"""(transaction, key=) -> what the load is called by from now on, None when it was given up instead."""


@dataclass(slots=True)
class Report:
    """What became of a load: `head` as it was published, None when it was not.

    `faults` are the first lines of which nothing could be made, as sentences, `faulty` how many there are; `passed` are
    statements about codes that are not in the release.
    """

    head: Head | None = None
    concepts: int = 0
    faults: list[str] = field(default_factory=list)
    faulty: int = 0
    passed: Counter[str] = field(default_factory=Counter)


async def load(services: Services, content: Content, *, lenient: bool = False, moved: Moved | None = None) -> Report:
    """Load a release and return what became of it. Without `lenient` one with faults is not published.

    Raises ReleaseError where a file turns out to be none of its kind; nothing is published then.
    """
    told = moved or (lambda *_: None)
    report = await fill(services.store, content, partial(_publish, services), lenient=lenient, told=told)
    await forget(services.store)
    return report


async def fill(store: Store, content: Content, publish: Publish, *, lenient: bool, told: Moved) -> Report:
    """Put a release into the concept store and have `publish` publish it, in a write that gives it the load's key.

    What takes its place is forgotten by whoever calls `forget`. Raises what reading the release raises.
    """
    report = Report()
    key = await store.write(lambda tx: tx.concepts.begin(content.head))
    try:
        for items in _slices(content.items):
            await store.write(partial(_put, key=key, items=items, report=report))
            told("Reading", 0, content.size)
            await asyncio.sleep(0)
        if report.faulty and not lenient:
            await store.write(lambda tx: tx.concepts.give_up(key))
            return report
        await _settle(store, key, report, told)
        report.head = await store.write(partial(publish, key=key))
    except BaseException:
        await store.write(lambda tx: tx.concepts.give_up(key))
        raise
    return report


async def remove(services: Services, url: str, version: str | None) -> int:
    """Remove a loaded system, of one version or of all; return how many."""

    async def work(tx: Transaction) -> int:
        count = await tx.concepts.remove(url, version)
        if count:
            await tx.audit(_row(services, tx, "remove-terminology", url, version))
        return count

    count = await services.store.write(work)
    await forget(services.store)
    return count


async def forget(store: Store) -> None:
    """Forget the rows of what is no longer published."""
    more = True
    while more:
        more = await store.write(lambda tx: tx.concepts.sweep(SWEPT))
        await asyncio.sleep(0)


def _slices(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Yield items in slices of one kind each."""
    some: list[Item] = []
    for item in items:
        if some and (len(some) >= SLICE or type(item.what) is not type(some[0].what)):
            yield some
            some = []
        some.append(item)
    if some:
        yield some


async def _put(tx: Transaction, key: int, items: Sequence[Item], report: Report) -> None:
    """Put a slice; note what did not fit. The writer runs a work once, so the report may be added to here."""
    whats: list[Any] = [item.what for item in items]
    concepts = tx.concepts
    match whats[0]:
        case NewConcept():
            again = Counter(await concepts.add(key, whats))
            report.concepts += len(whats) - again.total()
            # The first of several with one code is the one that counts.
            for item in reversed(items):
                if again[item.what.code] > 0:  # type: ignore[union-attr]
                    again[item.what.code] -= 1  # type: ignore[union-attr]
                    _fault(report, item, "its code is there already")
        case Naming():
            _pass(report, items, set(await concepts.name(key, whats)))
        case Stated():
            _pass(report, items, set(await concepts.qualify(key, whats)))
        case Edge():
            lost = set(await concepts.relate(key, whats))
            for item in items:
                if item.what in lost:
                    _fault(report, item, "a code of it is not there")
        case Fault():
            for item in items:
                _fault(report, item, item.what.reason)  # type: ignore[union-attr]


def _pass(report: Report, items: Sequence[Item], lost: set[str]) -> None:
    for item in items:
        if item.what.code in lost:  # type: ignore[union-attr]
            _fault(report, item, "its code is not there")


def _fault(report: Report, item: Item, reason: str) -> None:
    if item.loose:
        report.passed[item.file] += 1
        return
    report.faulty += 1
    if len(report.faults) < LISTED:
        report.faults.append(f"{item.file}, line {item.line}: {reason}.")


async def _settle(store: Store, key: int, report: Report, told: Moved) -> None:
    after = 0
    while True:
        after, some = await store.write(partial(_settled, key=key, after=after))
        told("Indexing", after, report.concepts)
        if not some:
            return
        await asyncio.sleep(0)


async def _settled(tx: Transaction, key: int, after: int) -> tuple[int, int]:
    return await tx.concepts.settle(key, after, SLICE)


async def _publish(services: Services, tx: Transaction, *, key: int) -> Head:
    head = await tx.concepts.publish(key)
    await tx.audit(_row(services, tx, "load-terminology", head.url, head.version))
    return head


def _row(services: Services, tx: Transaction, action: str, url: str, version: str | None) -> Any:
    call = Call(services, LOADER, services.new_id())
    return audit.row(call, action, 200, time=tx.time, details={"url": url, "version": version or ""})
