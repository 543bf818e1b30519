"""Whether a resource can be read as what it says it is: profiles presume JSON kinds and values that are right."""

from __future__ import annotations

from collections.abc import Iterable

from profiles.issues import Issue
from profiles.validation.prose.finding import LENIENT

UNREADABLE = frozenset({"structure", "value"})
"""Codes of errors after which profiles say nothing."""


def readable(issues: Iterable[Issue]) -> bool:
    """Return whether a resource with these findings of the base can be judged by profiles.

    What only strictness makes an error (a size that is not that of the data) keeps nobody from reading on.
    """
    return not any(each.is_error and each.code in UNREADABLE and each.rule != LENIENT for each in issues)
