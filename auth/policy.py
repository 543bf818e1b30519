"""From who calls to what they may do: (role, scopes, launch context, purpose) and the policy file give `Rights`.

The file (`auth/data/policy.toml` explains itself) is read once into a `Policy`, strictly. Nothing is allowed that no
row of it allows; scopes and a launch context only ever narrow what a role may do.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl

from auth.rights import ACTIONS, NO_RIGHTS, POWERS, Action, Power, Rights, tree
from auth.scopes import ANY, ResourceScope, Scopes
from profiles.definitions import is_resource_type, resource_types
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


class PolicyError(Exception):
    """The policy file says something that has no meaning; the message names the place."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a role: its actions, its types with groups resolved, and where."""

    actions: tuple[Action, ...]
    types: frozenset[str]
    where: str


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
class Caller:
    """Who asks: `role` and the logical `id` of the account; `actor` is the reference their writes are signed with.

    `scopes` are those of an app that asks for them, None when they ask themselves; `patient` is the patient of the
    app's launch, or of break-glass. `actors` are further references under which consents may name them: organizations.
    """

    role: str
    id: str
    actor: str
    scopes: Scopes | None = None
    patient: str | None = None
    purpose: str = TREATMENT
    actors: tuple[str, ...] = field(default=())


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
    holding = _reach(policy, caller, (row for row in role.rows if not row.where.startswith("?")), "read")
    if caller.scopes is None:
        return Rights(_attached(allowed, holding), role.powers)
    holding = _scoped(caller, caller.scopes, "read", holding)
    scoped = {action: _scoped(caller, caller.scopes, action, reach) for action, reach in allowed.items()}
    scoped = _attached(scoped, holding)
    kept = role.powers if "system" in caller.scopes.levels else role.powers & policy.scope_powers
    return Rights(scoped, kept)


def _reach(policy: Policy, caller: Caller, rows: Iterable[Row], action: Action) -> dict[str, Restriction]:
    found: dict[str, Restriction] = {}
    for row in rows:
        if action in row.actions:
            for type in sorted(row.types):
                found[type] = any_of(found.get(type, NONE), _where(policy, caller, row.where, type, action))
    return found


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
    return Consented((caller.actor, *caller.actors), caller.purpose, 0)


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
        ordinary = _reach(policy, caller, (row for row in role.rows if row.where == "all"), action)
        record = [type for type in record_types() if type != "AuditEvent"]
        allowed[action] = {**ordinary, **dict.fromkeys(record, reach)}
        if action != "search":
            allowed[action][BINARY] = all_of(reach, _where_attached(BINARY))
    writing: tuple[Action, ...] = ("create", "update")
    for action in writing:
        types = {type for row in role.rows if row.where == "related" and action in row.actions for type in row.types}
        allowed[action] = dict.fromkeys(sorted(types), reach)
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


@cache
def default_policy() -> Policy:
    """Return the policy that comes with the server."""
    return read_policy(resources.files("auth").joinpath("data/policy.toml").read_text("utf-8"))


def read_policy(text: str) -> Policy:
    """Return the policy that a file says. Raises PolicyError for what has no meaning."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"it is not TOML: {error}") from None
    _known(data, ("groups", "labels", "relations", "purposes", "scopes", "roles"), "the file")
    groups, labels = _table(data, "groups"), _table(data, "labels")
    relations, scopes = _table(data, "relations"), _table(data, "scopes")
    _known(labels, ("hidden", "sealed"), "[labels]")
    _known(relations, ("days_after", "opened_by"), "[relations]")
    _known(scopes, ("powers",), "[scopes]")
    purposes = _table(data, "purposes")
    _known(purposes, ("allowed",), "[purposes]")
    allowed = _texts(purposes, "allowed", "[purposes]") if "allowed" in purposes else [TREATMENT]
    days = relations.get("days_after", 30)
    if not isinstance(days, int) or not 0 <= days <= 3650:
        raise PolicyError("[relations] days_after is a number of days from 0 to 3650")
    roles = {name: _role(name, row, groups) for name, row in _table(data, "roles").items()}
    openers = frozenset(_texts(relations, "opened_by", "[relations]") if "opened_by" in relations else ())
    if unknown := sorted(openers - set(roles)):
        raise PolicyError(f"[relations] opened_by names {unknown[0]!r}, which is no role of this file")
    if not roles:
        raise PolicyError("it has no roles, so that nobody could do anything")
    return Policy(
        roles,
        _labels(labels, "hidden"),
        _labels(labels, "sealed"),
        _powers(scopes, "[scopes]"),
        days,
        openers,
        frozenset(allowed),
    )


def _role(name: str, row: Any, groups: Mapping[str, Any]) -> Role:
    place = f"[roles.{name}]"
    if not isinstance(row, dict):
        raise PolicyError(f"{place} must be a table")
    _known(row, ("powers", "allow"), place)
    allow = row.get("allow", [])
    if not isinstance(allow, list):
        raise PolicyError(f"{place} allow must be a list of rows")
    rows = tuple(_row(each, f"{place} row {number}", groups) for number, each in enumerate(allow, 1))
    return Role(rows, _powers(row, place))


def _row(row: Any, place: str, groups: Mapping[str, Any]) -> Row:
    if not isinstance(row, dict) or set(row) != {"actions", "types", "where"}:
        raise PolicyError(f"{place} needs actions, types and where")
    actions = _texts(row, "actions", place)
    for each in actions:
        if each not in ACTIONS:
            raise PolicyError(f"{place}: {each!r} is no action; there are {', '.join(ACTIONS)}")
    types, where = _types(_texts(row, "types", place), groups, place, ()), row["where"]
    if not isinstance(where, str) or not (where in WHERE or _criteria(where)):
        raise PolicyError(f"{place}: where is one of {', '.join(WHERE)}, or criteria such as ?patient=Patient/{{id}}")
    return Row(tuple(each for each in ACTIONS if each in actions), types, where)


def _criteria(where: str) -> bool:
    try:
        return where.startswith("?") and bool(parse_qsl(where[1:], strict_parsing=True))
    except ValueError:
        return False


def _types(names: Sequence[str], groups: Mapping[str, Any], place: str, inside: tuple[str, ...]) -> frozenset[str]:
    """Return the types that `names` stand for, in order: what `!` takes away, a later name may bring again."""
    found: set[str] = set()
    for name in names:
        plain = name.removeprefix("!")
        if plain in inside:
            raise PolicyError(f"{place}: the group {plain} is in itself")
        if plain == ANY:
            meant = frozenset(resource_types())
        elif plain == "record":
            meant = frozenset(record_types())
        elif plain in groups:
            meant = _types(_texts(groups, plain, "[groups]"), groups, place, (*inside, plain))
        elif is_resource_type(plain):
            meant = frozenset((plain,))
        else:
            raise PolicyError(f"{place}: {plain!r} is neither a resource type of R4 nor a group")
        found = found - meant if name != plain else found | meant
    return frozenset(found)


def _labels(table: Mapping[str, Any], name: str) -> tuple[Label, ...]:
    found = []
    for text in _texts(table, name, "[labels]") if name in table else ():
        system, bar, code = text.partition("|")
        if not bar or not code:
            raise PolicyError(f"[labels] {name}: {text!r} is not written system|code")
        found.append((system, code))
    return tuple(found)


def _powers(table: Mapping[str, Any], place: str) -> frozenset[Power]:
    named = _texts(table, "powers", place) if "powers" in table else []
    for each in named:
        if each not in POWERS:
            raise PolicyError(f"{place}: {each!r} is no power; there are {', '.join(POWERS)}")
    return frozenset(each for each in POWERS if each in named)


def _texts(table: Mapping[str, Any], name: str, place: str) -> list[str]:
    value = table[name]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise PolicyError(f"{place} {name} must be a list of texts")
    return value


def _table(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name, {})
    if not isinstance(value, dict):
        raise PolicyError(f"[{name}] must be a table")
    return value


def _known(table: Mapping[str, Any], names: Iterable[str], place: str) -> None:
    for name in table:
        if name not in names:
            raise PolicyError(f"{place} has no {name!r}; it has {', '.join(names)}")
