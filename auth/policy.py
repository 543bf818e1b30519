"""From who calls to what they may do: (role, scopes, launch context, purpose) and the policy file give `Rights`.

`auth.policy_file` reads the file into a `Policy`. Nothing is allowed that no row of it allows; scopes and a launch
context only ever narrow what a role may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from urllib.parse import parse_qsl

from auth.rights import ACTIONS, NO_RIGHTS, Action, Power, Rights, tree
from auth.scopes import ANY, ResourceScope, Scopes
from profiles.ownership import record_types
from profiles.restriction import (
    ALL,
    LABELLED,
    NONE,
    About,
    AllOf,
    AnyOf,
    Attached,
    Consented,
    HasLabel,
    InCompartment,
    Matches,
    Not,
    Related,
    Restriction,
    WrittenBy,
    all_of,
    any_of,
)

BINARY = "Binary"
TREATMENT = "TREAT"
BREAK_GLASS = "BTG"
"""Purposes of use (http://terminology.hl7.org/CodeSystem/v3-ActReason)."""
WHERE = ("all", "own", "related", "authored", "mine")
LETTERS: Mapping[Action, str] = {
    "read": "r",
    "history": "r",
    "search": "s",
    "create": "c",
    "update": "u",
    "delete": "d",
}
"""The letter of a SMART scope that opens each action; history of a type takes that of search as well."""

Label = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a role: its actions, its types with groups resolved, and where: conditions that must all hold."""

    actions: tuple[Action, ...]
    types: frozenset[str]
    where: tuple[str, ...]

    def within(self, policy: Policy, caller: Caller, type: str, action: Action, *, but: str = "") -> Restriction:
        """Return which of `type` the row lets `caller` reach by `action`, leaving the condition `but` aside."""
        return all_of(*(_where(policy, caller, each, type, action) for each in self.where if each != but))


@dataclass(frozen=True, slots=True)
class Role:
    """What one role may do."""

    rows: tuple[Row, ...] = ()
    powers: frozenset[Power] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy file, read. `scope_powers` are those that an app may have of its user's.

    `openers` are the roles whose writes may open care relations, `days_after` how long these stay open afterwards.
    `purposes` are those of use for which anything is shown; break-glass is a power of its own.
    """

    roles: Mapping[str, Role]
    hidden: tuple[Label, ...] = ()
    sealed: tuple[Label, ...] = ()
    scope_powers: frozenset[Power] = frozenset()
    days_after: int = 30
    openers: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset((TREATMENT,))

    def opens(self, role: str, purpose: str) -> bool:
        """Whether what a caller writes may open care relations."""
        return role in self.openers and purpose != BREAK_GLASS


@dataclass(frozen=True, slots=True)
class Employers:
    """The organizations of a professional, as `Organization/1`.

    Refusals reach all that are `named`, by the professionals themselves too. Exceptions let them through by those that
    somebody else has `vouched` for.
    """

    named: tuple[str, ...] = ()
    vouched: tuple[str, ...] = ()


NOBODY = Employers()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `role` and the logical `id` of the account; `actor` is the reference their writes are signed with.

    `scopes` are those of an app that asks for them, None when they ask themselves; `patient` is the patient of the
    app's launch, or of break-glass. `employers` are organizations by which consents may name them, too.
    """

    role: str
    id: str
    actor: str
    scopes: Scopes | None = None
    patient: str | None = None
    purpose: str = TREATMENT
    employers: Employers = NOBODY


def rights_of(policy: Policy, caller: Caller) -> Rights:
    """Return what `caller` may do. A role that the policy does not know may do nothing."""
    role = policy.roles.get(caller.role)
    if role is None:
        return NO_RIGHTS
    if caller.purpose == BREAK_GLASS:
        return _broken_glass(policy, caller, role)
    if caller.purpose not in policy.purposes:
        return NO_RIGHTS
    allowed = {action: _reach(policy, caller, role.rows, action) for action in ACTIONS}
    holding = _reach(policy, caller, (row for row in role.rows if not _by_criteria(row)), "read")
    if caller.scopes is None:
        return Rights(_attached(allowed, holding), role.powers)
    holding = _scoped(caller, caller.scopes, "read", holding)
    scoped = {action: _scoped(caller, caller.scopes, action, reach) for action, reach in allowed.items()}
    scoped = _attached(scoped, holding)
    kept = role.powers if "system" in caller.scopes.levels else role.powers & policy.scope_powers
    return Rights(scoped, kept)


def _reach(policy: Policy, caller: Caller, rows: Iterable[Row], action: Action) -> dict[str, Restriction]:
    acting = [row for row in rows if action in row.actions]
    found: dict[str, Restriction] = {}
    # Most types are like many others, and what is within reach is put together once for all that are alike.
    reached: dict[tuple[object, ...], Restriction] = {}
    nothing: Restriction = NONE
    for type in sorted(frozenset().union(*(row.types for row in acting))):
        named = [row for row in acting if type in row.types]
        alike = (type == BINARY, type in record_types(), *(type if _by_criteria(row) else id(row) for row in named))
        if alike not in reached:
            within = (row.within(policy, caller, type, action) for row in named)
            reached[alike] = reduce(any_of, within, nothing)
        found[type] = reached[alike]
    return found


def _by_criteria(row: Row) -> bool:
    return any(each.startswith("?") for each in row.where)


def _where(policy: Policy, caller: Caller, where: str, type: str, action: Action) -> Restriction:
    if where.startswith("?"):
        named = where[1:].replace("{id}", caller.id)
        return Matches(type, tuple(parse_qsl(named, strict_parsing=True)))
    match where:
        case "all":
            # A label restricts what is about nobody as well, but for whoever sets labels; an objection, other use.
            labels = () if "labels" in policy.roles[caller.role].powers else policy.hidden
            objects = caller.purpose != TREATMENT and type in record_types()
            return all_of(_unlabelled(labels), _agreed(caller) if objects else ALL)
        case "own":
            return all_of(About(caller.id), _where_attached(type))
        case "related":
            shown = _shown(policy.hidden, caller.id)
            if action in ("create", "update"):
                # A label hides nothing from who writes it; on reading, a row of what is authored says so.
                shown = any_of(shown, WrittenBy(caller.actor))
            return all_of(Related(caller.id, 0), _agreed(caller), shown, _where_attached(type))
        case "authored":
            return WrittenBy(caller.actor)
    return InCompartment(caller.actor.partition("/")[0], caller.id)


def _where_attached(type: str) -> Restriction:
    """Return that a Binary is shown where it is attached; `_attached` says what that is when all else is known."""
    return Attached(NONE) if type == BINARY else ALL


def _attached(
    allowed: Mapping[Action, Mapping[str, Restriction]], holding: Mapping[str, Restriction]
) -> dict[Action, dict[str, Restriction]]:
    """Return the same where a Binary is shown wherever it is attached to something of a record within `holding`.

    What rows let see by search criteria is not among that: it is about nobody, or seen by another row as well.
    """
    within = Attached(tree({type: reach for type, reach in holding.items() if type in record_types()}))
    return {
        action: {type: _filled(reach, within) if type == BINARY else reach for type, reach in by_type.items()}
        for action, by_type in allowed.items()
    }


def _filled(restriction: Restriction, within: Attached) -> Restriction:
    match restriction:
        case Attached():
            return within
        case AnyOf(items):
            return AnyOf(tuple(_filled(each, within) for each in items))
        case AllOf(items):
            return AllOf(tuple(_filled(each, within) for each in items))
    return restriction


def _agreed(caller: Caller) -> Restriction:
    named, vouched = ((caller.actor, *each) for each in (caller.employers.named, caller.employers.vouched))
    return Consented(named, caller.purpose, 0, vouched)


def _shown(hidden: Sequence[Label], practitioner: str) -> Restriction:
    """Return what labels leave in sight: versions without them, and those whose patient shows them by consent."""
    if not hidden:
        return ALL
    by_consent = (Related(f"{LABELLED}{each}", 0) for each in (practitioner, "*"))
    return any_of(_unlabelled(hidden), *by_consent)


def _unlabelled(labels: Iterable[Label]) -> Restriction:
    return all_of(*(Not(HasLabel(*label)) for label in labels))


def _broken_glass(policy: Policy, caller: Caller, role: Role) -> Rights:
    """One patient's record, to be read: no relation is asked for and no consent, and nothing is deleted or exported.

    Who may write for related patients may write for this one.
    """
    if caller.patient is None or "break-glass" not in role.powers:
        return NO_RIGHTS
    reach = all_of(About(caller.patient), _unlabelled(policy.sealed))
    allowed: dict[Action, dict[str, Restriction]] = {}
    reading: tuple[Action, ...] = ("read", "history", "search")
    for action in reading:
        ordinary = _reach(policy, caller, (row for row in role.rows if "all" in row.where), action)
        record = [type for type in record_types() if type != "AuditEvent"]
        allowed[action] = {**ordinary, **dict.fromkeys(record, reach)}
        if action != "search":
            allowed[action][BINARY] = all_of(reach, _where_attached(BINARY))
    writing: tuple[Action, ...] = ("create", "update")
    for action in writing:
        found = allowed[action] = {}
        for row in role.rows:
            if "related" in row.where and action in row.actions:
                for type in sorted(row.types):
                    within = all_of(reach, row.within(policy, caller, type, action, but="related"))
                    found[type] = any_of(found.get(type, NONE), within)
    if caller.scopes is not None:
        allowed = {action: _scoped(caller, caller.scopes, action, reach) for action, reach in allowed.items()}
    return Rights(_attached(allowed, allowed["read"]), role.powers & policy.scope_powers)


def _scoped(caller: Caller, scopes: Scopes, action: Action, reach: Mapping[str, Restriction]) -> dict[str, Restriction]:
    """Return what of `reach` the scopes open: the union of what each of them does."""
    found: dict[str, Restriction] = {}
    for type, within in reach.items():
        opened = [
            _opened(caller, scope, type)
            for scope in scopes.resources
            if scope.type in (ANY, type) and LETTERS[action] in scope.letters
        ]
        if usable := [each for each in opened if each is not None]:
            found[type] = all_of(within, any_of(*usable))
    return found


def _opened(caller: Caller, scope: ResourceScope, type: str) -> Restriction | None:
    """Return what one scope opens of `type`; None for one that cannot be used, so that it puts nothing in scope."""
    if (scope.level == "system") != (caller.role == "system"):
        return None
    matching = Matches(type, scope.parameters) if scope.parameters else ALL
    if scope.level != "patient" or type not in record_types():
        return None if scope.level == "patient" and caller.patient is None else matching
    return None if caller.patient is None else all_of(About(caller.patient), matching)
