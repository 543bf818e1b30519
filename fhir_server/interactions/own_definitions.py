"""A tenant's stored definitions, kept in step with its catalogue (`profiles.packages.catalogue`).

The resources are what counts. They are read when the store is opened, and whenever some of them were written: the
answer to a write leaves after the catalogue has them. Packages have a record beside what they brought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from fhir_server.model.fhir_json import parse_stored
from fhir_server.store.base import Key, Record, RecordTable, Snapshot, Version
from profiles.packages.catalogue import TYPES, Catalogue, Installed
from profiles.restriction import ALL

TABLE = RecordTable("package", indexed=("name",))
"""Key: `name#version`. Value: name, version, title, guide (canonical), digest, source, time, dependencies,
definitions ([type, id] of what it brought), examples ([type, id, number] of what it put besides), missing,
unresolved."""
PAGE = 100


class OwnDefinitions:
    """Feeds a tenant's catalogue from its store, or from a snapshot of it."""

    def __init__(self, store: Snapshot, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue
        self._learning = asyncio.Lock()

    async def learn(self) -> None:
        """Read all there is."""
        async with self._learning:
            for type in TYPES:
                after: int | None = 0
                while after is not None:
                    page = await self._store.living(type, restriction=ALL, after=after, limit=PAGE)
                    for version in page.versions:
                        self._keep(version)
                    after = page.next
                    await asyncio.sleep(0)
            await self._learn_packages()

    async def follow(self, keys: Iterable[Key]) -> None:
        """Read anew what was written: definitions among `keys`, and which packages there are."""
        wanted = [key for key in dict.fromkeys(keys) if key.type in TYPES]
        async with self._learning:
            for start in range(0, len(wanted), PAGE):
                some = wanted[start : start + PAGE]
                found = await self._store.read_many(some, restriction=ALL)
                for key in some:
                    version = found.get(key)
                    if version is None or version.deleted:
                        self._catalogue.drop(*key)
                    else:
                        self._keep(version)
            await self._learn_packages()

    def _keep(self, version: Version) -> None:
        self._catalogue.keep(version.key.id, parse_stored(version.body), version.body)

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
