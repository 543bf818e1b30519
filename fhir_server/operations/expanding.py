"""The entries of an expansion: which codes of a value set are shown, in which order, and what is said of each.

See http://hl7.org/fhir/R4/valueset-operation-expand.html. The order is that of the definition, so pages of it never
overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.interactions.terminology import Reading
from fhir_server.search.values import words
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.concept import Concept, Designation, speaks
from profiles.terminology.errors import NotExpandable
from profiles.terminology.indexed import Indexed
from profiles.terminology.members import Members
from profiles.terminology.questions import Among
from profiles.terminology.questions import Entry as Loaded
from profiles.terminology.selection import Active, Not, Rule, Selectable, Selection, both
from profiles.terminology.selection import Codes as Listed
from profiles.terminology.sources import System, known_code_system

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
    """What is known of codes, whichever system they are of; a system that is not here says nothing.

    Of loaded systems it knows the entries that it was told by `learn` or `find`.
    """

    def __init__(self, reading: Reading, found: Members) -> None:
        self._reading = reading
        self._found = found
        self._said = {**found.said, **found.listed}
        # A value set may mean another version than the one that is preferred.
        self._systems: dict[str, System | None] = {
            url: Indexed(ruled.head, reading.ask) for url, ruled in found.ruled.items()
        }
        self._entries: dict[Pair, Loaded] = {}

    def learn(self, url: str, entries: Iterable[Loaded]) -> list[Pair]:
        """Take in entries of a loaded system, and return their codes."""
        found = {(url, each.code): each for each in entries}
        self._entries |= found
        return list(found)

    def find(self, pairs: Iterable[Pair]) -> None:
        """Take in what the loaded systems say of these codes, in one question for each."""
        by_system: dict[str, list[str]] = {}
        for url, code in pairs:
            by_system.setdefault(url, []).append(code)
        for url, codes in by_system.items():
            system = self.system(url)
            if isinstance(system, Indexed):
                found = system.entries(tuple(codes))
                self._entries |= {(url, code): each for code, each in found.items()}

    def member(self, pair: Pair) -> bool:
        """Return whether a code is in the value set."""
        ruled = self._found.ruled.get(pair[0])
        if pair in self._found.listed or ruled is None:
            return pair in self._found.listed
        return pair[1] in self._reading.ask(Among(ruled.selection, (pair[1],)))

    def system(self, url: str) -> System | None:
        """Return a code system as far as it is here."""
        if url not in self._systems:
            try:
                self._systems[url] = known_code_system(url, self._reading.resolve)
            except NotExpandable:
                self._systems[url] = None
        return self._systems[url]

    def concept(self, pair: Pair) -> Concept:
        """Return what the value set says of a code, and what its system says beside that."""
        said = self._said.get(pair)
        own = self._own(pair)
        if said is None:
            return own
        return Concept(said.display or own.display, own.definition, (*said.designations, *own.designations))

    def _own(self, pair: Pair) -> Concept:
        if pair in self._entries:
            return self._entries[pair].concept
        system = self.system(pair[0])
        return system.concept(pair[1]) if isinstance(system, CodeSystem) and system.has(pair[1]) else _NOTHING

    def inactive(self, pair: Pair) -> bool:
        """Return whether a code is no longer in use; False where its system is not here."""
        if pair in self._entries:
            return self._entries[pair].inactive
        system = self.system(pair[0])
        return isinstance(system, CodeSystem) and system.inactive(pair[1])

    def abstract(self, pair: Pair) -> bool:
        """Return whether a code only groups others; False where its system is not here."""
        if pair in self._entries:
            return self._entries[pair].abstract
        system = self.system(pair[0])
        return isinstance(system, CodeSystem) and system.abstract(pair[1])

    def parent(self, pair: Pair, among: Mapping[Pair, Any]) -> Pair | None:
        """Return the code under which to show a code: the first of its parents that is `among` the others."""
        system = self.system(pair[0])
        above = system.parents_of(pair[1]) if isinstance(system, CodeSystem) else ()
        return next(((pair[0], code) for code in above if (pair[0], code) in among), None)


def listed_codes(codes: Codes, found: Members, wish: Wish) -> list[Pair]:
    """Return those of the listed codes that are wished for, in order."""
    # Without a wish the choice is all there is, and nothing need be walked through for a page of it.
    if replace(wish, language=None, with_designations=False, designations=()) == Wish():
        return list(found.listed)
    codes.find(pair for pair in found.listed if wish.text or wish.active_only or wish.selectable_only)
    return _chosen(codes, found.listed, wish)


def selections_of(found: Members, wish: Wish) -> list[tuple[str, Selection]]:
    """Return which codes of loaded systems are wished for, but for those that are listed as well."""
    selections = []
    for url, ruled in found.ruled.items():
        if url in wish.without:
            continue
        rules: list[Rule] = [ruled.rule]
        rules += [Active()] if wish.active_only else []
        rules += [Selectable()] if wish.selectable_only else []
        listed = tuple(code for system, code in found.listed if system == url)
        rules += [Not(Listed(listed))] if listed else []
        selections.append((url, Selection(ruled.head.key, both(*rules), tuple(words(wish.text)))))
    return selections


def _chosen(codes: Codes, listed: Iterable[Pair], wish: Wish) -> list[Pair]:
    found = listed
    if wish.without:
        found = [pair for pair in found if pair[0] not in wish.without]
    if wish.active_only:
        found = [pair for pair in found if not codes.inactive(pair)]
    if wish.selectable_only:
        found = [pair for pair in found if not codes.abstract(pair)]
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
    if codes.abstract(pair):
        made["abstract"] = True
    if codes.inactive(pair):
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
