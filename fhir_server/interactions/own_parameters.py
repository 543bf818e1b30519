"""A tenant's own search parameters: what it means to write a SearchParameter (http://hl7.org/fhir/R4/searchparameter.html).

The resources are what counts: which parameters there are is read from them when the server starts and whenever one of
them was written. A record beside each, written in the same transaction, says how far its indexing is:

    waiting    its definition is new or has changed; what is stored lacks its entries
    complete   everything is indexed by it
    removed    deleted, retired, or never served

Entries of a removed parameter stay where they are, unasked for, until their resource is written or indexed again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from fhir_server.errors import Refusal, Unprocessable
from fhir_server.interactions.call import Resource
from fhir_server.model.fhir_json import parse
from fhir_server.search.check_parameter import check_parameter, definition_of, is_served
from fhir_server.search.parameters import Addition, Registry, fingerprint, types_of
from fhir_server.store.base import Record, RecordTable, Snapshot, Store, Transaction, Version, WritableRecords
from profiles.issues import Issue
from profiles.restriction import ALL

TYPE = "SearchParameter"
TABLE = RecordTable("parameter", indexed=("code", "url"))
"""Key: the id of the SearchParameter. Value: code, url, base, state, mark (of the definition), again.

`again` says that there have been entries under this code before, so that page walks that began with them must end.
"""
WAITING, COMPLETE, REMOVED = "waiting", "complete", "removed"
PAGE = 100

log = logging.getLogger("fhir_server")


def faults(resource: Resource, registry: Registry) -> Sequence[Issue]:
    """Return what keeps a valid resource from being written because of what it defines; nothing for most of them."""
    return check_parameter(resource, registry) if resource.get("resourceType") == TYPE else ()


async def note(tx: Transaction, version: Version) -> None:
    """Keep what a SearchParameter that was just put means for the index. Raises Unprocessable when it collides."""
    if version.key.type == TYPE:
        await _note(tx.records, version.key.id, None if version.deleted else parse(version.body))


async def _note(records: WritableRecords, id: str, resource: Resource | None) -> None:
    before = await records.get(TABLE.name, id)
    if resource is None or not is_served(resource):
        if before is not None and before.value["state"] != REMOVED:
            await records.put(TABLE.name, id, {**before.value, "state": REMOVED})
        return
    definition = definition_of(resource)
    mark = fingerprint(definition)
    if before is not None and before.value["mark"] == mark and before.value["state"] != REMOVED:
        return
    namesakes = await records.find(TABLE.name, "code", definition.code)
    same_url = await records.find(TABLE.name, "url", definition.url)
    collisions = [*_collisions(id, types_of(definition.base), namesakes), *_taken(id, same_url)]
    if collisions:
        raise Unprocessable.of(collisions)
    value = {"code": definition.code, "url": definition.url, "base": list(definition.base), "state": WAITING}
    await records.put(TABLE.name, id, {**value, "mark": mark, "again": bool(namesakes)})


def _collisions(id: str, types: Iterable[str], namesakes: Iterable[Record]) -> Iterable[Issue]:
    own = set(types)
    for other in namesakes:
        value: dict[str, Any] = dict(other.value)
        shared = own & set(types_of(value["base"]))
        if other.key != id and value["state"] != REMOVED and shared:
            yield Issue(
                "error",
                "duplicate",
                f"SearchParameter/{other.key} defines {value['code']!r} for {min(shared)} already: choose another "
                "code, or retire that one first.",
                "SearchParameter.code",
            )


def _taken(id: str, same_url: Iterable[Record]) -> Iterable[Issue]:
    for other in same_url:
        if other.key != id and other.value["state"] != REMOVED:
            yield Issue(
                "error",
                "duplicate",
                f"SearchParameter/{other.key} has this url already, and one of its versions can be served: retire it "
                "first.",
                "SearchParameter.url",
            )


class OwnParameters:
    """Keeps a tenant's registry in step with its store."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._learning = asyncio.Lock()

    async def learn(self) -> None:
        """Read the SearchParameters there are, and let the registry have those that are served."""
        async with self._learning:
            additions = []
            for version in await all_of(self._store):
                resource = parse(version.body)
                if is_served(resource):
                    record = await self._store.records.get(TABLE.name, version.key.id)
                    if record is None:
                        record = await self._adopt(version, resource)
                    if record is not None and record.value["state"] != REMOVED:
                        additions.append(Addition(definition_of(resource), record.value["state"] == COMPLETE))
            self._registry.change(additions)

    async def _adopt(self, version: Version, resource: Resource) -> Record | None:
        """Note a SearchParameter of before there were records of them; None if it cannot be served."""
        id = version.key.id
        try:
            if found := check_parameter(resource, self._registry):
                raise Unprocessable.of(found)
            await self._store.write(lambda tx: note(tx, version))
        except Refusal as refusal:
            log.warning("a search parameter is not served", extra={"parameter": id, "because": str(refusal)})
        return await self._store.records.get(TABLE.name, id)


async def all_of(reader: Snapshot) -> list[Version]:
    """Return all SearchParameters that are not deleted, whatever their status."""
    found: list[Version] = []
    after: int | None = 0
    while after is not None:
        page = await reader.living(TYPE, restriction=ALL, after=after, limit=PAGE)
        found += page.versions
        after = page.next
    return found
