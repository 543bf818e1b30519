"""Regular expressions of value sets within limits (http://hl7.org/fhir/R4/valueset-filter-operator.html).

The patterns are users' text, and matching some of them takes longer than the universe has. The `regex` library can be
stopped; it is imported when first needed. All values of a code system share one budget.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib import import_module

MAX_PATTERN = 500
"""Characters."""
BUDGET = 0.25
"""Seconds for all values together. It runs while others wait, so it is short."""


class BadPattern(ValueError):
    """A pattern that is none, or that takes too long; the text is a clause."""


def matching(pattern: str, values: Iterable[str]) -> frozenset[str]:
    """Return the `values` that the pattern matches from end to end. Raises BadPattern."""
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"has a regular expression of more than {MAX_PATTERN} characters")
    regex = import_module("regex")
    try:
        compiled = regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"has no regular expression: {error}") from error
    # A clock is what bounds it: a count of values says nothing about how long one of them takes.
    end = time.monotonic() + BUDGET
    found = set()
    for value in values:
        left = end - time.monotonic()
        try:
            if left <= 0 or compiled.fullmatch(value, timeout=left) is not None:
                found.add(value)
        except TimeoutError:
            left = 0
        if left <= 0:
            raise BadPattern(f"takes longer than {BUDGET} s; avoid a repetition inside a repetition, as in (a+)+")
    return frozenset(found)
