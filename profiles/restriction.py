"""What a caller may see, as a frozen tree: built by `auth`, applied by the query compiler, defined by `search.match`.

A restriction is a required argument of every store method. There is no default: whoever means everything
writes `ALL`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class All:
    """Everything."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing at all."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What at least one of `items` allows; nothing when empty."""

    items: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """What every one of `items` allows; everything when empty."""

    items: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What `item` does not allow."""

    item: Restriction


@dataclass(frozen=True, slots=True)
class InCompartment:
    """Versions whose compartment owners include the resource `type`/`id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class HasLabel:
    """Versions that carry the security label `system`|`code` in `meta.security`."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class WrittenBy:
    """Versions written by `author`."""

    author: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Resources of `type` that match the search `parameters` (name, value), as in a URL."""

    type: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OfTypes:
    """Versions of resources of one of `types`."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class About:
    """Versions whose subject is the Patient `patient`: not those where it is an author, a performer or the like."""

    patient: str


@dataclass(frozen=True, slots=True)
class Related:
    """Versions about a patient with whom `practitioner` has a care relation that is open `at`.

    `at` is in microseconds since 1970. The relations are the records of the table RELATIONS, see there.
    """

    practitioner: str
    at: int


@dataclass(frozen=True, slots=True)
class Consented:
    """Versions about nobody whose consent refuses them to one of `actors` for `purpose` `at`.

    What is refused are the records of the table RULES, see there. `actors` are references to who asks: as themselves
    (`Practitioner/1`), and to the organizations they ask for. `vouched` are those by which exceptions let them through:
    what only they themselves say does not. `at` is in microseconds since 1970.
    """

    actors: tuple[str, ...]
    purpose: str
    at: int
    vouched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attached:
    """Versions of Binaries that are shown wherever they are attached: `within` is what allows the resources there.

    The current version of one's securityContext must be allowed, if the records know of one; and of the resources that
    name it, if there are any, at least one. The records are those of the table ATTACHMENTS, see there.
    """

    within: Restriction


Restriction = (
    All
    | Nothing
    | AnyOf
    | AllOf
    | Not
    | InCompartment
    | HasLabel
    | WrittenBy
    | Matches
    | OfTypes
    | About
    | Related
    | Consented
    | Attached
)

ALL = All()
NONE = Nothing()

RELATIONS = "relation"
"""The record table of care relations. Fields: `pair` (`<practitioner>/<patient>`, indexed), `since` (us, optional),
`only` (conditions, any of which must hold of a version; optional). A relation ends when its record expires."""
LABELLED = "labelled:"
"""What stands before the practitioner of a `pair` that shows what labels hide; `*` is every practitioner."""
RULES = "rule"
"""The record table of what consents refuse. Fields: `patient` (indexed), `actors`, `purposes` (each optional, a list),
`since`, the conditions of what is refused, and `except`, a list of such rules that are not. A rule ends when its record
expires, an exception at its `until` (us).

Conditions, all of which must hold, each optional: `types`, `authors` (`Practitioner/1`), `encounters` (ids),
`resources` (`Observation/1`), `labels` ([system, code]), `from` and `to` (us, of the version's time)."""
ATTACHMENTS = "attachment"
"""The record table of what names a Binary. Fields: `binary` (`Binary/1`, indexed) where it counts for access, `named`
(the same, always), `holder` (`DocumentReference/1`, indexed), and `context`: 1 for a securityContext, 0 otherwise."""


def narrow(restriction: Restriction, type: str) -> Restriction:
    """Return what `restriction` means for versions of resources of `type`: the same, and often much shorter."""
    match restriction:
        case OfTypes(types):
            return ALL if type in types else NONE
        case Matches():
            return restriction if restriction.type == type else NONE
        case Not(item):
            inner = narrow(item, type)
            return restriction if inner is item else _negated(inner)
        case AnyOf(items):
            each = [narrow(item, type) for item in items]
            return restriction if _same(each, items) else _joined(AnyOf, each, NONE, ALL)
        case AllOf(items):
            each = [narrow(item, type) for item in items]
            return restriction if _same(each, items) else _joined(AllOf, each, ALL, NONE)
    return restriction


def _same(narrowed: list[Restriction], items: tuple[Restriction, ...]) -> bool:
    """Whether nothing became shorter: most parts say nothing of types."""
    return len(items) > 1 and all(one is other for one, other in zip(narrowed, items, strict=True))


def _negated(item: Restriction) -> Restriction:
    if item == ALL:
        return NONE
    return ALL if item == NONE else Not(item)


def _joined(
    kind: Callable[[tuple[Restriction, ...]], Restriction],
    items: list[Restriction],
    neutral: Restriction,
    absorbing: Restriction,
) -> Restriction:
    if absorbing in items:
        return absorbing
    kept = tuple(dict.fromkeys(each for each in items if each != neutral))
    if not kept:
        return neutral
    return kept[0] if len(kept) == 1 else kind(kept)


def any_of(*items: Restriction) -> Restriction:
    """Return what at least one of `items` allows, in the shortest form."""
    return _joined(AnyOf, list(items), NONE, ALL)


def all_of(*items: Restriction) -> Restriction:
    """Return what every one of `items` allows, in the shortest form."""
    return _joined(AllOf, list(items), ALL, NONE)


def whoever_wrote(restriction: Restriction) -> Restriction:
    """Return what `restriction`, which refuses nobody for having written something, would allow all authors."""
    match restriction:
        case WrittenBy():
            return ALL
        case AnyOf(items):
            return any_of(*(whoever_wrote(item) for item in items))
        case AllOf(items):
            return all_of(*(whoever_wrote(item) for item in items))
    return restriction
