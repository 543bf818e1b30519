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
from profiles.terminology.value_set import ValueSet

Resolve = Callable[[str], Mapping[str, Any] | None]
"""Canonical, with `|version` where one was stated -> a ValueSet or CodeSystem resource (R4 JSON), None if unknown."""

_Defined = TypeVar("_Defined", CodeSystem, ValueSet)
_STORE = {
    "value set": "store it as a ValueSet with that url",
    "code system": "store it as a complete CodeSystem with that url, or list the codes in a ValueSet",
}
_IMPLICIT = ("http://snomed.info/sct?", "http://snomed.info/sct/", "http://loinc.org/vs")


def find_value_set(canonical: str, resolve: Resolve) -> ValueSet:
    """Return the definition of a value set. Raises NotExpandable when it is unknown or of another version."""
    stored = _stored(canonical, "ValueSet", resolve)
    found = [value_set.of_resource(stored, unversioned(canonical))] if stored else []
    own = value_set.of_r4(unversioned(canonical))
    candidates = [*found, own] if own else found
    if not candidates:
        _say_what_it_is(canonical)
    return _fitting(canonical, "value set", candidates)[0]


def _say_what_it_is(canonical: str) -> None:
    """Raise NotExpandable where more can be said of the url than that no value set has it."""
    if canonical.startswith(_IMPLICIT):
        raise NotExpandable(
            canonical,
            f"the value set {canonical} is an implicit one of a terminology whose codes are not here",
            "store a ValueSet of that url that lists its codes",
        )
    if code_system.of_r4(unversioned(canonical)):
        reason = f"{canonical} is a code system, not a value set"
        raise NotExpandable(canonical, reason, "give the url of a value set that includes it")


def find_code_system(canonical: str, resolve: Resolve) -> CodeSystem:
    """Return a code system with all its codes. Raises NotExpandable when it is unknown or not complete."""
    stored = _stored(canonical, "CodeSystem", resolve)
    found = [code_system.of_resource(stored)] if stored else []
    own = code_system.of_r4(canonical) or code_system.of_r4(unversioned(canonical))
    fitting = _fitting(canonical, "code system", [*found, own] if own else found)
    for each in fitting:
        if each.complete:
            return each
    first = fitting[0]
    url = first.url
    lacks = "builds codes by a grammar" if first.compositional else f"has content {first.content!r}, not 'complete'"
    raise NotExpandable(url, f"the code system {url} {lacks}, so its codes cannot all be told", _STORE["code system"])


def _stored(canonical: str, kind: str, resolve: Resolve) -> Mapping[str, Any] | None:
    resource = resolve(canonical)
    if resource is not None and resource.get("resourceType") != kind:
        raise NotExpandable(
            canonical, f"{canonical} is a {resource.get('resourceType')}, not a {kind}", f"give the url of a {kind}"
        )
    return resource


def _fitting(canonical: str, kind: str, candidates: list[_Defined]) -> list[_Defined]:
    """Return the candidates of the version that `canonical` states, all where it states none.

    Some of R4's code systems have a `|` in the url itself (`…/v2-0006|2.1`).
    """
    url, version = unversioned(canonical), version_of(canonical)
    if not candidates:
        raise NotExpandable(url, f"the {kind} {url} is not known here", _STORE[kind])
    fitting = [each for each in candidates if version in (None, each.version) or each.url == canonical]
    if not fitting:
        here = ", ".join(sorted({each.version or "one without version" for each in candidates}))
        raise NotExpandable(
            url,
            f"the {kind} {url} is not here in version {version} but in {here}",
            "store the version that is asked for, or ask for none",
        )
    return fitting
