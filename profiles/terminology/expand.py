"""Every code of a value set (http://hl7.org/fhir/R4/valueset.html#expansion), or a refusal that says what is missing.

Codes listed one by one, whole code systems, filters over them, imported value sets and exclusions, from R4's own
definitions and from those the asker has stored. Never a part of the codes in place of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from profiles.terminology import value_set as definitions
from profiles.terminology.canonical import unversioned
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.errors import NotExpandable
from profiles.terminology.filters import keep
from profiles.terminology.sources import Resolve, find_code_system, find_value_set
from profiles.terminology.value_set import Coded, Include, ValueSet

LIMIT = 5_000
"""The most codes an expansion may have, unless said otherwise."""

_DEEPEST = 32


def expand(value_set: str | Mapping[str, Any], resolve: Resolve, limit: int | None = LIMIT) -> Coded:
    """Return every (system, code) of a value set: its canonical, with or without `|version`, or the resource itself.

    `resolve` gives the ValueSet or CodeSystem resource of a canonical, None where it has none; what it gives goes
    before R4's own definitions. `limit` is the number of codes accepted, None for any. Raises NotExpandable.
    """
    name = value_set if isinstance(value_set, str) else str(value_set.get("url", "without url"))
    work = _Expansion(resolve)
    try:
        found = work.of_url(name) if isinstance(value_set, str) else work.of_resource(value_set, name)
    except NotExpandable as error:
        if error.url == unversioned(name) or error.url == name:
            raise
        reason = f"the value set {name} cannot be expanded, because {error.reason}"
        raise NotExpandable(name, reason, error.way_out) from error
    if limit is not None and len(found) > limit:
        reason = f"the value set {name} has {len(found):,} codes, more than {limit:,}"
        raise NotExpandable(name, reason, "ask for a smaller value set")
    return found


class _Expansion:
    """One expansion under way: what is done once is not done again, and what waits for itself is a cycle."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._done: dict[str, Coded] = {}
        self._systems: dict[str, CodeSystem] = {}
        self._path: list[str] = []

    def of_url(self, url: str) -> Coded:
        """Return the codes of the value set with that canonical."""
        if url not in self._done:
            self._done[url] = self._of_definition(find_value_set(url, self._resolve))
        return self._done[url]

    def of_resource(self, resource: Mapping[str, Any], name: str) -> Coded:
        """Return the codes of a ValueSet resource."""
        return self._of_definition(definitions.of_resource(resource, name))

    def _of_definition(self, definition: ValueSet) -> Coded:
        if definition.listed is not None:
            return definition.listed
        self._enter(definition.url)
        included = self._union(definition, definition.includes)
        found = included - self._union(definition, definition.excludes)
        self._path.pop()
        return self._active(definition, found) if definition.active_only else found

    def _enter(self, url: str) -> None:
        if url in self._path:
            circle = " -> ".join([*self._path[self._path.index(url) :], url])
            raise NotExpandable(url, f"the value set {url} imports itself ({circle})", "break the circle")
        if len(self._path) == _DEEPEST:
            raise NotExpandable(url, f"value sets import one another more than {_DEEPEST} deep", "import them directly")
        self._path.append(url)

    def _union(self, definition: ValueSet, parts: tuple[Include, ...]) -> Coded:
        return frozenset[tuple[str, str]]().union(*(self._part(definition, part) for part in parts))

    def _part(self, definition: ValueSet, part: Include) -> Coded:
        """Return the codes of one include: those of its system that are also in each of the value sets it names."""
        sets = [self.of_url(url) for url in part.value_sets]
        if part.system is not None:
            sets.append(self._of_system(definition, part, part.system))
        if not sets:
            reason = f"the value set {definition.url} has an include without system and valueSet"
            raise NotExpandable(definition.url, reason, "give it one of them")
        return sets[0].intersection(*sets[1:])

    def _of_system(self, definition: ValueSet, part: Include, system: str) -> Coded:
        if part.codes is not None:
            return frozenset((system, code) for code in part.codes)
        if definition.locked and part.version is None:
            reason = f"the value set {definition.url} means {system} as of its lockedDate"
            raise NotExpandable(definition.url, reason, "state the version of the code system in the include")
        known = self._system(_canonical(system, part.version))
        codes = frozenset(known.concepts).intersection(*(keep(known, rule) for rule in part.filters))
        return frozenset((system, code) for code in codes)

    def _system(self, canonical: str) -> CodeSystem:
        if canonical not in self._systems:
            self._systems[canonical] = find_code_system(canonical, self._resolve)
        return self._systems[canonical]

    def _active(self, definition: ValueSet, found: Coded) -> Coded:
        """Leave out inactive codes; a code of a system that is not here was listed by an author and stays."""
        stated = {part.system: _canonical(part.system, part.version) for part in definition.includes if part.system}
        by_system: defaultdict[str, set[str]] = defaultdict(set)
        for system, code in found:
            by_system[system].add(code)
        return frozenset(
            (system, code)
            for system, codes in by_system.items()
            for code in self._active_of(stated.get(system, system), codes)
        )

    def _active_of(self, canonical: str, codes: set[str]) -> set[str]:
        try:
            known = self._system(canonical)
        except NotExpandable:
            return codes
        return {code for code in codes if not known.inactive(code)}


def _canonical(system: str, version: str | None) -> str:
    return f"{system}|{version}" if version else system
