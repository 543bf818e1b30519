"""Value sets and code systems of the store, for `:in`, `:not-in`, `:above` and `:below`.

Parsing needs their content, and it does not wait; reading the store does. So parsing is given what has been read so
far, and notes what it misses there. That is read, and parsing begins again, until nothing is missing: nobody but the
parser has to know where in a search, down which chain, a value set is named (http://hl7.org/fhir/R4/search.html#token).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fhir_server.errors import BadRequest, TooCostly
from fhir_server.interactions.call import Call
from fhir_server.interactions.paging import unexpired
from fhir_server.model.fhir_json import parse_stored
from fhir_server.search.parse import parse
from fhir_server.search.query import Id, Query, Target
from fhir_server.search.references import local_reference
from fhir_server.search.terminology import NotExpandable
from fhir_server.store.base import Version
from profiles.restriction import ALL
from profiles.terminology import errors
from profiles.terminology.expand import expand
from profiles.terminology.hierarchy import above, below

T = TypeVar("T")
Definition = Mapping[str, Any]

TYPES = ("CodeSystem", "ValueSet")
SAME_URL = 100
"""How many resources of one canonical to look at."""
_RANK = {"active": 2, "draft": 1}


@dataclass(slots=True)
class Reading:
    """What has been read of the store's terminology (None: not there), and what is still `missing`, by canonical."""

    limit: int
    known: dict[str, Definition | None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def resolve(self, canonical: str) -> Definition | None:
        """Return the ValueSet or CodeSystem with that canonical, as far as it has been read."""
        if canonical not in self.known:
            self.missing[canonical] = None
        return self.known.get(canonical)

    def members(self, value_set: str) -> frozenset[tuple[str, str]]:
        """See `search.terminology.Terminology`."""
        return _told(lambda: expand(value_set, self.resolve, self.limit))

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
    while True:
        try:
            outcome = read(reading)
        except BadRequest:
            # What is refused for want of a definition may be answered with it.
            if not reading.missing:
                raise
        else:
            if not reading.missing:
                return outcome, position
        position = await _read_missing(call, reading, position)


async def _read_missing(call: Call, reading: Reading, position: int | None) -> int | None:
    """Read what is missing, and what that is made of. Raises TooCostly."""
    limit = call.services.limits.definitions
    while reading.missing:
        if len(reading.known) >= limit:
            raise TooCostly(
                f"The search needs more than {limit} value sets and code systems: name fewer of them, or such that are "
                "made of fewer others."
            )
        canonical = next(iter(reading.missing))
        del reading.missing[canonical]
        definition, position = await _stored(call, canonical, position)
        reading.known[canonical] = definition
        _expect(reading, definition)
    return position


async def _stored(call: Call, canonical: str, position: int | None) -> tuple[Definition | None, int]:
    """Return the definition that a canonical means, None when it is not in the store, and the commit of the answer.

    It may also be the place of the definition on this server, relative or absolute.
    Everybody's, whatever the caller may read: what a code means is nobody's data. A value set that were hidden from the
    caller would make `:not-in` find what is in it, and mean different things to different callers.
    """
    services = call.services
    url, _, version = canonical.partition("|")
    asked = [("url", _escaped(url)), *([("version", _escaped(version))] if version else [])]
    found = parse(TYPES, asked, services.registry, base=services.base, now=services.now())
    best, position = await _best(call, found.targets, position)
    place = local_reference(url, services.base)
    if best is None and place is not None and place[0] in TYPES:
        best, position = await _best(call, (Target(place[0], Id((place[1],))),), position)
        if best is not None and version not in ("", best.get("version")):
            best = None
    return best, position


async def _best(call: Call, targets: Sequence[Target], position: int | None) -> tuple[Definition | None, int]:
    """Return the definition to prefer among those that match, and the commit of the answer."""
    query = Query(tuple(targets), SAME_URL, position=position)
    page = await unexpired(call.reader.search(query, restriction=ALL))
    candidates = [(parse_stored(each.body), each) for each in page.versions]
    best = max(candidates, key=_preference, default=None)
    return (best[0] if best else None), page.position


def _preference(candidate: tuple[Definition, Version]) -> tuple[int, list[tuple[int, int, str]], int]:
    """Sort what is in force before drafts, these before what is retired, then by business version, then by time."""
    resource, version = candidate
    return _RANK.get(resource.get("status", ""), 0), _natural(resource.get("version", "")), version.time


def _natural(version: str) -> list[tuple[int, int, str]]:
    """Sort 4.10 behind 4.9, and 1.0 behind 1.0-beta."""
    parts = re.findall(r"[0-9]+|[^0-9.]+", version)
    return [(1, int(part), "") if part.isdigit() else (-1, 0, part) for part in parts] + [(0, 0, "")]


def _expect(reading: Reading, definition: Definition | None) -> None:
    """Note what a value set is made of: it will be asked for, and so it is read without parsing in between."""
    for canonical in _parts(definition or {}):
        if canonical not in reading.known:
            reading.missing[canonical] = None


def _parts(definition: Definition) -> Iterator[str]:
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
