"""What a caller may do: per action and type whether at all, and with which resources of it.

`may` says whether a type is in scope: if not, the answer is 403. `restriction` says which of its resources are within
reach: the store applies it in the query, and what it leaves out is not there (404). Whatever is not allowed by name is
refused; `EVERYTHING` is open mode, and what the server does on its own account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from profiles.restriction import (
    ALL,
    NONE,
    AllOf,
    AnyOf,
    Attached,
    Consented,
    Not,
    OfTypes,
    Related,
    Restriction,
    all_of,
    any_of,
    narrow,
)

Action = Literal["read", "history", "search", "create", "update", "delete"]
ACTIONS: tuple[Action, ...] = get_args(Action)
Power = Literal[
    "terminology",
    "validate",
    "closure",
    "reindex",
    "packages",
    "definitions",
    "labels",
    "ids",
    "plans",
    "audit",
    "break-glass",
]
"""What is allowed besides actions on resources; every operation of the server names the one that it needs."""
POWERS: tuple[Power, ...] = get_args(Power)
DEFINITIONS = frozenset(
    (
        "CapabilityStatement",
        "CodeSystem",
        "CompartmentDefinition",
        "ConceptMap",
        "GraphDefinition",
        "ImplementationGuide",
        "MessageDefinition",
        "NamingSystem",
        "OperationDefinition",
        "SearchParameter",
        "StructureDefinition",
        "StructureMap",
        "TerminologyCapabilities",
        "ValueSet",
    )
)
"""Types that say what others mean: who writes them changes what is found and what is valid, so it takes a power."""
SECOND = 1_000_000
KEPT = 256
"""How many restrictions one caller's rights remember."""
_WRITES = frozenset(("create", "update", "delete"))

ByType = Mapping[str, Restriction]
_Asked = tuple[Action, str | frozenset[str] | None, int]


@dataclass(frozen=True, slots=True)
class Rights:
    """What one caller may do.

    `allowed` has what is within reach for each action and type; what is not in there is not in scope. `powers` are the
    names of what else is allowed. `limited` is False for whoever sees everything: then `allowed` is not asked.
    """

    allowed: Mapping[Action, ByType] = field(default_factory=dict)
    powers: frozenset[Power] = frozenset()
    limited: bool = True
    _trees: dict[_Asked, Restriction] = field(default_factory=dict, compare=False, repr=False)

    def may(self, action: Action, type: str) -> bool:
        """Return whether `type` is in scope for `action`; which resources of it, `restriction` says."""
        if not self.limited:
            return True
        if action in _WRITES and type in DEFINITIONS and "definitions" not in self.powers:
            return False
        return type in self.allowed.get(action, ())

    def has(self, power: Power) -> bool:
        """Return whether `power` is allowed."""
        return not self.limited or power in self.powers

    def of_type(self, action: Action, type: str, at: int) -> Restriction:
        """Return what is within reach of `action` among the resources of `type` at a moment.

        The moment is in microseconds since 1970, taken up to the whole second, so that a relation never lasts longer.
        """
        if not self.limited:
            return ALL
        if not self.may(action, type):
            return NONE
        key = (action, type, _second(at))
        found = self._trees.get(key)
        if found is None:
            found = self._keep(key, timed(self.allowed[action][type], key[2]))
        return found

    def restriction(self, action: Action, at: int, types: frozenset[str] | None = None) -> Restriction:
        """Return what is within reach of `action` among the resources of all types at a moment, as in `of_type`.

        With `types`, among those alone, in fewer words.
        """
        if not self.limited:
            return ALL
        if types is not None and len(types) == 1:
            return self.of_type(action, next(iter(types)), at)
        key = (action, types, _second(at))
        found = self._trees.get(key)
        if found is None:
            kept = {type: each for type, each in self.allowed.get(action, {}).items() if self.may(action, type)}
            asked = kept if types is None else {type: each for type, each in kept.items() if type in types}
            found = timed(tree(asked), key[2])
            self._keep(key, found)
        return found

    def _keep(self, key: _Asked, found: Restriction) -> Restriction:
        if len(self._trees) >= KEPT:
            self._trees.clear()
        self._trees[key] = found
        return found

    def types(self, action: Action) -> frozenset[str]:
        """Return the types in scope for `action`, of whoever is limited."""
        return frozenset(type for type in self.allowed.get(action, ()) if self.may(action, type))

    @property
    def assigns_ids(self) -> bool:
        """Whether the caller may choose the ids of what it creates."""
        return self.has("ids")

    @property
    def definitions(self) -> bool:
        """Whether the caller may write definitions, which change what others find."""
        return self.has("definitions")

    @property
    def sees_plans(self) -> bool:
        """Whether the caller may ask how a search is answered."""
        return self.has("plans")

    @property
    def reads_audit(self) -> bool:
        """Whether the caller may read everybody's audit trail."""
        return self.has("audit")


EVERYTHING = Rights(powers=frozenset(POWERS), limited=False)
NO_RIGHTS = Rights()


def tree(by_type: ByType) -> Restriction:
    """Return one restriction for all types: those with the same reach together."""
    groups: dict[Restriction, list[str]] = {}
    for type, reach in sorted(by_type.items()):
        groups.setdefault(reach, []).append(type)
    return any_of(*(all_of(OfTypes(tuple(types)), reach) for reach, types in groups.items()))


def limited(restriction: Restriction, types: Iterable[str], *, powers: Iterable[Power] = ()) -> Rights:
    """Return the right to do everything with resources of `types` that are within `restriction`, and no more."""
    reach = {type: narrow(restriction, type) for type in types}
    return Rights(dict.fromkeys(ACTIONS, reach), frozenset(powers))


def timed(restriction: Restriction, at: int) -> Restriction:
    """Return `restriction` as of a moment: care relations open then, consents in force then."""
    match restriction:
        case Related() | Consented():
            return replace(restriction, at=at)
        case Not(item):
            return Not(timed(item, at))
        case AnyOf(items):
            return AnyOf(tuple(timed(each, at) for each in items))
        case AllOf(items):
            return AllOf(tuple(timed(each, at) for each in items))
        case Attached(within):
            return Attached(timed(within, at))
    return restriction


def _second(at: int) -> int:
    return -(-at // SECOND) * SECOND
