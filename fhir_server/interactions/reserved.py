"""Definitions that are part of this server: everybody may read them, and only a newer server changes them."""

from __future__ import annotations

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Services
from fhir_server.interactions.own_definitions import TABLE
from fhir_server.store.base import Key, Snapshot
from profiles.packages.telemed import NAME


async def reserved(reader: Snapshot) -> frozenset[Key]:
    """Return the definitions that the installed edition of this software's own package has brought."""
    records = await reader.records.find(TABLE.name, "name", NAME)
    return frozenset(Key(*each) for record in records for each in record.value["definitions"])


def demand_free(services: Services, key: Key) -> None:
    """Raise Forbidden when `key` is a definition of the server."""
    if key in services.reserved:
        raise Forbidden(
            f"{key.type}/{key.id} is part of this server: it can be read, not changed. Write a definition of your own "
            "under another id and another url."
        )
