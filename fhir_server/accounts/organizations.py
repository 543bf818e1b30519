"""The organizations that a professional works for, which consents may name in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator

from auth.accounts import Account
from fhir_server.interactions.call import Services
from fhir_server.model.fhir_json import parse
from fhir_server.search.parse import criteria
from fhir_server.store.base import Scope, Version
from profiles.restriction import ALL

ROLE = "PractitionerRole"
MOST = 100
"""Roles of one professional that are looked at."""


async def organizations(services: Services, account: Account) -> tuple[str, ...]:
    """Return the organizations of the PractitionerRoles of a professional that are not inactive: `Organization/1`.

    A role whose period is over counts too: what a consent refuses is better refused once too often. So does what the
    professionals themselves have changed since somebody else last wrote the role: nobody leaves a refusal behind by
    their own write.
    """
    if account.role != "doctor":
        return ()
    find = criteria(services.registry, base=services.base, now=services.now())
    where = find(ROLE, (("practitioner", account.actor),))
    named: set[str] = set()
    for role in await services.store.matches(ROLE, where, restriction=ALL, limit=MOST):
        async for version in _versions(services, role):
            body = {} if version.deleted else parse(version.body)
            if body.get("active", True):
                named.add(str(body.get("organization", {}).get("reference", "")))
            if version.author != account.actor:
                break
    return tuple(sorted(each for each in named if each.startswith("Organization/")))


async def _versions(services: Services, role: Version) -> AsyncIterator[Version]:
    """Yield the versions of a role, the newest first."""
    yield role
    after: int | None = None
    position: int | None = None
    while True:
        scope = Scope(role.key.type, role.key.id, after=after, position=position)
        page = await services.store.history(scope, restriction=ALL)
        for version in page.versions:
            if version.number < role.number:
                yield version
        if page.next is None:
            return
        after, position = page.next, page.position
