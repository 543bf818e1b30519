"""vread: `GET [base]/[type]/[id]/_history/[vid]` (http://hl7.org/fhir/R4/http.html#vread)."""

from __future__ import annotations

from fhir_server.errors import Gone, NotFound
from fhir_server.interactions import audit, part
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.audit_events.external import is_own
from fhir_server.interactions.audit_events.show import show
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.read import shown
from fhir_server.store.base import Key

DIGITS = 18
"""The longest version id looked up: more digits exceed what a store can number."""


async def vread(call: Call) -> Result:
    """Return that version: 200, or 304 when the caller has it. Raises NotFound, or Gone for a tombstone."""
    assert call.type is not None
    assert call.id is not None
    assert call.version is not None
    if is_own(call.type, call.id) and call.version == "1":
        return await show(call)
    wanted = part.wanted_of_one(call.parameters, call.type)
    demand(call, "read", call.type)
    number = version_number(call.version)
    version = None
    if number is not None:
        reach = within(call, "read", call.type)
        version = await call.reader.vread(Key(call.type, call.id), number, restriction=reach)
    if version is None:
        raise NotFound(
            f"{call.type}/{call.id} has no such version. The versions there are: {call.type}/{call.id}/_history."
        )
    if version.deleted:
        raise Gone(f"Version {number} of {call.type}/{call.id} is its deletion, there is nothing to show.")
    return await audit.seen(call, "vread", await shown(call, version, wanted))


def version_number(text: str) -> int | None:
    """Return the number that a version id of this server is, None for any other id."""
    if text.isascii() and text.isdigit() and len(text) <= DIGITS and not text.startswith("0"):
        return int(text)
    return None
