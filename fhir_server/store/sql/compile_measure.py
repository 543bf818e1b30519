"""Comparisons of ranges in SQL: dates, numbers and quantities by prefix. `search.match_entry` says what they mean."""

from __future__ import annotations

from typing import Any

from fhir_server.search.query import Prefix
from fhir_server.store.sql.dialect import Statement

# By prefix: a range for the index (on one column), and what must hold besides; l and h are the range searched for.
_DATES: dict[Prefix, tuple[str, str]] = {
    "eq": ("low >= l AND low <= h", "high <= h"),
    "ne": ("", "(low < l OR high > h)"),
    "gt": ("high > h", ""),
    "lt": ("low < l", ""),
    # Whatever reaches beyond the range or begins in it ends in it or later, and the other way round.
    "ge": ("high >= l", "(high > h OR low >= l)"),
    "le": ("low <= h", "(low < l OR high <= h)"),
    "sa": ("low > h", ""),
    "eb": ("high < l", ""),
    "ap": ("low <= h", "high >= l"),
}
_NUMBERS: dict[Prefix, tuple[str, str]] = {
    **_DATES,
    "eq": ("low >= l AND low < h", "high < h"),
    "ne": ("", "(low < l OR high >= h)"),
    "ge": ("high >= l", ""),
    "le": ("low <= h", ""),
}
RANKS: dict[Prefix, int] = {"eq": 4, "ap": 7, "ne": 8}
"""How many rows a prefix is likely to find, from few to many; 6 where nothing is said."""


def dates(prefix: Prefix, low: Any, high: Any, columns: tuple[str, str]) -> Statement:
    """Return the condition of a date range on the two columns that hold low and high."""
    return _filled(_DATES[prefix], low, high, columns)


def numbers(prefix: Prefix, low: Any, high: Any, columns: tuple[str, str]) -> Statement:
    """Return the condition of a range of numbers on the two columns that hold low and high."""
    return _filled(_NUMBERS[prefix], low, high, columns)


def _filled(pattern: tuple[str, str], low: Any, high: Any, columns: tuple[str, str]) -> Statement:
    words = " AND ".join(part for part in pattern if part).replace("(", "( ").replace(")", " )").split()
    arguments = tuple(low if word == "l" else high for word in words if word in ("l", "h"))
    spelled = {"low": columns[0], "high": columns[1], "l": "?", "h": "?"}
    return Statement(" ".join(spelled.get(word, word) for word in words), arguments)
