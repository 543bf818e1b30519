"""Which concepts of a loaded code system are meant, as a tree that a store can follow by its indexes.

A leaf says something of one concept; `AnyOf`, `AllOf` and `Not` combine them. Nothing here needs the concepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Whole:
    """Every concept."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The concepts that have one of these codes, letter by letter."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Below:
    """What a code subsumes; the code itself too where `itself` says so."""

    code: str
    itself: bool = True


@dataclass(frozen=True, slots=True)
class Above:
    """What subsumes a code, itself included."""

    code: str


@dataclass(frozen=True, slots=True)
class Beside:
    """The immediate neighbours of any of `codes`: their `children`, or their `parents`."""

    codes: tuple[str, ...]
    role: Literal["children", "parents"]


@dataclass(frozen=True, slots=True)
class Having:
    """The concepts with one of these values of a property; `display` counts as one."""

    property: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Existing:
    """The concepts with any value of a property, of `parent` and `child` too."""

    property: str


@dataclass(frozen=True, slots=True)
class Like:
    """The concepts of which a property, `code` and `display` included, matches a regular expression end to end."""

    property: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Active:
    """The concepts that are in use."""


@dataclass(frozen=True, slots=True)
class Selectable:
    """The concepts that do not merely group others."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What at least one of `rules` selects; nothing when empty."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """What every one of `rules` selects."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What `rule` does not select."""

    rule: Rule


Rule = Whole | Codes | Below | Above | Beside | Having | Existing | Like | Active | Selectable | AnyOf | AllOf | Not


@dataclass(frozen=True, slots=True)
class Selection:
    """The concepts of the code system `key` that `rule` selects, of which each of `words` begins a word of a name."""

    key: int
    rule: Rule = Whole()
    words: tuple[str, ...] = ()


def both(*rules: Rule) -> Rule:
    """Return what all of `rules` select."""
    parts = tuple(each for each in rules if each != Whole())
    return parts[0] if len(parts) == 1 else AllOf(parts) if parts else Whole()


def either(*rules: Rule) -> Rule:
    """Return what any of `rules` selects."""
    if Whole() in rules:
        return Whole()
    return rules[0] if len(rules) == 1 else AnyOf(rules)


def named(rule: Rule) -> Iterator[str]:
    """Yield the codes that a rule starts from, which must be there for it to mean anything."""
    match rule:
        case Below() | Above():
            yield rule.code
        case Beside():
            yield from rule.codes
        case AnyOf() | AllOf():
            for each in rule.rules:
                yield from named(each)
        case Not():
            yield from named(rule.rule)
        case _:
            return
