"""Every code of a value set (http://hl7.org/fhir/R4/valueset.html#expansion), or a refusal that says what is missing.

Codes listed one by one, whole code systems, filters over them, imported value sets and exclusions, from R4's own
definitions and from those the asker has stored. Never a part of the codes in place of all. Of a code system that is
loaded into the concept store nothing is listed here: its part of a value set is a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from profiles.terminology import value_set as definitions
from profiles.terminology.canonical import unversioned
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.errors import NotExpandable
from profiles.terminology.filters import keep
from profiles.terminology.indexed import Indexed
from profiles.terminology.members import Members, Ruled, active, difference, intersection, union
from profiles.terminology.rules import rule_of
from profiles.terminology.selection import both
from profiles.terminology.sources import Resolve, System, find_code_system, find_value_set
from profiles.terminology.value_set import Coded, Contents, Include, ValueSet

LIMIT = 5_000
"""The most codes an expansion may have, unless said otherwise."""

_DEEPEST = 32


def expand(value_set: str | Mapping[str, Any], resolve: Resolve, limit: int | None = LIMIT) -> Coded:
    """Return every (system, code) of a value set: its canonical, with or without `|version`, or the resource itself.

    `resolve` gives the ValueSet or CodeSystem resource of a canonical, None where it has none; what it gives goes
    before R4's own definitions. `limit` is the number of codes accepted, None for any. Raises NotExpandable.
    """
    found = contents(value_set, resolve)
    demand_few(value_set, found, limit)
    return frozenset(found)


def contents(value_set: str | Mapping[str, Any], resolve: Resolve) -> Contents:
    """Return the same in the order of the definition, with what the value set says of its codes, however many."""
    found = members(value_set, resolve)
    if found.ruled:
        name, url = name_of(value_set), next(iter(found.ruled))
        reason = f"the value set {name} is a rule over the loaded code system {url}, whose codes are not listed"
        raise NotExpandable(name, reason, "ask for fewer codes", "too-costly")
    return found.listed


def members(value_set: str | Mapping[str, Any], resolve: Resolve) -> Members:
    """Return what is in a value set, of loaded code systems as rules. Raises NotExpandable."""
    name = name_of(value_set)
    work = _Expansion(resolve)
    try:
        return work.of_url(name) if isinstance(value_set, str) else work.of_resource(value_set, name)
    except NotExpandable as error:
        if error.url == unversioned(name) or error.url == name:
            raise
        reason = f"the value set {name} cannot be expanded, because {error.reason}"
        code = "processing" if error.code == "not-found" else error.code
        raise NotExpandable(name, reason, error.way_out, code) from error


def name_of(value_set: str | Mapping[str, Any]) -> str:
    """Return what to call a value set in a message."""
    return value_set if isinstance(value_set, str) else str(value_set.get("url", "without url"))


def demand_few(value_set: str | Mapping[str, Any], found: Contents, limit: int | None) -> None:
    """Raise NotExpandable when a value set has more than `limit` codes."""
    if limit is not None and len(found) > limit:
        name = name_of(value_set)
        reason = f"the value set {name} has {len(found):,} codes, more than {limit:,}"
        raise NotExpandable(name, reason, "ask for a smaller value set", "too-costly")


class _Expansion:
    """One expansion under way: what is done once is not done again, and what waits for itself is a cycle."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._done: dict[str, Members] = {}
        self._systems: dict[str, System] = {}
        self._path: list[str] = []

    def of_url(self, url: str) -> Members:
        """Return the codes of the value set with that canonical."""
        if url not in self._done:
            self._done[url] = self._of_definition(find_value_set(url, self._resolve))
        return self._done[url]

    def of_resource(self, resource: Mapping[str, Any], name: str) -> Members:
        """Return the codes of a ValueSet resource."""
        return self._of_definition(definitions.of_resource(resource, name))

    def _of_definition(self, definition: ValueSet) -> Members:
        if definition.listed is not None:
            return Members(definition.listed)
        self._enter(definition.url)
        found = self._union(definition, definition.includes)
        if definition.excludes:
            found = difference(found, self._union(definition, definition.excludes))
        self._path.pop()
        return self._active(definition, found) if definition.active_only else found

    def _enter(self, url: str) -> None:
        if url in self._path:
            circle = " -> ".join([*self._path[self._path.index(url) :], url])
            raise NotExpandable(url, f"the value set {url} imports itself ({circle})", "break the circle")
        if len(self._path) == _DEEPEST:
            raise NotExpandable(url, f"value sets import one another more than {_DEEPEST} deep", "import them directly")
        self._path.append(url)

    def _union(self, definition: ValueSet, parts: tuple[Include, ...]) -> Members:
        return union([self._part(definition, part) for part in parts]) if parts else Members()

    def _part(self, definition: ValueSet, part: Include) -> Members:
        """Return the codes of one include: those of its system that are also in each of the value sets it names."""
        sets = [] if part.system is None else [self._of_system(definition, part, part.system)]
        sets += [self.of_url(url) for url in part.value_sets]
        if not sets:
            reason = f"the value set {definition.url} has an include without system and valueSet"
            raise NotExpandable(definition.url, reason, "give it one of them")
        return reduce(intersection, sets)

    def _of_system(self, definition: ValueSet, part: Include, system: str) -> Members:
        if part.codes is not None:
            return Members({(system, code): part.said.get(code) for code in part.codes})
        if definition.locked and part.version is None:
            reason = f"the value set {definition.url} means {system} as of its lockedDate"
            raise NotExpandable(definition.url, reason, "state the version of the code system in the include")
        known = self._system(_canonical(system, part.version))
        if isinstance(known, Indexed):
            rules = [rule_of(known.head, each) for each in part.filters]
            return Members({}, {known.url: Ruled(known.head, both(*rules))})
        codes: Iterable[str] = known.concepts
        for rule in part.filters:
            kept = keep(known, rule)
            codes = [code for code in codes if code in kept]
        return Members({(system, code): None for code in codes})

    def _system(self, canonical: str) -> System:
        if canonical not in self._systems:
            self._systems[canonical] = find_code_system(canonical, self._resolve)
        return self._systems[canonical]

    def _active(self, definition: ValueSet, found: Members) -> Members:
        """Leave out inactive codes; a code of a system that is not here was listed by an author and stays."""
        stated = {part.system: _canonical(part.system, part.version) for part in definition.includes if part.system}
        systems = {url: self._known(stated.get(url, url)) for url in dict.fromkeys(pair[0] for pair in found.listed)}
        loaded = {url: each.head for url, each in systems.items() if isinstance(each, Indexed)}
        left = active(found, loaded)
        inactive = {
            pair for pair in left.listed if isinstance(each := systems[pair[0]], CodeSystem) and each.inactive(pair[1])
        }
        listed = {pair: said for pair, said in left.listed.items() if pair not in inactive}
        return Members(listed, left.ruled, left.said)

    def _known(self, canonical: str) -> System | None:
        try:
            return self._system(canonical)
        except NotExpandable:
            return None


def _canonical(system: str, version: str | None) -> str:
    return f"{system}|{version}" if version else system
