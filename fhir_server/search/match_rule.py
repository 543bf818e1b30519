"""What care relations and consents say of one version, in plain Python: the definition for every store.

`profiles.restriction` says what relations (RELATIONS) and refusals (RULES) hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from profiles.restriction import Consented, Related

if TYPE_CHECKING:
    from fhir_server.search.match import Candidate

Rule = Mapping[str, Any]
Kept = tuple[Rule, int | None]
"""A record's value, and when it expires (microseconds since 1970; None: never)."""


def is_related(related: Related, relations: Iterable[Kept], version: Candidate) -> bool:
    """Return whether one of `relations`, those with whom `version` is about, is open and lets it be seen."""
    return any(
        _in_force(rule, expires, related.at)
        and ("only" not in rule or any(_meets(each, version) for each in rule["only"]))
        for rule, expires in relations
    )


def is_refused(asked: Consented, rules: Iterable[Kept], version: Candidate) -> bool:
    """Return whether one of `rules`, those of whom `version` is about, refuses it and makes no exception."""
    return any(
        _in_force(rule, expires, asked.at)
        and _named(rule, asked.actors, asked.purpose)
        and _meets(rule, version)
        and not any(_is_exempt(asked, each, version) for each in rule.get("except", ()))
        for rule, expires in rules
    )


def _is_exempt(asked: Consented, exception: Rule, version: Candidate) -> bool:
    return (
        _named(exception, asked.vouched, asked.purpose)
        and _in_force(exception, exception.get("until"), asked.at)
        and _meets(exception, version)
    )


def _in_force(rule: Rule, until: int | None, at: int) -> bool:
    return int(rule.get("since", 0)) <= at and (until is None or until > at)


def _named(rule: Rule, actors: Sequence[str], purpose: str) -> bool:
    return ("actors" not in rule or any(each in rule["actors"] for each in actors)) and (
        "purposes" not in rule or purpose in rule["purposes"]
    )


def _meets(rule: Rule, version: Candidate) -> bool:
    return (
        ("types" not in rule or version.type in rule["types"])
        and ("authors" not in rule or version.author in rule["authors"])
        and ("resources" not in rule or f"{version.type}/{version.id}" in rule["resources"])
        and ("encounters" not in rule or any(("Encounter", each) in version.owners for each in rule["encounters"]))
        and ("labels" not in rule or any((system, code) in version.labels for system, code in rule["labels"]))
        and ("from" not in rule or version.time >= rule["from"])
        and ("to" not in rule or version.time < rule["to"])
    )
