"""What a user may decide about: each scope by itself, and some of them narrowed to a kind of data.

Nothing can be granted that was not asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from auth.scopes import Known, ResourceScope, Scopes, parse_scopes
from auth.smart.words import Language, in_words, word

CATEGORIES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Observation": (
        ("http://terminology.hl7.org/CodeSystem/observation-category|laboratory", "laboratory", "analyses"),
        ("http://terminology.hl7.org/CodeSystem/observation-category|vital-signs", "vital signs", "constantes vitales"),
        ("http://terminology.hl7.org/CodeSystem/observation-category|social-history", "social history", "mode de vie"),
        ("http://terminology.hl7.org/CodeSystem/observation-category|survey", "surveys", "questionnaires"),
    ),
    "Condition": (
        ("http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item", "problems", "problèmes"),
        ("http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis", "diagnoses", "diagnostics"),
        ("http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern", "concerns", "préoccupations"),
    ),
}
"""Kinds of data that a scope can be narrowed to: the value of `category`, in English, in French."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to tick: the scope, in words, and narrower choices instead of it."""

    scope: str
    text: str
    narrower: tuple[Choice, ...] = ()


def choices(scopes: Scopes, language: Language, known: Known) -> list[Choice]:
    """Return what a user decides about, in the order it was asked for; health data first."""
    about = [Choice(str(each), in_words(each, language), _narrower(each, language, known)) for each in scopes.resources]
    return about + [Choice(each, word(each, language)) for each in scopes.words]


def decided(asked: Scopes, ticked: Collection[str], known: Known) -> Scopes:
    """Return the scopes that a user has ticked, of those that were asked for."""
    chosen, _unreadable = parse_scopes(" ".join(ticked), known)
    words = tuple(each for each in asked.words if each in chosen.words)
    kept = [each for each in chosen.resources if Scopes((each,)).within(asked)]
    # Whoever leaves the whole ticked has not narrowed it.
    widest = [each for each in kept if not any(other != each and other.covers(each) for other in kept)]
    return Scopes(tuple(widest), words)


def _narrower(scope: ResourceScope, language: Language, known: Known) -> tuple[Choice, ...]:
    if scope.parameters or not known(scope.type, "category"):
        return ()
    offered: Sequence[tuple[str, str, str]] = CATEGORIES.get(scope.type, ())
    english = language == "en"
    narrowed = ((replace(scope, parameters=(("category", each[0]),), version=2), each) for each in offered)
    return tuple(Choice(str(narrower), each[1] if english else each[2]) for narrower, each in narrowed)
