"""Professionals keep schedules of their own: nobody puts up a Schedule that is somebody else's as well.

Its slots would be found as those of everybody it names, free or busy. Administrators and systems make shared ones.
"""

from __future__ import annotations

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call, Resource
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, Transaction, Version
from profiles.restriction import ALL

TYPE = "Schedule"
ROLE = "PractitionerRole"


async def demand_own_schedule(call: Call, tx: Transaction, before: Version | None, body: bytes) -> None:
    """Raise Forbidden when a professional names another one in the Schedule of `body` whom `before` did not name."""
    account = call.principal.account
    if not call.principal.rights.limited or account is None or call.principal.rights.has("ids"):
        return
    known = _actors({} if before is None or before.deleted else parse(before.body))
    for actor in _actors(parse(body)) - known:
        type, _, rest = actor.partition("/")
        if type == ROLE:
            role = await tx.read(Key(ROLE, rest.partition("/")[0]), restriction=ALL)
            found = {} if role is None or role.deleted else parse(role.body)
            type, _, rest = str(found.get("practitioner", {}).get("reference", "")).partition("/")
        if type == "Practitioner" and rest.partition("/")[0] != account:
            raise Forbidden(
                "A Schedule that you write is your own: name no other professional. Administrators make shared ones.",
                expression=f"{TYPE}.actor",
            )


def _actors(schedule: Resource) -> set[str]:
    return {str(each.get("reference", "")) for each in schedule.get("actor", ())}
