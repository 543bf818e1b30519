"""What an owner may see at this moment: the version of an event, by their rights, relations and consents of now.

The store is asked first. It cannot judge an old version by criteria, because only current ones are indexed; then the
version is judged here, by the same `search.match` that defines what the store does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from fhir_server.interactions.access import within
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.interactions.subscribing.criteria import Alone, candidate
from fhir_server.interactions.subscribing.tables import Kept, Owner
from fhir_server.interactions.telling.owners import OwnerGone, Standing, Whose
from fhir_server.model.fhir_json import parse
from fhir_server.search.match import Candidate, allows
from fhir_server.search.match_rule import Kept as Rule
from fhir_server.search.parse import criteria
from fhir_server.store.base import Key, Version
from profiles import restriction as limits
from profiles.restriction import ALL, Restriction, all_of

REQUEST = "subscriptions"
"""What stands for the id of a request, where the server does something by itself."""


class Viewer:
    """Looks at versions as owners; who they are is found once, so a viewer is made for one moment.

    With `hearer`, as owners and as who hears what is told on their behalf: what both of them may see.
    """

    def __init__(self, services: Services, whose: Whose, hearer: Principal | None = None) -> None:
        self._services = services
        self._whose = whose
        self._hearer = hearer
        self._known: dict[Owner, Standing | OwnerGone] = {}

    async def standing(self, owner: Owner) -> Standing:
        """Return who an owner is now. Raises OwnerGone."""
        found = self._known.get(owner)
        if found is None:
            try:
                found = await self._whose(owner)
            except OwnerGone as gone:
                found = gone
            self._known[owner] = found
        if isinstance(found, OwnerGone):
            raise found
        return found

    async def call(self, owner: Owner, type: str) -> Call:
        """Return a call that the owner makes. Raises OwnerGone, also where the type is out of their scope."""
        principal = (await self.standing(owner)).principal
        if not all(each.rights.may("read", type) for each in (principal, self._hearer) if each is not None):
            raise OwnerGone(f"The access of the owner does not reach {type} any more.")
        return Call(self._services, principal, REQUEST, type)

    async def _reach(self, owner: Owner, type: str) -> Restriction:
        """Return what may be seen of a type. Raises OwnerGone."""
        call = await self.call(owner, type)
        seen = within(call, "read", type)
        if self._hearer is None:
            return seen
        return all_of(seen, within(replace(call, principal=self._hearer), "read", type))

    async def version(self, owner: Owner, event: Kept) -> Version | None:
        """Return the version of an event, None when the owner may not see it now. Raises OwnerGone."""
        restriction = await self._reach(owner, event.key.type)
        store = self._services.store
        found = await store.vread(event.key, event.version, restriction=restriction)
        if found is not None or not _asks_criteria(restriction):
            return found
        current = await store.read(event.key, restriction=restriction)
        if current is None or current.number == event.version:
            return None
        return await self._judged(event, restriction)

    async def current(self, owner: Owner, key: Key) -> Version | None:
        """Return the current version of another resource, None when the owner may not see it or it is deleted."""
        try:
            restriction = await self._reach(owner, key.type)
        except OwnerGone:
            return None
        found = await self._services.store.read(key, restriction=restriction)
        return None if found is None or found.deleted else found

    async def _judged(self, event: Kept, restriction: Restriction) -> Version | None:
        services = self._services
        version = await services.store.vread(event.key, event.version, restriction=ALL)
        if version is None or version.deleted:
            return None
        seen = candidate(services, version, parse(version.body))
        read = criteria(services.registry, base=services.base, now=services.now())
        world = _Rules({asked: await self._kept(*asked) for asked in _asked(restriction, seen)})
        return version if allows(restriction, seen, read, world) else None

    async def _kept(self, table: str, field: str, value: str) -> list[Rule]:
        records = await self._services.store.records.find(table, field, value)
        return [(record.value, record.expires) for record in records]


Question = tuple[str, str, str]


class _Rules(Alone):
    """A world in which there are care relations and what consents refuse, and no other resource."""

    def __init__(self, kept: Mapping[Question, list[Rule]]) -> None:
        self._of = kept

    def kept(self, table: str, field: str, value: str) -> Iterable[Rule]:
        """See `World.kept`."""
        return self._of[table, field, value]


def _asked(restriction: Restriction, version: Candidate) -> Iterator[Question]:
    """Yield which records a restriction looks at for a version."""
    match restriction:
        case limits.AnyOf(items) | limits.AllOf(items):
            for each in items:
                yield from _asked(each, version)
        case limits.Not(item):
            yield from _asked(item, version)
        case limits.Related(practitioner):
            yield from ((limits.RELATIONS, "pair", f"{practitioner}/{each}") for each in version.subjects)
        case limits.Consented():
            yield from ((limits.RULES, "patient", each) for each in version.subjects)


def _asks_criteria(restriction: Restriction) -> bool:
    match restriction:
        case limits.AnyOf(items) | limits.AllOf(items):
            return any(map(_asks_criteria, items))
        case limits.Not(item):
            return _asks_criteria(item)
    return isinstance(restriction, limits.Matches)
