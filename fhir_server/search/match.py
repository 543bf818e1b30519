"""What a query means: the definition of search that every store is held to.

`match` answers for one version by its index entries, in plain Python. The memory store searches with it, and a property
test demands that compiled SQL finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from fhir_server.search.match_entry import COMPARE, groups, has, has_words, is_named
from fhir_server.search.match_rule import Kept, is_refused, is_related
from fhir_server.search.query import (
    And,
    Canonical,
    Chain,
    Entry,
    Has,
    Hierarchy,
    Id,
    LastUpdated,
    Node,
    Not,
    Or,
    Owned,
    Selected,
    Together,
    Words,
)
from fhir_server.search.values import APART, IndexEntries
from profiles import restriction as limits
from profiles.restriction import Restriction
from profiles.terminology.selection import Selection

Criteria = Callable[[str, tuple[tuple[str, str], ...]], Node]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version as search sees it.

    `time` is microseconds; `owners` are (type, id), `subjects` the ids of the patients among them that it is about;
    `labels` (system, code). `entries` is None when the version has no
    index entries any more, or never had: a tombstone.
    """

    type: str
    id: str
    time: int
    author: str
    owners: Collection[tuple[str, str]]
    labels: Collection[tuple[str, str]]
    entries: IndexEntries | None
    subjects: Collection[str] = ()


class World(Protocol):
    """What else exists for a search: as of its position, and under its restriction."""

    def one(self, type: str, id: str) -> Candidate | None:
        """Return that resource, None when there is none to be seen."""
        ...

    def all(self, type: str) -> Iterable[Candidate]:
        """Return every resource of a type, in the order of their last updates."""
        ...

    def kept(self, table: str, field: str, value: str) -> Iterable[Kept]:
        """Return the records of `table` whose `field` has that value, expired ones too."""
        ...

    def selects(self, selection: Selection, code: str) -> bool:
        """Return whether a code is, but for its case, that of a concept which is selected."""
        ...


def match(node: Node, candidate: Candidate, world: World) -> bool:
    """Return whether `candidate` matches `node`. Without entries it matches no leaf that asks for some."""
    match node:
        case And(nodes):
            return all(match(each, candidate, world) for each in nodes)
        case Or(nodes):
            return any(match(each, candidate, world) for each in nodes)
        case Not(inner):
            return not match(inner, candidate, world)
        case Id(ids):
            return candidate.id in ids
        case LastUpdated(prefix, low, high):
            return COMPARE[prefix](candidate.time, candidate.time, low, high)
        case Owned(type, id):
            return (type, id) in candidate.owners
        case Has():
            return _is_pointed_at(node, candidate, world)
    if candidate.entries is None:
        return False
    match node:
        case Words():
            return has_words(node, candidate.entries)
        case Together(parts):
            return _together(parts, candidate.entries)
        case Chain():
            return _points_at(node, candidate.entries, world)
        case Hierarchy():
            return _is_along(node, candidate.entries, world)
        case Selected():
            tokens = [each for each in candidate.entries.tokens if each[0] == node.name and each[1] in node.systems]
            return any(world.selects(node.selection, code) for _, _, code, _ in tokens)
        case _:
            return has(node, candidate.entries)


def _together(parts: tuple[tuple[Entry, ...], ...], entries: IndexEntries) -> bool:
    found = [set().union(*(groups(each, entries) for each in part)) - {APART} for part in parts]
    return bool(set.intersection(*found))


def _targets(name: str, entries: IndexEntries) -> list[tuple[str, str]]:
    return [(type, id) for each, type, id, _, _ in entries.references if each == name]


def _points_at(node: Chain, entries: IndexEntries, world: World) -> bool:
    found = (
        [world.one(type, id) for type, id in _targets(node.name, entries) if type == node.type]
        if node.by is None
        else _named(node.name, node.by, entries, world)
    )
    return any(target is not None and match(node.node, target, world) for target in found)


def _named(name: str, by: Canonical, entries: IndexEntries, world: World) -> list[Candidate | None]:
    """Return where the canonicals called `name` lead."""
    return [led_to(by, uri, version, world) for each, uri, version, _ in entries.uris if each == name]


def led_to(by: Canonical, uri: str, version: str, world: World) -> Candidate | None:
    """Return the resource that the canonical `uri` in `version` ("" for any) leads to: the last of those it names."""
    found = [
        each for each in world.all(by.type) if each.entries is not None and is_named(by, uri, version, each.entries)
    ]
    return found[-1] if found else None


def _is_pointed_at(node: Has, candidate: Candidate, world: World) -> bool:
    return any(
        other.entries is not None
        and (candidate.type, candidate.id) in _pointed_at(node, other.entries, world)
        and match(node.node, other, world)
        for other in world.all(node.type)
    )


def _pointed_at(node: Has, entries: IndexEntries, world: World) -> list[tuple[str, str]]:
    if node.by is None:
        return _targets(node.name, entries)
    return [(each.type, each.id) for each in _named(node.name, node.by, entries, world) if each is not None]


def _is_along(node: Hierarchy, entries: IndexEntries, world: World) -> bool:
    pointed = {id for type, id in _targets(node.name, entries) if type == node.type}
    if node.above:
        return not pointed.isdisjoint(_upwards(node, {node.id}, world))
    return node.id in _upwards(node, pointed, world)


def _upwards(node: Hierarchy, ids: set[str], world: World) -> set[str]:
    """Return `ids` with those of everything above them."""
    reached, waiting = set(ids), list(ids)
    while waiting:
        here = world.one(node.type, waiting.pop())
        above = _targets(node.along, here.entries) if here and here.entries else []
        for type, id in above:
            if type == node.type and id not in reached:
                reached.add(id)
                waiting.append(id)
    return reached


def allows(restriction: Restriction, candidate: Candidate, criteria: Criteria, world: World) -> bool:
    """Return whether `restriction` lets `candidate` be seen.

    `criteria` reads the parameters of a `Matches`; what they ask of other resources is asked of `world`, which is all
    there is now: a restriction must not depend on itself. Whether criteria hold for a version without index entries is
    not known, nor whether their negation does: it is not allowed on the strength of either.
    """
    return _allowed(restriction, candidate, criteria, world) is True


def _allowed(restriction: Restriction, candidate: Candidate, criteria: Criteria, world: World) -> bool | None:
    match restriction:
        case limits.All():
            return True
        case limits.Nothing():
            return False
        case limits.AnyOf(items):
            return _known_any([_allowed(each, candidate, criteria, world) for each in items])
        case limits.AllOf(items):
            refused = _known_any([_negated(_allowed(each, candidate, criteria, world)) for each in items])
            return _negated(refused)
        case limits.Not(item):
            return _negated(_allowed(item, candidate, criteria, world))
        case limits.InCompartment(type, id):
            return (type, id) in candidate.owners
        case limits.HasLabel(system, code):
            return (system, code) in candidate.labels
        case limits.WrittenBy(author):
            return candidate.author == author
        case limits.Matches(type, parameters):
            if candidate.type != type:
                return False
            return None if candidate.entries is None else match(criteria(type, parameters), candidate, world)
        case limits.OfTypes(types):
            return candidate.type in types
        case limits.About(patient):
            return patient in candidate.subjects
        case limits.Related(practitioner):
            pairs = (world.kept(limits.RELATIONS, "pair", f"{practitioner}/{each}") for each in candidate.subjects)
            return is_related(restriction, chain.from_iterable(pairs), candidate)
        case limits.Attached(within):
            return _is_attached(within, candidate, criteria, world)
        case limits.Consented():
            rules = (world.kept(limits.RULES, "patient", each) for each in candidate.subjects)
            return not is_refused(restriction, chain.from_iterable(rules), candidate)


def _is_attached(within: Restriction, candidate: Candidate, criteria: Criteria, world: World) -> bool:
    contexts, naming = list[bool](), list[bool]()
    for value, _ in world.kept(limits.ATTACHMENTS, "binary", f"{candidate.type}/{candidate.id}"):
        holder = world.one(*str(value["holder"]).split("/"))
        shown = holder is not None and _allowed(within, holder, criteria, world) is True
        (contexts if value["context"] else naming).append(shown)
    return all(contexts) and (not naming or any(naming))


def _negated(known: bool | None) -> bool | None:
    return None if known is None else not known


def _known_any(each: list[bool | None]) -> bool | None:
    if True in each:
        return True
    return None if None in each else False
