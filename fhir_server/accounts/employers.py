"""The organizations that a professional works for, which consents may name in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from auth.accounts import Account
from auth.policy import NOBODY, Employers
from auth.relations import overlap, reference_of
from fhir_server.interactions.call import Services
from fhir_server.model.fhir_json import parse
from fhir_server.search.parse import criteria
from fhir_server.store.base import Scope, Version
from profiles.restriction import ALL

ROLE = "PractitionerRole"
MANY = 100
"""Roles of one professional that are asked for at first."""


async def employers(services: Services, account: Account) -> Employers:
    """Return the organizations of the PractitionerRoles of a professional: `Organization/1`.

    Every role names one that is not inactive. A role whose period is over counts too: what a consent refuses is better
    refused once too often. So does what the professionals themselves have changed since somebody else last wrote the
    role: nobody leaves a refusal behind by their own write.

    Nor does anybody enter an exception by it. Somebody else vouches for an organization that their last version of an
    active role in its period names, as long as the professional has not taken it back.
    """
    if account.role != "doctor":
        return NOBODY
    named, vouched = set[str](), set[str]()
    for role in await _roles(services, account):
        versions = [each async for each in _since_another(services, role, account.actor)]
        named.update(each for each in map(_named, versions) if each)
        if versions[-1].author != account.actor:
            now = services.now()
            vouched.update({_held(versions[0], now)} & {_held(versions[-1], now)} - {""})
    return Employers(_organizations(named), _organizations(vouched))


async def _roles(services: Services, account: Account) -> Sequence[Version]:
    """Return all roles of a professional, however many they have made themselves to hide one among them."""
    find = criteria(services.registry, base=services.base, now=services.now())
    where = find(ROLE, (("practitioner", account.actor),))
    limit = MANY
    while len(found := await services.store.matches(ROLE, where, restriction=ALL, limit=limit)) == limit:
        limit *= 10
    return found


async def _since_another(services: Services, role: Version, owner: str) -> AsyncIterator[Version]:
    """Yield the versions of a role, the newest first, up to the last one that its owner has not written."""
    yield role
    if role.author == owner and role.number > 1:
        async for version in _before(services, role):
            yield version
            if version.author != owner:
                return


async def _before(services: Services, role: Version) -> AsyncIterator[Version]:
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


def _named(version: Version) -> str:
    """Return the organization of a role that is not inactive."""
    role = _role(version)
    return reference_of(role.get("organization")) if role.get("active", True) else ""


def _held(version: Version, now: int) -> str:
    """Return the organization of a role that is active and within its period."""
    since, until = overlap(_role(version).get("period"))
    return _named(version) if (since or 0) <= now and (until is None or now < until) else ""


def _role(version: Version) -> Mapping[str, Any]:
    return {} if version.deleted else parse(version.body)


def _organizations(found: set[str]) -> tuple[str, ...]:
    return tuple(sorted(each for each in found if each.startswith("Organization/")))
