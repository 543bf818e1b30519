"""Lines made ready to be written, apart from the process that writes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from auth.rights import EVERYTHING
from fhir_server.errors import Refusal
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.interactions.preparing import Portable, Preparing, portable
from fhir_server.moving.arriving import Arrival, Arriving
from fhir_server.moving.dump import Line
from fhir_server.moving.others import appointment, consent, notification
from fhir_server.moving.records import medical_record
from fhir_server.moving.users import user
from fhir_server.preparers.pipe import Setup
from fhir_server.views.former import moved
from mappings.errors import Unfit
from mappings.views.former import former_text

READERS: Mapping[str, Callable[[Arriving, str, Mapping[str, Any]], Awaitable[Arrival]]] = {
    "user": user,
    "consent": consent,
    "appointment": appointment,
    "medical_record": medical_record,
    "notification": notification,
}
MOST_BYTES = 8 * 1024 * 1024
"""Bytes of attachments in one block that are sent from process to process."""


class Begun(NamedTuple):
    """What a worker has to know: the server, the folder of the dump, and the address of the notice of consents."""

    setup: Setup
    folder: Path
    notice: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A line that is ready: its id, what it becomes without the entries, and those as the writing takes them."""

    former: str
    arrival: Arrival
    made: Portable


async def prepare(arriving: Arriving, kind: str, lines: Sequence[Line]) -> list[Prepared | None]:
    """Return what each line becomes; None for lines that are in, wrong, or too large to be sent about.

    Whoever writes finds out what is to be said of those.
    """
    found: list[Prepared | None] = []
    sent = 0
    for line in lines:
        each = await _one(arriving, kind, line) if sent < MOST_BYTES else None
        sent += each.arrival.weight if each else 0
        found.append(each)
        await asyncio.sleep(0)
    return found


async def _one(arriving: Arriving, kind: str, line: Line) -> Prepared | None:
    services = arriving.services
    try:
        value = line.value()
        former = former_text(value.get("id"))
        if former is None or await moved(services.store.records, kind, former):
            return None
        arrival = await READERS[kind](arriving, former, value)
        preparing = await Preparing.read(call_of(services, arrival, ""))
        made = portable(await preparing.steps(), preparing)
    except (Unfit, Refusal, OSError):
        return None
    return None if made is None else Prepared(former, replace(arrival, entries=()), made)


def call_of(services: Services, arrival: Arrival, request: str) -> Call:
    """Return the call of the transaction that a line becomes, signed by its actor."""
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(arrival.entries)}
    return Call(services, Principal(arrival.actor, EVERYTHING), request, resource=bundle)
