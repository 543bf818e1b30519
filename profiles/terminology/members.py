"""What is in a value set: codes that are listed, and rules over code systems whose concepts nobody lists.

Codes of different systems never meet, so the rules are kept by system, and the operations of a composition (union,
intersection, exclusion) go through system by system (http://hl7.org/fhir/R4/valueset.html#compositions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from profiles.terminology.concept import Concept
from profiles.terminology.errors import NotExpandable
from profiles.terminology.head import Head
from profiles.terminology.selection import Active, Codes, Not, Rule, Selection, both, either
from profiles.terminology.value_set import Contents


@dataclass(frozen=True, slots=True)
class Ruled:
    """The concepts of a loaded code system that a rule selects."""

    head: Head
    rule: Rule

    @property
    def selection(self) -> Selection:
        """The same as a store takes it."""
        return Selection(self.head.key, self.rule)


@dataclass(frozen=True, slots=True)
class Members:
    """`listed` codes, and by url the loaded systems with `ruled` ones. `said` is what the value set says of the latter.

    A listed code of a system that is ruled as well can be in both: it is a member once.
    """

    listed: Contents = field(default_factory=dict)
    ruled: Mapping[str, Ruled] = field(default_factory=dict)
    said: Contents = field(default_factory=dict)

    def __len__(self) -> int:
        """How many codes of it are in memory."""
        return len(self.listed)


def union(parts: Sequence[Members]) -> Members:
    """Return what is in any of `parts`; of a code that several list, what the first says of it counts."""
    if len(parts) == 1:
        return parts[0]
    listed: dict[tuple[str, str], Concept | None] = {}
    said: dict[tuple[str, str], Concept | None] = {}
    for part in parts:
        for source, into in ((part.listed, listed), (part.said, said)):
            for pair, words in source.items():
                into[pair] = into.get(pair) or words
    ruled: dict[str, Ruled] = {}
    for url in _urls(parts):
        found = [part.ruled[url] for part in parts if url in part.ruled]
        ruled[url] = Ruled(_one(found), either(*(each.rule for each in found)))
    return Members(listed, ruled, said)


def intersection(first: Members, second: Members) -> Members:
    """Return what is in both; what the first says of a listed code counts."""
    listed = {pair: said for pair, said in first.listed.items() if pair in second.listed}
    ruled: dict[str, Ruled] = {}
    for url in _urls((first, second)):
        sides = [part.ruled[url] for part in (first, second) if url in part.ruled]
        head = _one(sides)
        rules: list[Rule] = []
        if len(sides) == 2:
            rules.append(both(*(each.rule for each in sides)))
        for part, other in ((first, second), (second, first)):
            codes = _codes(part.listed, url)
            if codes and url in other.ruled:
                rules.append(both(Codes(codes), other.ruled[url].rule))
        if rules:
            ruled[url] = Ruled(head, either(*rules))
    return Members(listed, ruled, _said(ruled, (first, second)))


def difference(first: Members, second: Members) -> Members:
    """Return what is in the first and not in the second.

    A listed code that a rule might take away becomes a ruled one; one that its system does not have is then no member.
    """
    listed = {
        pair: said for pair, said in first.listed.items() if pair not in second.listed and pair[0] not in second.ruled
    }
    ruled: dict[str, Ruled] = {}
    for url in _urls((first, second)):
        head = _one([part.ruled[url] for part in (first, second) if url in part.ruled])
        left = _codes((pair for pair in first.listed if pair not in second.listed), url) if url in second.ruled else ()
        rules: list[Rule] = [Codes(left)] if left else []
        if url in first.ruled:
            rules.append(first.ruled[url].rule)
        if not rules:
            continue
        without = [Not(second.ruled[url].rule)] if url in second.ruled else []
        gone = _codes(second.listed, url)
        without += [Not(Codes(gone))] if gone else []
        ruled[url] = Ruled(head, both(either(*rules), *without))
    return Members(listed, ruled, _said(ruled, (first,)))


def active(found: Members, loaded: Mapping[str, Head]) -> Members:
    """Return what of the `loaded` systems is in use, and the listed codes of other systems as they are."""
    ruled = {url: Ruled(each.head, both(each.rule, Active())) for url, each in found.ruled.items()}
    for url, head in loaded.items():
        codes = _codes(found.listed, url)
        if codes:
            rules = [both(Codes(codes), Active()), *([ruled[url].rule] if url in ruled else [])]
            ruled[url] = Ruled(head, either(*rules))
    listed = {pair: said for pair, said in found.listed.items() if pair[0] not in loaded}
    return Members(listed, ruled, _said(ruled, (found,)))


def _urls(parts: Iterable[Members]) -> list[str]:
    return list(dict.fromkeys(url for part in parts for url in part.ruled))


def _codes(pairs: Iterable[tuple[str, str]], url: str) -> tuple[str, ...]:
    return tuple(code for system, code in pairs if system == url)


def _said(ruled: Mapping[str, Ruled], parts: Iterable[Members]) -> Contents:
    """Return what `parts` say of codes of the ruled systems."""
    said: dict[tuple[str, str], Concept | None] = {}
    for part in parts:
        for source in (part.said, part.listed):
            for pair, words in source.items():
                if words is not None and pair[0] in ruled:
                    said.setdefault(pair, words)
    return said


def _one(found: Sequence[Ruled]) -> Head:
    """Return the one system of several rules. Raises NotExpandable for two versions of it."""
    head = found[0].head
    if any(each.head.key != head.key for each in found):
        reason = f"it puts together two versions of the code system {head.url}"
        raise NotExpandable(head.url, reason, "name the same version in each include")
    return head
