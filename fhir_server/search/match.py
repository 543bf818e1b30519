"""What a query means: the definition of search that every store is held to.

`match` answers for one version by its index entries, in plain Python. The memory store searches with it, and a property
test demands that compiled SQL finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from fhir_server.search.query import (
    And,
    Date,
    Id,
    LastUpdated,
    Node,
    Not,
    Or,
    Prefix,
    Reference,
    String,
    Token,
    Uri,
)
from fhir_server.search.values import IndexEntries, fold, fold_code
from profiles import restriction as limits
from profiles.restriction import Restriction

Criteria = Callable[[str, tuple[tuple[str, str], ...]], Node]

COMPARE: dict[Prefix, Callable[[int, int, int, int], bool]] = {
    "eq": lambda low, high, first, last: first <= low and high <= last,
    "ne": lambda low, high, first, last: not (first <= low and high <= last),
    "gt": lambda low, high, first, last: high > last,
    "lt": lambda low, high, first, last: low < first,
    "ge": lambda low, high, first, last: high > last or (first <= low and high <= last),
    "le": lambda low, high, first, last: low < first or (first <= low and high <= last),
    "sa": lambda low, high, first, last: low > last,
    "eb": lambda low, high, first, last: high < first,
    "ap": lambda low, high, first, last: low <= last and high >= first,
}
"""Per prefix, how the range low..high of a resource compares with the range first..last searched for."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version as search sees it.

    `time` is microseconds; `owners` are (type, id); `labels` (system, code). `entries` is None when the version has no
    index entries any more, or never had: a tombstone.
    """

    type: str
    id: str
    time: int
    author: str
    owners: Collection[tuple[str, str]]
    labels: Collection[tuple[str, str]]
    entries: IndexEntries | None


def match(node: Node, candidate: Candidate) -> bool:
    """Return whether `candidate` matches `node`. Without entries it matches no leaf that asks for some."""
    match node:
        case And(nodes):
            return all(match(each, candidate) for each in nodes)
        case Or(nodes):
            return any(match(each, candidate) for each in nodes)
        case Not(inner):
            return not match(inner, candidate)
        case Id(ids):
            return candidate.id in ids
        case LastUpdated(prefix, low, high):
            return COMPARE[prefix](candidate.time, candidate.time, low, high)
        case _:
            return candidate.entries is not None and _has(node, candidate.entries)


def _has(leaf: Token | String | Reference | Uri | Date, entries: IndexEntries) -> bool:
    match leaf:
        case Token():
            return any(name == leaf.name and _is_token(leaf, system, code) for name, system, code, _ in entries.tokens)
        case String():
            return any(name == leaf.name and _reads(leaf, norm, exact) for name, norm, exact, _ in entries.strings)
        case Reference():
            wanted = (leaf.name, leaf.type, leaf.id)
            return any(
                (name, type, id) == wanted and leaf.version in (0, version)
                for name, type, id, version, _ in entries.references
            )
        case Uri():
            return any(name == leaf.name and _is_uri(leaf, uri, version) for name, uri, version, _ in entries.uris)
        case Date():
            compare = COMPARE[leaf.prefix]
            return any(
                name == leaf.name and compare(low, high, leaf.low, leaf.high) for name, low, high, _ in entries.dates
            )


def _is_token(leaf: Token, system: str, code: str) -> bool:
    if leaf.system is not None and leaf.system != system:
        return False
    if leaf.code is None or leaf.code == code:
        return True
    return not leaf.case_sensitive and fold_code(leaf.code) == fold_code(code)


def _reads(leaf: String, folded: str, exact: str) -> bool:
    if leaf.mode == "exact":
        return exact == leaf.text and folded == fold(leaf.text)
    return leaf.text in folded if leaf.mode == "contains" else folded.startswith(leaf.text)


def _is_uri(leaf: Uri, uri: str, version: str) -> bool:
    if leaf.below:
        return uri.startswith(leaf.uri)
    return uri == leaf.uri and leaf.version in ("", version)


def allows(restriction: Restriction, candidate: Candidate, criteria: Criteria) -> bool:
    """Return whether `restriction` lets `candidate` be seen; `criteria` reads the parameters of a `Matches`.

    Whether criteria hold for a version without index entries is not known, nor whether their negation does: it is not
    allowed on the strength of either.
    """
    return _allowed(restriction, candidate, criteria) is True


def _allowed(restriction: Restriction, candidate: Candidate, criteria: Criteria) -> bool | None:
    match restriction:
        case limits.All():
            return True
        case limits.Nothing():
            return False
        case limits.AnyOf(items):
            return _known_any([_allowed(each, candidate, criteria) for each in items])
        case limits.AllOf(items):
            refused = _known_any([_negated(_allowed(each, candidate, criteria)) for each in items])
            return _negated(refused)
        case limits.Not(item):
            return _negated(_allowed(item, candidate, criteria))
        case limits.InCompartment(type, id):
            return (type, id) in candidate.owners
        case limits.HasLabel(system, code):
            return (system, code) in candidate.labels
        case limits.WrittenBy(author):
            return candidate.author == author
        case limits.Matches(type, parameters):
            if candidate.type != type:
                return False
            return None if candidate.entries is None else match(criteria(type, parameters), candidate)


def _negated(known: bool | None) -> bool | None:
    return None if known is None else not known


def _known_any(each: list[bool | None]) -> bool | None:
    if True in each:
        return True
    return None if None in each else False
