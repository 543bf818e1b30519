"""The policy file (`auth/data/policy.toml` explains itself), read once and strictly into a `Policy`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl

from auth.policy import TREATMENT, WHERE, Label, Policy, Role, Row
from auth.rights import ACTIONS, POWERS, Power
from auth.scopes import ANY
from profiles.definitions import is_resource_type, resource_types
from profiles.ownership import record_types


class PolicyError(Exception):
    """The policy file says something that has no meaning; the message names the place."""


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
    types = _types(_texts(row, "types", place), groups, place, ())
    return Row(tuple(each for each in ACTIONS if each in actions), types, _conditions(row["where"], place))


def _conditions(where: Any, place: str) -> tuple[str, ...]:
    """Return what `where` says: one condition, or a list of conditions that must all hold."""
    named = where if isinstance(where, list) else [where]
    if not named:
        raise PolicyError(f"{place}: where is an empty list, which would be no condition at all; everything is 'all'")
    for each in named:
        if not isinstance(each, str) or not (each in WHERE or _criteria(each)):
            raise PolicyError(
                f"{place}: where has {each!r}, which is no condition; there are {', '.join(WHERE)}, and criteria such "
                "as ?patient=Patient/{id}; several in a list must all hold"
            )
    return tuple(dict.fromkeys(named))


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
