"""What can be asked of the concepts of a loaded code system, and how the answers look.

The questions are values: whoever reads a value set notes them, whoever has the store answers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from profiles.terminology.concept import Concept, Properties
from profiles.terminology.selection import Selection


@dataclass(frozen=True, slots=True)
class Entry:
    """One concept as an expansion shows it."""

    code: str
    concept: Concept
    inactive: bool = False
    abstract: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """All of one concept: `entry`, its properties, and its immediate neighbours in the hierarchy."""

    entry: Entry
    properties: Properties = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """The concepts that have these codes. Answered by {code: Entry}.

    Where letter case does not matter in the system, a code is also found by another case, under the code asked for.
    """

    key: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """All of the concept with this code. Answered by `Known`, or None."""

    key: int
    code: str


@dataclass(frozen=True, slots=True)
class Among:
    """Which of these codes are selected. Answered by a frozenset."""

    selection: Selection
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Up to `count` of the selected concepts in order, after `skip` of them. Answered by a tuple of Entry."""

    selection: Selection
    skip: int
    count: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many concepts are selected. Answered by an int."""

    selection: Selection


Question = Look | Detail | Among | Slice | Count
Answers = Mapping[Question, Any]
