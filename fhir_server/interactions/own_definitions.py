"""A tenant's stored definitions, kept in step with its catalogue (`profiles.packages.catalogue`).

The resources are what counts. They are read when the store is opened, and whenever some of them were written: the
answer to a write leaves after the catalogue has them. Of a large code system that is the head alone: its concepts are
indexed in the concept store before, and taken out of it when the resource has changed or is gone. Packages have a
record beside what they brought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from fhir_server.model.fhir_json import encode, parse_stored
from fhir_server.store.base import Key, Record, RecordTable, Snapshot, Version
from profiles.packages.catalogue import TYPES, Catalogue, Installed
from profiles.restriction import ALL

TABLE = RecordTable("package", indexed=("name",))
"""Key: `name#version`. Value: name, version, title, guide (canonical), digest, source, time, dependencies,
definitions ([type, id] of what it brought), examples ([type, id, number] of what it put besides), missing,
unresolved."""
PAGE = 100
SYSTEM = "CodeSystem"
Json = Mapping[str, Any]


class Indexing(Protocol):
    """Where large code systems are kept instead of the catalogue (`terminologies.resource_index`)."""

    async def index(self, version: Version) -> Json | None:
        """Return a CodeSystem without its concepts, indexed by now; None where it is to be kept as it is."""
        ...

    async def keep_only(self, standing: Callable[[str, int], bool], sources: Iterable[str] | None = None) -> None:
        """Take out what indexes resources (those of `sources`, or all) that are not `standing` in that version."""
        ...


class OwnDefinitions:
    """Feeds a tenant's catalogue from its store, or from a snapshot of it.

    With `indexing`, a large code system is indexed before the catalogue knows of it, and the catalogue has its head.
    """

    def __init__(self, store: Snapshot, catalogue: Catalogue, indexing: Indexing | None = None) -> None:
        self._store = store
        self._catalogue = catalogue
        self._indexing = indexing
        self._learning = asyncio.Lock()

    async def learn(self) -> None:
        """Read all there is."""
        async with self._learning:
            for type in TYPES:
                after: int | None = 0
                while after is not None:
                    page = await self._store.living(type, restriction=ALL, after=after, limit=PAGE)
                    for version in page.versions:
                        self._keep(version, await self._indexed(version))
                    after = page.next
                    await asyncio.sleep(0)
            await self._learn_packages()
        if self._indexing is not None:
            await self._indexing.keep_only(self._stands)

    async def follow(self, keys: Iterable[Key]) -> None:
        """Read anew what was written: definitions among `keys`, and which packages there are."""
        wanted = [key for key in dict.fromkeys(keys) if key.type in TYPES]
        heads = await self._index(wanted)
        async with self._learning:
            for start in range(0, len(wanted), PAGE):
                some = wanted[start : start + PAGE]
                found = await self._store.read_many(some, restriction=ALL)
                for key in some:
                    version = found.get(key)
                    number, head = heads.get(key, (0, None))
                    if version is None or version.deleted:
                        self._catalogue.drop(*key)
                    elif head is None or number == version.number:
                        self._keep(version, head)
                    # Else it was written again meanwhile, and whoever did that follows it.
            await self._learn_packages()
        systems = ["/".join(key) for key in wanted if key.type == SYSTEM]
        if self._indexing is not None and systems:
            await self._indexing.keep_only(self._stands, systems)

    async def _index(self, keys: Iterable[Key]) -> dict[Key, tuple[int, Json | None]]:
        """Index the large code systems among `keys`: before the lock is taken, for others need not wait for it."""
        found: dict[Key, tuple[int, Json | None]] = {}
        for key in keys if self._indexing is not None else ():
            version = await self._store.read(key, restriction=ALL) if key.type == SYSTEM else None
            if version is not None and not version.deleted:
                found[key] = version.number, await self._indexed(version)
        return found

    async def _indexed(self, version: Version) -> Json | None:
        return None if self._indexing is None or version.key.type != SYSTEM else await self._indexing.index(version)

    def _keep(self, version: Version, head: Json | None) -> None:
        body = version.body if head is None else encode(head)
        resource = parse_stored(body) if head is None else head
        self._catalogue.keep(version.key.id, resource, body, version.number)

    def _stands(self, source: str, number: int) -> bool:
        entry = self._catalogue.entry(*source.split("/", 1))
        return entry is not None and entry.number == number

    async def _learn_packages(self) -> None:
        self._catalogue.packages = tuple(
            Installed(record.value["name"], record.value["version"], record.value["guide"])
            for record in await installed(self._store)
        )


async def installed(reader: Snapshot) -> list[Record]:
    """Return the records of the packages there are, by name and version."""
    found: list[Record] = []
    page = await reader.records.scan(TABLE.name)
    while page:
        found += page
        page = await reader.records.scan(TABLE.name, page[-1].key)
    return found
