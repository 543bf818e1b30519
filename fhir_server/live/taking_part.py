"""Who takes part in which Appointment, asked with their own rights."""

from __future__ import annotations

from dataclasses import dataclass

from auth.relations import mentioned_roles
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.call import Call, Resource
from fhir_server.live.appointment import Party, party_of
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key

TYPE = "Appointment"


@dataclass(frozen=True, slots=True)
class Consultation:
    """An Appointment that somebody takes part in, and the reference to them."""

    appointment: Resource
    party: Party
    me: str


async def taking_part(call: Call) -> Consultation | None:
    """Return the Appointment that a call names if who calls takes part in it, and may see it. Raises Forbidden.

    The server asks this of itself, to decide something, and leaves no row in the audit trail.
    """
    assert call.id is not None
    demand(call, "read", TYPE)
    version = await call.services.store.read(Key(TYPE, call.id), restriction=within(call, "read", TYPE))
    return None if version is None or version.deleted else await among(call, parse(version.body))


async def among(call: Call, resource: Resource) -> Consultation | None:
    """Return an Appointment if who calls takes part in it."""
    party = party_of(resource, await _roles(call, resource))
    me = call.principal.actor
    return Consultation(resource, party, me) if me in (*party.patients, *party.practitioners) else None


async def _roles(call: Call, resource: Resource) -> dict[str, str]:
    keys = [Key("PractitionerRole", each.partition("/")[2]) for each in mentioned_roles(resource)]
    if not keys:
        return {}
    reach = within(call, "read", "PractitionerRole")
    found: dict[str, str] = {}
    for key, version in (await call.services.store.read_many(keys, restriction=reach)).items():
        behind = "" if version.deleted else parse(version.body).get("practitioner", {}).get("reference", "")
        if behind.startswith("Practitioner/"):
            found[f"{key.type}/{key.id}"] = behind.partition("/")[2]
    return found
