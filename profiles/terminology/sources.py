"""Where definitions come from: what the asker has stored goes first, R4's own definitions second.

A stated version is respected: a definition of another version is not taken in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from profiles.terminology import code_system, value_set
from profiles.terminology.canonical import unversioned, version_of
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.errors import NotExpandable
from profiles.terminology.implicit import implicit
from profiles.terminology.indexed import Indexed
from profiles.terminology.value_set import ValueSet

System = CodeSystem | Indexed
"""A code system, in memory or in the concept store."""
Resolve = Callable[[str], Mapping[str, Any] | System | None]
"""Canonical, with `|version` where one was stated -> a ValueSet or CodeSystem resource (R4 JSON), None if unknown.

A code system may come as what `code_system.of_resource` has made of it, so that it is read once, or as one that is
loaded.
"""

_Defined = TypeVar("_Defined", CodeSystem, ValueSet)
_STORE = {
    "value set": "store it as a ValueSet with that url",
    "code system": "store it as a complete CodeSystem with that url, or list the codes in a ValueSet",
}


def find_value_set(canonical: str, resolve: Resolve) -> ValueSet:
    """Return the definition of a value set. Raises NotExpandable when it is unknown or of another version."""
    stored = resolve(canonical)
    if isinstance(stored, System):
        raise _other_kind(canonical, "CodeSystem", "ValueSet")
    if stored is not None and stored.get("resourceType") != "ValueSet":
        raise _other_kind(canonical, stored.get("resourceType"), "ValueSet")
    found = [value_set.of_resource(stored, unversioned(canonical))] if stored else []
    own = value_set.of_r4(unversioned(canonical))
    candidates = [*found, own] if own else found
    if not candidates:
        return _other_value_set(canonical, resolve)
    return _fitting(canonical, "value set", candidates)[0]


def _other_value_set(canonical: str, resolve: Resolve) -> ValueSet:
    """Return an implicit value set. Raises NotExpandable, with all that can be said of the url."""
    made = implicit(canonical)
    if made is not None:
        system, definition = made
        if isinstance(resolve(system), Indexed):
            return definition
        raise NotExpandable(
            canonical,
            f"the value set {canonical} is an implicit one of {system}, whose codes are not here",
            "load that code system, or store a ValueSet of that url that lists its codes",
            "not-found",
        )
    if code_system.of_r4(unversioned(canonical)):
        reason = f"{canonical} is a code system, not a value set"
        raise NotExpandable(canonical, reason, "give the url of a value set that includes it")
    raise _unknown(canonical, "value set")


def find_code_system(canonical: str, resolve: Resolve) -> System:
    """Return a code system with all its codes. Raises NotExpandable when it is unknown or not complete."""
    found = code_systems_of(canonical, resolve)
    return next((each for each in found if each.complete), None) or demand_complete(found[0])


def known_code_system(canonical: str, resolve: Resolve) -> System:
    """Return a code system with the codes that are here, all of them where there is a choice; else as above."""
    found = code_systems_of(canonical, resolve)
    return next((each for each in found if each.complete), found[0])


def demand_complete(system: System) -> System:
    """Return the system. Raises NotExpandable when not all of its codes are here."""
    if system.complete or isinstance(system, Indexed):
        return system
    url = system.url
    lacks = "builds codes by a grammar" if system.compositional else f"has content {system.content!r}, not 'complete'"
    raise NotExpandable(url, f"the code system {url} {lacks}, so its codes cannot all be told", _STORE["code system"])


def code_systems_of(canonical: str, resolve: Resolve) -> list[System]:
    """Return the definitions of a code system, the one to prefer first. Raises NotExpandable when there is none."""
    stored = resolve(canonical)
    if isinstance(stored, Indexed):
        return [stored]
    if isinstance(stored, Mapping):
        if stored.get("resourceType") != "CodeSystem":
            raise _other_kind(canonical, stored.get("resourceType"), "CodeSystem")
        stored = code_system.of_resource(stored)
    own = code_system.of_r4(canonical) or code_system.of_r4(unversioned(canonical))
    return [*_fitting(canonical, "code system", [each for each in (stored, own) if isinstance(each, CodeSystem)])]


def _other_kind(canonical: str, found: object, wanted: str) -> NotExpandable:
    return NotExpandable(canonical, f"{canonical} is a {found}, not a {wanted}", f"give the url of a {wanted}")


def _fitting(canonical: str, kind: str, candidates: list[_Defined]) -> list[_Defined]:
    """Return the candidates of the version that `canonical` states, all where it states none.

    Some of R4's code systems have a `|` in the url itself (`…/v2-0006|2.1`).
    """
    url, version = unversioned(canonical), version_of(canonical)
    if not candidates:
        raise _unknown(canonical, kind)
    fitting = [each for each in candidates if version in (None, each.version) or each.url == canonical]
    if not fitting:
        here = ", ".join(sorted({each.version or "one without version" for each in candidates}))
        raise NotExpandable(
            url,
            f"the {kind} {url} is not here in version {version} but in {here}",
            "store the version that is asked for, or ask for none",
            "not-found",
        )
    return fitting


def _unknown(canonical: str, kind: str) -> NotExpandable:
    url = unversioned(canonical)
    return NotExpandable(url, f"the {kind} {url} is not known here", _STORE[kind], "not-found")
