"""Regular expressions of value sets within limits (http://hl7.org/fhir/R4/valueset-filter-operator.html).

The patterns are users' text, and matching some of them takes longer than the universe has. The `regex` library can be
stopped; it is imported when first needed. All values of a code system share one budget.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any

MAX_PATTERN = 500
"""Characters."""
BUDGET = 0.25
"""Seconds for all values together. It runs while others wait, so it is short."""

SLOW = f"takes longer than {BUDGET} s; avoid a repetition inside a repetition, as in (a+)+"


class BadPattern(ValueError):
    """A pattern that is none, or that takes too long; the text is a clause."""


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """Return what matches the pattern. Raises BadPattern."""
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"has a regular expression of more than {MAX_PATTERN} characters")
    regex = import_module("regex")
    try:
        return regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"has no regular expression: {error}") from error


def matches(pattern: str, value: str | None) -> bool | None:
    """Return whether the pattern matches one value from end to end, None for none. Raises BadPattern."""
    if value is None:
        return None
    try:
        return compiled(pattern).fullmatch(value, timeout=BUDGET) is not None
    except TimeoutError:
        raise BadPattern(SLOW) from None


def matching(pattern: str, values: Iterable[str]) -> frozenset[str]:
    """Return the `values` that the pattern matches from end to end. Raises BadPattern."""
    made = compiled(pattern)
    # A clock is what bounds it: a count of values says nothing about how long one of them takes.
    end = time.monotonic() + BUDGET
    found = set()
    for value in values:
        left = end - time.monotonic()
        try:
            if left <= 0 or made.fullmatch(value, timeout=left) is not None:
                found.add(value)
        except TimeoutError:
            left = 0
        if left <= 0:
            raise BadPattern(SLOW)
    return frozenset(found)
