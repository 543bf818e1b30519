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

from fhir_server.errors import BadRequest, Gone, TooCostly
from fhir_server.interactions.call import Call
from fhir_server.interactions.known import MOST, Definition, Kept
from fhir_server.interactions.loaded import Loaded, Standing, answer, by_url, find, other_version, stands_for
from fhir_server.interactions.paging import unexpired
from fhir_server.model.fhir_json import parse_stored
from fhir_server.search.parse import parse
from fhir_server.search.query import Id, Query, Target
from fhir_server.search.references import local_reference
from fhir_server.search.terminology import Meant, NotExpandable
from fhir_server.store.base import Version
from profiles.packages.catalogue import Catalogue
from profiles.packages.versions import Order, preference
from profiles.restriction import ALL
from profiles.terminology import code_system, errors
from profiles.terminology.expand import demand_few, members
from profiles.terminology.head import Head
from profiles.terminology.hierarchy import above, below, demand_subsuming
from profiles.terminology.indexed import Indexed
from profiles.terminology.members import Members, Ruled
from profiles.terminology.questions import Among, Count, Question, Slice
from profiles.terminology.selection import Above, Below, Rule, Selection, named
from profiles.terminology.sources import find_code_system
from profiles.validation.well_formed import well_formed

T = TypeVar("T")
Json = Mapping[str, Any]

TYPES = ("CodeSystem", "ValueSet")
MAP = "ConceptMap "
"""What stands before the canonical of a concept map, among what is known and missing."""
SAME_URL = 100
"""How many resources of one canonical to look at."""
FEW = 200
"""Up to so many codes of a loaded system are searched one by one, as it is quicker; more are selected by the store."""


class Unanswered(Exception):
    """The answer to a question about loaded concepts is not at hand: it is asked for, and reading begins again."""


@dataclass(slots=True)
class Reading:
    """What one request has read of the store's terminology, what is still `missing`, and all it `asked` for.

    `limit` is how many codes it may find in one value set. `loaded` are the systems of the concept store (None: not
    read yet), `standing` those of them that stand for what the `catalogue` has, `answers` what is known of their
    concepts, `questions` what has to be asked. `since` is when the first page of a walk that goes on was asked for, in
    microseconds since 1970, `used` whether a loaded system was.
    """

    limit: int
    catalogue: Catalogue
    kept: Kept = field(default_factory=lambda: Kept(0, 0))
    missing: dict[str, None] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    loaded: Loaded | None = None
    standing: Standing = field(default_factory=dict)
    since: int | None = None
    used: bool = False
    answers: dict[Question, Any] = field(default_factory=dict)
    questions: dict[Question, None] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Definition | None]:
        """What has been read, by canonical (None: not there)."""
        return self.kept.definitions

    def resolve(self, canonical: str) -> Definition | Indexed | None:
        """Return the ValueSet or CodeSystem with that canonical, as far as it has been read."""
        head = self.head(canonical)
        if head is not None:
            self._use(head)
            return Indexed(head, self.ask)
        if canonical not in self.known:
            self.missing[canonical] = None
        self.asked.add(canonical)
        found = self.known.get(canonical)
        if found is None and canonical not in self.missing and (error := other_version(self.loaded or {}, canonical)):
            raise error
        return found

    def head(self, canonical: str) -> Head | None:
        """Return the system of the concept store that a canonical means, None where it means none."""
        return find(self.loaded or {}, canonical) or stands_for(self.standing, self.catalogue, canonical)

    def index_of(self, source: str, number: int) -> Indexed | None:
        """Return what stands for that version of the resource `source` (`CodeSystem/id`), None where nothing does."""
        head = self.standing.get((source, number))
        return None if head is None else Indexed(head, self.ask)

    def _use(self, head: Head) -> None:
        """Note that a loaded system counts. Raises Gone when it was loaded during the walk that goes on."""
        self.used = True
        if self.since is not None and head.time > self.since:
            raise Gone(f"The code system {head.url} was loaded after the first page. Start again with that.")

    def ask(self, question: Question) -> Any:
        """Return the answer to a question about loaded concepts. Raises Unanswered until it is known."""
        if question in self.answers:
            found = self.answers[question]
        elif question in self.kept.made:
            return self.kept.made[question]
        else:
            self.questions[question] = None
            raise Unanswered
        if isinstance(question, Count) and (not question.selection.words or len(self.kept.made) < MOST // 2):
            # What is loaded does not change, and to count takes longer than to show a page. What people type may not
            # push out what was made of definitions.
            self.kept.make(question, lambda: found)
        return found

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

    def members_of(self, value_set: str) -> Members:
        """Return what is in a value set, by canonical. Raises `errors.NotExpandable`."""
        return self.make(("members", value_set), lambda: self.checked(members(value_set, self.resolve)))

    def checked(self, found: Members) -> Members:
        """Return them. Raises `errors.NotExpandable` when a rule starts from a code that is not there."""
        for url, ruled in found.ruled.items():
            codes = tuple(dict.fromkeys(named(ruled.rule)))
            if codes and self.ask(Among(Selection(ruled.head.key), codes)) != frozenset(codes):
                reason = f"a filter on {url} names a code that the code system does not have"
                raise errors.NotExpandable(url, reason, "correct its value")
        return found

    def members(self, value_set: str) -> Meant:
        """See `search.terminology.Terminology`."""

        def members() -> Meant:
            found = self.members_of(value_set)
            demand_few(value_set, found.listed, self.limit)
            listed = frozenset(found.listed)
            selected = []
            for url, ruled in found.ruled.items():
                self._use(ruled.head)
                few = self._few(url, ruled)
                listed |= frozenset(few or ())
                selected += [(url, ruled.selection)] if few is None else []
            return Meant(listed, selected)

        return _told(members)

    def below(self, system: str, code: str) -> Meant:
        """See `search.terminology.Terminology`."""
        return _told(lambda: self._along(system, code, below))

    def above(self, system: str, code: str) -> Meant:
        """See `search.terminology.Terminology`."""
        return _told(lambda: self._along(system, code, above))

    def _along(self, system: str, code: str, find_all: Callable[..., frozenset[str]]) -> Meant:
        found = find_code_system(system, self.resolve)
        if not isinstance(found, Indexed):
            return Meant([(system, each) for each in find_all(system, code, self.resolve, self.limit)])
        demand_subsuming(found)
        actual = found.actual(code)
        if actual is None:
            url = found.url
            raise errors.NotExpandable(
                url, f"the code system {url} does not have the code asked for", "correct the code"
            )
        rule: Rule = Below(actual) if find_all is below else Above(actual)
        few = self._few(found.url, ruled := Ruled(found.head, rule))
        return Meant(selected=[(found.url, ruled.selection)]) if few is None else Meant(few)

    def _few(self, url: str, ruled: Ruled) -> list[tuple[str, str]] | None:
        """Return the codes that a rule selects, None when they are not few."""
        found = self.ask(Slice(ruled.selection, 0, FEW + 1))
        return None if len(found) > FEW else [(url, each.code) for each in found]


def _told(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except errors.NotExpandable as error:
        raise NotExpandable(str(error)) from error


async def answered(
    call: Call, read: Callable[[Reading], T], *, position: int | None = None, since: int | None = None
) -> tuple[T, int | None]:
    """Return what `read` gives once all terminology it needs has been read, and the commit that it answers as of.

    `position` is where the terminology is read (None: at the newest commit); it comes back as it was when none is
    needed. `since` is when the walk at `position` began, in microseconds since 1970. Raises what `read` raises,
    TooCostly when it needs more than `Limits.definitions` definitions, Gone when a code system was loaded since.
    """
    reading = Reading(call.services.limits.expansion_codes, call.services.catalogue, since=since)
    attached = False
    while True:
        try:
            outcome = read(reading)
        except Unanswered:
            pass
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
        await _ask(call, reading)


async def consulted(call: Call, read: Callable[[Reading], T]) -> T:
    """Return what `read` gives, as `answered` does, for what certainly needs terminology."""
    if call.transaction is None:
        # What is known needs no look at the store: this is the road of nearly every request.
        kept = await call.services.known.kept(call.services.store)
        limit, catalogue = call.services.limits.expansion_codes, call.services.catalogue
        reading = Reading(limit, catalogue, kept, loaded=kept.loaded, standing=kept.standing)
        while not reading.missing:
            try:
                outcome = read(reading)
            except Unanswered:
                await _ask(call, reading)
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
        # What stands for a resource is not asked: the transaction may have written another version of that.
        reading.loaded = by_url(call.reader.concepts.heads())
        return position
    kept = await call.services.known.kept(call.services.store)
    reading.loaded, reading.standing = kept.loaded, kept.standing
    if position is None:
        position = kept.checked
    if kept.since <= position <= kept.checked:
        reading.kept = kept
    return position


async def _ask(call: Call, reading: Reading) -> None:
    """Answer what the reading has asked of loaded concepts. Raises NotExpandable, TooCostly."""
    for question in reading.questions:
        reading.answers[question] = await answer(call.reader.concepts, question)
    reading.questions.clear()


async def _read_missing(call: Call, reading: Reading, position: int | None) -> None:
    """Read what is missing, and what that is made of. Raises TooCostly."""
    limit = call.services.limits.definitions
    while reading.missing:
        canonical = next(iter(reading.missing))
        del reading.missing[canonical]
        if canonical in reading.known or reading.head(canonical) is not None:
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
    # What is not of the form that its type has, as packages may bring it, defines nothing: as in the catalogue.
    found = [(parse_stored(each.body), each) for each in page.versions]
    candidates = [each for each in found if well_formed(each[0])]
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
