"""The entries of an expansion: which codes of a value set are shown, in which order, and what is said of each.

See http://hl7.org/fhir/R4/valueset-operation-expand.html. The order is that of the definition, so pages of it never
overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.interactions.terminology import Reading
from fhir_server.search.values import words
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.concept import Concept, Designation, speaks
from profiles.terminology.errors import NotExpandable
from profiles.terminology.sources import known_code_system
from profiles.terminology.value_set import Contents

Pair = tuple[str, str]
Entry = dict[str, Any]
LANGUAGES = ("urn:ietf:bcp:47", "urn:oid:2.16.840.1.113883.6.316")
"""Systems that a token of the parameter `designation` may have when it means a language."""
_NOTHING = Concept()


@dataclass(frozen=True, slots=True)
class Wish:
    """Which codes to show, and what of each; `designations` are (system, code) tokens of a use or a language."""

    text: str = ""
    active_only: bool = False
    selectable_only: bool = False
    without: frozenset[str] = frozenset()
    language: str | None = None
    with_designations: bool = False
    designations: tuple[Pair, ...] = ()


class Codes:
    """What is known of codes, whichever system they are of; a system that is not here says nothing."""

    def __init__(self, reading: Reading, contents: Contents) -> None:
        self._reading = reading
        self._contents = contents
        self._systems: dict[str, CodeSystem | None] = {}

    def system(self, url: str) -> CodeSystem | None:
        """Return a code system as far as it is here."""
        if url not in self._systems:
            try:
                self._systems[url] = known_code_system(url, self._reading.resolve)
            except NotExpandable:
                self._systems[url] = None
        return self._systems[url]

    def concept(self, pair: Pair) -> Concept:
        """Return what the value set says of a code, and what its system says beside that."""
        said = self._contents.get(pair)
        system = self.system(pair[0])
        own = system.concept(pair[1]) if system is not None and pair[1] in system.concepts else _NOTHING
        if said is None:
            return own
        return Concept(said.display or own.display, own.definition, (*said.designations, *own.designations))

    def says(self, pair: Pair, ask: Callable[[CodeSystem, str], bool]) -> bool:
        """Return what a question to the code's system gives; False where the system is not here."""
        system = self.system(pair[0])
        return system is not None and ask(system, pair[1])

    def parent(self, pair: Pair, among: Mapping[Pair, Any]) -> Pair | None:
        """Return the code under which to show a code: the first of its parents that is `among` the others."""
        system = self.system(pair[0])
        above = system.parents.get(pair[1], frozenset()) if system is not None else frozenset()
        return next(((pair[0], code) for code in sorted(above) if (pair[0], code) in among), None)


def chosen(codes: Codes, contents: Contents, wish: Wish) -> list[Pair]:
    """Return the codes that are wished for, in order."""
    found: Iterable[Pair] = contents
    if wish.without:
        found = [pair for pair in found if pair[0] not in wish.without]
    if wish.active_only:
        found = [pair for pair in found if not codes.says(pair, CodeSystem.inactive)]
    if wish.selectable_only:
        found = [pair for pair in found if not codes.says(pair, CodeSystem.abstract)]
    asked = words(wish.text)
    if asked:
        found = [pair for pair in found if _fits(pair, codes.concept(pair), asked)]
    return list(found)


def _fits(pair: Pair, concept: Concept, asked: Sequence[str]) -> bool:
    """Return whether each word asked for begins a word of the code's names, or of the code itself."""
    there = words(" ".join((*concept.names, pair[1])))
    return all(any(word.startswith(each) for word in there) for each in asked)


def entry(codes: Codes, pair: Pair, wish: Wish) -> Entry:
    """Return one ValueSet.expansion.contains."""
    concept = codes.concept(pair)
    made: Entry = {"system": pair[0]} if pair[0] else {}
    if codes.says(pair, CodeSystem.abstract):
        made["abstract"] = True
    if codes.says(pair, CodeSystem.inactive):
        made["inactive"] = True
    made["code"] = pair[1]
    if display := concept.display_in(wish.language):
        made["display"] = display
    shown = [each.json for each in concept.designations if _wished(each, wish)]
    if shown:
        made["designation"] = shown
    return made


def _wished(designation: Designation, wish: Wish) -> bool:
    if not wish.designations:
        return wish.with_designations
    use = designation.use or {}
    for system, code in wish.designations:
        if system in LANGUAGES and designation.language is not None and speaks(designation.language, code):
            return True
        if (use.get("system", ""), use.get("code")) == (system, code):
            return True
    return False


def nested(codes: Codes, pairs: Sequence[Pair], entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries inside one another as their hierarchies have them; each stands in one place only."""
    made = dict(zip(pairs, entries, strict=True))
    above = {pair: codes.parent(pair, made) for pair in pairs}
    top: list[Entry] = []
    for pair in pairs:
        parent = above[pair]
        if parent is None or _circular(pair, above):
            top.append(made[pair])
        else:
            made[parent].setdefault("contains", []).append(made[pair])
    return top


def _circular(pair: Pair, above: Mapping[Pair, Pair | None]) -> bool:
    """Return whether going up from a code leads back to it: then it stands at the top, and the circle is cut there."""
    seen = {pair}
    at = above[pair]
    while at is not None and at not in seen:
        seen.add(at)
        at = above[at]
    return at == pair
