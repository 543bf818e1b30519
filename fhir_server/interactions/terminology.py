"""Value sets, code systems and concept maps of the store, for searches and for the operations on them.

Parsing a search needs their content, and it does not wait; reading the store does. So whoever reads is given what is
known so far, and it is noted what is missing there. That is read, and reading begins again, until nothing is missing:
nobody but the parser has to know where in a search, down which chain, a value set is named
(http://hl7.org/fhir/R4/search.html#token). What was read is kept for the next one (`known`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fhir_server.errors import BadRequest, TooCostly
from fhir_server.interactions.call import Call
from fhir_server.interactions.known import Definition, Kept
from fhir_server.interactions.paging import unexpired
from fhir_server.model.fhir_json import parse_stored
from fhir_server.search.parse import parse
from fhir_server.search.query import Id, Query, Target
from fhir_server.search.references import local_reference
from fhir_server.search.terminology import NotExpandable
from fhir_server.store.base import Version
from profiles.packages.versions import Order, preference
from profiles.restriction import ALL
from profiles.terminology import code_system, errors
from profiles.terminology.expand import contents, demand_few
from profiles.terminology.hierarchy import above, below
from profiles.terminology.value_set import Contents

T = TypeVar("T")
Json = Mapping[str, Any]

TYPES = ("CodeSystem", "ValueSet")
MAP = "ConceptMap "
"""What stands before the canonical of a concept map, among what is known and missing."""
SAME_URL = 100
"""How many resources of one canonical to look at."""


@dataclass(slots=True)
class Reading:
    """What one request has read of the store's terminology, what is still `missing`, and all it `asked` for.

    `limit` is how many codes it may find in one value set.
    """

    limit: int
    kept: Kept = field(default_factory=lambda: Kept(0, 0))
    missing: dict[str, None] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    @property
    def known(self) -> dict[str, Definition | None]:
        """What has been read, by canonical (None: not there)."""
        return self.kept.definitions

    def resolve(self, canonical: str) -> Definition | None:
        """Return the ValueSet or CodeSystem with that canonical, as far as it has been read."""
        if canonical not in self.known:
            self.missing[canonical] = None
        self.asked.add(canonical)
        return self.known.get(canonical)

    def concept_map(self, canonical: str) -> Json | None:
        """Return the ConceptMap resource with that canonical, as far as it has been read."""
        found = self.resolve(MAP + canonical)
        return found if isinstance(found, Mapping) else None

    def make(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` makes of definitions; kept under `key` when nothing was missing for it."""
        if key in self.kept.made:
            return self.kept.make(key, make)
        thing = make()
        return thing if self.missing else self.kept.make(key, lambda: thing)

    def contents(self, value_set: str) -> Contents:
        """Return all codes of a value set, by canonical. Raises `errors.NotExpandable`."""
        return self.make(("contents", value_set), lambda: contents(value_set, self.resolve))

    def members(self, value_set: str) -> frozenset[tuple[str, str]]:
        """See `search.terminology.Terminology`."""

        def members() -> frozenset[tuple[str, str]]:
            found = self.contents(value_set)
            demand_few(value_set, found, self.limit)
            return frozenset(found)

        return _told(members)

    def below(self, system: str, code: str) -> frozenset[str]:
        """See `search.terminology.Terminology`."""
        return _told(lambda: below(system, code, self.resolve, self.limit))

    def above(self, system: str, code: str) -> frozenset[str]:
        """See `search.terminology.Terminology`."""
        return _told(lambda: above(system, code, self.resolve, self.limit))


def _told(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except errors.NotExpandable as error:
        raise NotExpandable(str(error)) from error


async def answered(call: Call, read: Callable[[Reading], T], *, position: int | None = None) -> tuple[T, int | None]:
    """Return what `read` gives once all terminology it needs has been read, and the commit that it answers as of.

    `position` is where the terminology is read (None: at the newest commit); it comes back as it was when none is
    needed. Raises what `read` raises, TooCostly when it needs more than `Limits.definitions` definitions.
    """
    reading = Reading(call.services.limits.expansion_codes)
    attached = False
    while True:
        try:
            outcome = read(reading)
        except (BadRequest, errors.NotExpandable):
            # What is refused for want of a definition may be answered with it.
            if not reading.missing:
                raise
        else:
            if not reading.missing:
                return outcome, position
        if not attached:
            position, attached = await _attach(call, reading, position), True
        await _read_missing(call, reading, position)


async def consulted(call: Call, read: Callable[[Reading], T]) -> T:
    """Return what `read` gives, as `answered` does, for what certainly needs terminology."""
    if call.transaction is None:
        # What is known needs no look at the store: this is the road of nearly every request.
        reading = Reading(call.services.limits.expansion_codes, await call.services.known.kept(call.services.store))
        try:
            outcome = read(reading)
        except (BadRequest, errors.NotExpandable):
            if not reading.missing:
                raise
        else:
            if not reading.missing:
                return outcome
    return (await answered(call, read))[0]


async def _attach(call: Call, reading: Reading, position: int | None) -> int | None:
    """Let the reading use what the tenant knows, if that is right for it; return the commit as of which it reads."""
    if call.transaction is not None:
        return position
    kept = await call.services.known.kept(call.services.store)
    if position is None:
        position = kept.checked
    if kept.since <= position <= kept.checked:
        reading.kept = kept
    return position


async def _read_missing(call: Call, reading: Reading, position: int | None) -> None:
    """Read what is missing, and what that is made of. Raises TooCostly."""
    limit = call.services.limits.definitions
    while reading.missing:
        canonical = next(iter(reading.missing))
        del reading.missing[canonical]
        if canonical in reading.known:
            continue
        reading.asked.add(canonical)
        if len(reading.asked) > limit:
            raise TooCostly(
                f"This needs more than {limit} value sets and code systems: name fewer of them, or such that are "
                "made of fewer others."
            )
        definition, position = await _stored(call, canonical, position)
        _expect(reading, definition)
        kept: Definition | None = definition
        if definition is not None and definition.get("resourceType") == "CodeSystem":
            kept = code_system.of_resource(definition)
        reading.kept.weigh(kept)
        reading.known[canonical] = kept


async def _stored(call: Call, canonical: str, position: int | None) -> tuple[Json | None, int]:
    """Return the definition that a canonical means, None when it is not in the store, and the commit of the answer.

    It may also be the place of the definition on this server, relative or absolute.
    Everybody's, whatever the caller may read: what a code means is nobody's data. A value set that were hidden from the
    caller would make `:not-in` find what is in it, and mean different things to different callers.
    """
    services = call.services
    types = ("ConceptMap",) if canonical.startswith(MAP) else TYPES
    url, _, version = canonical.removeprefix(MAP).partition("|")
    asked = [("url", _escaped(url)), *([("version", _escaped(version))] if version else [])]
    found = parse(types, asked, services.registry, base=services.base, now=services.now())
    best, position = await _best(call, found.targets, position)
    place = local_reference(url, services.base)
    if best is None and place is not None and place[0] in types:
        best, position = await _best(call, (Target(place[0], Id((place[1],))),), position)
        if best is not None and version not in ("", best.get("version")):
            best = None
    return best, position


async def _best(call: Call, targets: Sequence[Target], position: int | None) -> tuple[Json | None, int]:
    """Return the definition to prefer among those that match, and the commit of the answer."""
    query = Query(tuple(targets), SAME_URL, position=position)
    page = await unexpired(call.reader.search(query, restriction=ALL))
    candidates = [(parse_stored(each.body), each) for each in page.versions]
    best = max(candidates, key=_preference, default=None)
    return (best[0] if best else None), page.position


def _preference(candidate: tuple[Json, Version]) -> tuple[tuple[int, Order], int]:
    """Sort what is in force before drafts, these before what is retired, then by business version, then by time."""
    resource, version = candidate
    return preference(resource.get("status", ""), resource.get("version", "")), version.time


def _expect(reading: Reading, definition: Json | None) -> None:
    """Note what a value set is made of: it will be asked for, and so it is read without parsing in between."""
    for canonical in _parts(definition or {}):
        if canonical not in reading.known:
            reading.missing[canonical] = None


def _parts(definition: Json) -> Iterator[str]:
    if definition.get("resourceType") != "ValueSet" or definition.get("expansion"):
        return
    compose = definition.get("compose") or {}
    for part in (*_list(compose.get("include")), *_list(compose.get("exclude"))):
        yield from part.get("valueSet") or ()
        system, version = part.get("system"), part.get("version")
        if system and not part.get("concept"):
            yield f"{system}|{version}" if version else system


def _list(value: Any) -> Iterable[Mapping[str, Any]]:
    return value if isinstance(value, list) else ()


def _escaped(value: str) -> str:
    """Return `value` as the search language writes it, so that nothing in it separates."""
    return re.sub(r"([\\,|$])", r"\\\1", value)
