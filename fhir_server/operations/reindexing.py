"""Indexing what is stored anew, slice by slice, so that others get their turn and a kill at any moment costs nothing.

A job is a record: what it is to do, and how far it is. Each slice is read and extracted outside of the write, then put
in one write together with how far the job is by then. What a job covers is bounded when it begins: whatever is
committed later was indexed by the same parameters when it was written (`commit.put` sees to that).

    accepted -> in-progress -> completed | failed
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.errors import Refusal, Unprocessable
from fhir_server.interactions.binary import subjects_of
from fhir_server.interactions.call import Services
from fhir_server.interactions.own_parameters import COMPLETE, WAITING
from fhir_server.interactions.own_parameters import TABLE as PARAMETERS
from fhir_server.model.fhir_json import parse
from fhir_server.search.parameters import fingerprint, types_of
from fhir_server.search.subjects import subjects
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Record, RecordTable, Snapshot, Transaction
from profiles import definitions
from profiles.restriction import ALL

KIND = "reindex"
TABLE = RecordTable("job", indexed=("kind", "status"))
"""Key: the id of the job. Value: kind, status, times in microseconds, and what its kind needs.

Of a reindex: `types` ([type, resources, done], in order), `at` (which of them), `after` (the last row done of it),
`until` (the commit position that bounds it), `format` (of the index, that it writes), `whole` (whether the index was of
an older one), `parameters` ({id: mark} of the search parameters that are complete with it), `error`.
"""
ACCEPTED, RUNNING, COMPLETED, FAILED = "accepted", "in-progress", "completed", "failed"
OPEN, CLOSED = (RUNNING, ACCEPTED), (COMPLETED, FAILED)
SLICE = 100
"""Resources in one write."""
TURN = 10
"""Resources after which others get a turn."""
KEPT = 30 * 24 * 3600 * 1_000_000
"""Microseconds for which a finished job can be asked about."""


async def request(services: Services, types: Sequence[str] = ()) -> Record:
    """Return a new job, accepted and durable, that indexes the resources of `types` anew, or all of them.

    As long as the index is of an older format it is always all of them.
    """
    value = {"kind": KIND, "created": services.now()} | _asked(services, types)
    id = services.new_id()
    return await services.store.write(lambda tx: tx.records.put(TABLE.name, id, value, expect=0))


def _asked(services: Services, types: Sequence[str]) -> dict[str, Any]:
    """Return what a job that has not begun says of its work."""
    whole = not services.store.indexed
    chosen = definitions.resource_types() if whole or not types else sorted(set(types))
    return {
        "status": ACCEPTED,
        "types": [[type, 0, 0] for type in chosen],
        "at": 0,
        "after": 0,
        "format": services.store.index_format,
        "whole": whole,
        "parameters": {},
    }


async def due(services: Services) -> None:
    """Request what has to be done without being asked: an index of an older format, parameters that wait."""
    jobs = await unfinished(services.store)
    if not services.store.indexed:
        if not any(job.value["whole"] for job in jobs):
            await request(services)
        return
    carried = {(id, mark) for job in jobs for id, mark in job.value["parameters"].items()}
    waiting = [each for each in await _waiting(services) if (each.key, each.value["mark"]) not in carried]
    ahead = {type for job in jobs if job.value["status"] == ACCEPTED for type, *_ in job.value["types"]}
    needed = {type for record in waiting for type in types_of(record.value["base"])}
    if not needed <= ahead:
        await request(services, sorted(needed))


async def unfinished(reader: Snapshot) -> list[Record]:
    """Return the jobs that are not finished: the one under way first, then those that wait, oldest first."""
    found = [record for status in OPEN for record in await reader.records.find(TABLE.name, "status", status)]
    return [record for record in found if record.value["kind"] == KIND]


async def finished(reader: Snapshot) -> list[Record]:
    """Return the jobs that have ended, the newest first."""
    found = [record for status in CLOSED for record in await reader.records.find(TABLE.name, "status", status)]
    return sorted(
        (record for record in found if record.value["kind"] == KIND), key=lambda record: -int(record.value["finished"])
    )


async def advance(services: Services, job: Record) -> Record:
    """Do the next piece of a job and return its record, `completed` or `failed` at the end.

    Raises StoreUnavailable and StoreFull, after which the same piece can be tried again.
    """
    value = dict(job.value)
    older = not services.store.indexed and not value["whole"]
    if older or value["format"] != services.store.index_format:
        # It began under a server that wrote another format: what it has done is not what is wanted any more.
        return await _save(services, job, value | _asked(services, [type for type, *_ in value["types"]]))
    if value["status"] == ACCEPTED:
        return await _begin(services, job)
    if value["at"] == len(value["types"]):
        return await _complete(services, job)
    try:
        return await _slice(services, job)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return await _save(services, job, _ended(services, value, FAILED) | {"error": str(refusal)})


async def _begin(services: Services, job: Record) -> Record:
    """Bound the job. The first write lets everything pass that was prepared before the registry was as it is now."""
    job = await _save(services, job, {**job.value, "started": services.now()})
    until = await services.store.position()
    counts = await services.store.counts()
    known = {fingerprint(each.definition) for each in services.registry.additions}
    covered = {type for type, *_ in job.value["types"]}
    parameters = {
        record.key: record.value["mark"]
        for record in await _waiting(services)
        if record.value["mark"] in known and covered.issuperset(types_of(record.value["base"]))
    }
    types = [[type, counts[type], 0] for type, *_ in job.value["types"] if counts.get(type)]
    begun = {"status": RUNNING, "until": until, "types": types, "parameters": parameters}
    return await _save(services, job, {**job.value, **begun})


async def _slice(services: Services, job: Record) -> Record:
    """Index the next resources of the type that it is the turn of."""
    value = dict(job.value)
    type, total, done = value["types"][value["at"]]
    page = await services.store.living(type, restriction=ALL, after=value["after"], limit=SLICE)
    versions = [version for version in page.versions if version.position <= value["until"]]
    mark = services.registry.mark
    made: list[tuple[Key, int, IndexEntries, list[Key]]] = []
    # Whom a Binary is about, its context says, which is another resource.
    bodies = [version.body for version in versions] if type == "Binary" else None
    for index, version in enumerate(versions):
        try:
            resource = parse(version.body)
            entries = services.extractor.entries(resource, base=services.base)
        except Refusal as refusal:
            raise Unprocessable(f"{type}/{version.key.id}: {refusal}") from None
        made.append((version.key, version.number, entries, [Key(*each) for each in subjects(resource, entries)]))
        if index % TURN == TURN - 1:
            await asyncio.sleep(0)
    ended = page.next is None or len(versions) < len(page.versions)
    # What was deleted meanwhile is not there to be counted.
    done = total if ended else min(done + len(versions), total)
    value["types"] = [list(each) for each in value["types"]]
    value["types"][value["at"]] = [type, total, done]
    value |= {"at": value["at"] + 1, "after": 0} if ended else {"after": page.next}

    async def work(tx: Transaction) -> Record:
        if services.registry.mark != mark:
            # Extracted by parameters that are no more: the same slice once again.
            return job
        for index, (key, number, entries, about) in enumerate(made):
            if bodies is not None:
                # What it is about by what names it, the store knows already.
                about = await subjects_of(tx, bodies[index]) or await tx.subjects(key, number, restriction=ALL)
            await tx.reindex(key, number, entries, about)
            if index % TURN == TURN - 1:
                await asyncio.sleep(0)
        return await tx.records.put(TABLE.name, job.key, value, expect=job.revision)

    return await services.store.write(work)


async def _complete(services: Services, job: Record) -> Record:
    value = _ended(services, dict(job.value), COMPLETED)

    async def work(tx: Transaction) -> Record:
        expires = value["whole"]
        for id, mark in value["parameters"].items():
            record = await tx.records.get(PARAMETERS.name, id)
            if record is not None and record.value["state"] == WAITING and record.value["mark"] == mark:
                expires = expires or record.value["again"]
                await tx.records.put(PARAMETERS.name, id, {**record.value, "state": COMPLETE})
        if expires:
            await tx.settle_index()
        until = value["finished"] + KEPT
        return await tx.records.put(TABLE.name, job.key, value, expect=job.revision, expires=until)

    done = await services.store.write(work)
    await services.learned()
    return done


def _ended(services: Services, value: Mapping[str, Any], status: str) -> dict[str, Any]:
    return {**value, "status": status, "finished": services.now()}


async def _save(services: Services, job: Record, value: Mapping[str, Any]) -> Record:
    expires = value["finished"] + KEPT if "finished" in value else None
    return await services.store.write(
        lambda tx: tx.records.put(TABLE.name, job.key, value, expect=job.revision, expires=expires)
    )


async def _waiting(services: Services) -> list[Record]:
    """Return the records of the search parameters that are not complete."""
    found: list[Record] = []
    page = await services.store.records.scan(PARAMETERS.name)
    while page:
        found += [record for record in page if record.value["state"] == WAITING]
        page = await services.store.records.scan(PARAMETERS.name, page[-1].key)
    return found


def figures(job: Record) -> tuple[int, int]:
    """Return how many resources a job is through with, and how many there are."""
    types = job.value["types"]
    return sum(done for _, _, done in types), sum(total for _, total, _ in types)
