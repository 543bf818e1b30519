"""Fixed values, patterns, and the limits of values (http://hl7.org/fhir/R4/elementdefinition.html#ElementDefinition.fixed_x_)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from profiles.datatypes.temporal import parse_date_time, parse_time

_SHOWN = 160


def is_fixed(value: Any, fixed: Any) -> bool:
    """Return whether a value is exactly the fixed one; decimals are compared as numbers."""
    return bool(value == fixed) and isinstance(value, bool) == isinstance(fixed, bool)


def has_pattern(value: Any, pattern: Any) -> bool:
    """Return whether a value holds at least what the pattern holds, each item of an array in one of its items."""
    if isinstance(pattern, dict):
        # Written out: slices ask this of every value, and a generator would cost more than the comparisons.
        if not isinstance(value, dict):
            return False
        for name, each in pattern.items():  # noqa: SIM110
            if name not in value or not has_pattern(value[name], each):
                return False
        return True
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(has_pattern(each, part) for each in value) for part in pattern)
    return is_fixed(value, pattern)


def shown(value: Any) -> str:
    """Return a value of a profile for a message, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def limit_fault(value: Any, limit: Any, upper: bool) -> str | None:
    """Return why a value is beyond `limit` (the largest if `upper`), None when it is within or cannot be compared."""
    order = compared(value, limit)
    if order is None or (order <= 0 if upper else order >= 0):
        return None
    return f"must be at {'most' if upper else 'least'} {shown(limit)}"


def compared(value: Any, other: Any) -> int | None:
    """Return -1, 0 or 1 for smaller, equal, greater; None where two values cannot be compared.

    Values are JSON: numbers, dates and times as strings, Quantities of the same unit.
    """
    if isinstance(value, dict) and isinstance(other, dict):
        same = all(value.get(name) == other.get(name) for name in ("system", "code"))
        return compared(value.get("value"), other.get("value")) if same else None
    if isinstance(value, bool) or isinstance(other, bool):
        return None
    if isinstance(value, int | Decimal) and isinstance(other, int | Decimal):
        return (value > other) - (value < other)
    if isinstance(value, str) and isinstance(other, str):
        return _compared_text(value, other)
    return None


def _compared_text(value: str, other: str) -> int | None:
    """Compare dates, dateTimes, instants or times by the spans they stand for; what overlaps has no order."""
    read = parse_time if value[2:3] == ":" else parse_date_time
    try:
        left, right = read(value), read(other)
    except ValueError:
        return None
    if (left.low, left.high) == (right.low, right.high):
        return 0
    if left.high < right.low:
        return -1
    return 1 if left.low > right.high else None
