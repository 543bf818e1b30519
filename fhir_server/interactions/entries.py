"""The entries of a batch or transaction Bundle: read all together, and taken in FHIR's order with pauses for others."""

from __future__ import annotations

import asyncio
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Call
from fhir_server.interactions.entry import Entry
from fhir_server.model.summary import known_elements

SLICE = 50
"""How many entries are handled before others get a turn."""
_ORDER = {"delete": 0, "create": 1, "update": 2, "patch": 2}
_READS = 3


def raw_entries(call: Call) -> list[Any]:
    """Return `Bundle.entry` as it came. Raises BadRequest when it is no array, and for what no Bundle has."""
    resource = call.resource or {}
    known = known_elements("Bundle") | {"resourceType"}
    for name in resource:
        if name.removeprefix("_") not in known:
            raise BadRequest(
                "The Bundle has an element that R4 does not have. Its elements are written as in 'entry', 'type'.",
                expression="Bundle",
                code="structure",
            )
    raw = resource.get("entry", [])
    if not isinstance(raw, list):
        raise BadRequest("Bundle.entry must be an array.", expression="Bundle.entry", code="structure")
    return raw


def ordered(entries: list[Entry]) -> list[Entry]:
    """Return the entries in the order of http://hl7.org/fhir/R4/http.html#trules."""
    return sorted(entries, key=rank)


def rank(entry: Entry) -> int:
    """Return when an entry is done: deletes, creates, updates and patches, then what reads, a search by POST too."""
    return _ORDER.get(entry.interaction, _READS)


async def breathe(index: int) -> None:
    """Let others have a turn once in a while."""
    if index % SLICE == SLICE - 1:
        await asyncio.sleep(0)
