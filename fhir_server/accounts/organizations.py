"""The organizations that a professional works for, which consents may name in their place."""

from __future__ import annotations

from auth.accounts import Account
from fhir_server.interactions.call import Services
from fhir_server.model.fhir_json import parse
from fhir_server.search.parse import criteria
from profiles.restriction import ALL

MOST = 100
"""Roles of one professional that are looked at."""


async def organizations(services: Services, account: Account) -> tuple[str, ...]:
    """Return the organizations of the PractitionerRoles of a professional that are not inactive: `Organization/1`.

    A role whose period is over counts too: what a consent refuses is better refused once too often.
    """
    if account.role != "doctor":
        return ()
    find = criteria(services.registry, base=services.base, now=services.now())
    where = find("PractitionerRole", (("practitioner", account.actor),))
    roles = [
        parse(each.body)
        for each in await services.store.matches("PractitionerRole", where, restriction=ALL, limit=MOST)
    ]
    working = (each for each in roles if each.get("active", True))
    named = {str(each.get("organization", {}).get("reference", "")) for each in working}
    return tuple(sorted(each for each in named if each.startswith("Organization/")))
