"""What the compiler makes of a syntax tree: closures over (frame, focus), in two forms.

The focus is the collection that paths begin at. `items` gives a collection, `truth` the boolean that singleton
evaluation makes of it (http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections): True, False, or None for
empty. Whatever is by nature boolean is written once as truth and never builds a collection on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.values import system

Evaluator = Callable[[Frame, Items], Items]
Truth = Callable[[Frame, Items], bool | None]
Presence = Callable[[Frame, Items], bool]

EMPTY: Items = []
TRUE: Items = [True]
FALSE: Items = [False]


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled expression; `present` says whether it has any item, sooner than `items` could.

    `constant` is its value where it is a literal, `name` the element where it is that of the focus (`system`).
    `nothing` marks what is empty whatever the focus, `boolean` what is never anything but a boolean.
    """

    items: Evaluator
    truth: Truth
    present: Presence
    constant: Any = None
    nothing: bool = False
    boolean: bool = False
    name: str | None = None


def singleton(items: Items) -> bool | None:
    """Return a collection as a boolean: a single item that is no boolean counts as true."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathTypeError(
            f"a condition takes a single boolean, there are {len(items)} items; use exists() or all()"
        )
    value = system(items[0])
    if value.__class__ is bool or value is None:
        return value
    return True


def of_items(items: Evaluator, present: Presence | None = None, name: str | None = None) -> Code:
    """Return code for a collection, `name` where it is that element of the focus."""

    def truth(frame: Frame, focus: Items) -> bool | None:
        return singleton(items(frame, focus))

    def any_item(frame: Frame, focus: Items) -> bool:
        return bool(items(frame, focus))

    return Code(items, truth, present or any_item, name=name)


def of_truth(truth: Truth) -> Code:
    """Return code for a boolean that may be empty."""

    def items(frame: Frame, focus: Items) -> Items:
        value = truth(frame, focus)
        return TRUE if value else EMPTY if value is None else FALSE

    def present(frame: Frame, focus: Items) -> bool:
        return truth(frame, focus) is not None

    return Code(items, truth, present, boolean=True)


def of_constant(value: Any) -> Code:
    """Return code for a literal."""
    collection = [value]
    verdict = value if isinstance(value, bool) else True
    return Code(lambda frame, focus: collection, lambda frame, focus: verdict, lambda frame, focus: True, value)


NOTHING = Code(lambda frame, focus: EMPTY, lambda frame, focus: None, lambda frame, focus: False, nothing=True)


def _focus_items(frame: Frame, focus: Items) -> Items:
    return focus


FOCUS = of_items(_focus_items, lambda frame, focus: bool(focus))
"""The focus itself, where a path or function has no source."""
