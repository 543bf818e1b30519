"""Points in time and days as views have them, where FHIR may say less or more."""

from __future__ import annotations

from typing import Any

from mappings.paths.path import Leaf
from mappings.views.kind import DATE, MOMENT, Kind, matching
from profiles.datatypes.primitives import DAY as CALENDAR_DAY
from profiles.datatypes.primitives import matches
from profiles.datatypes.temporal import compare, parse_date_time


def _completed(leaf: Leaf) -> str | None:
    """Return the first moment of what is said: a day that others wrote without a time begins at midnight, UTC."""
    text = leaf.value
    if not isinstance(text, str) or not matches("dateTime", text):
        return None
    return text if "T" in text else f"{text}{'-01-01'[(len(text) - 4) :]}T00:00:00Z"


def _day(leaf: Leaf) -> str | None:
    return leaf.value[:10] if isinstance(leaf.value, str) and len(leaf.value) >= 10 else None


def _day_fault(value: Any) -> str | None:
    return (
        None if DATE.fault(value) is None and len(value) == 10 else "must be a day of the calendar, such as 2024-02-29"
    )


def is_before(one: str, other: str) -> bool:
    """Return whether a point in time is certainly before another one; both are dateTimes, of any precision."""
    return (compare(parse_date_time(one), parse_date_time(other)) or 0) < 0


COMPLETED = Kind("point in time", MOMENT.schema, MOMENT.fault, Leaf, _completed)
"""A point in time that may stand in FHIR with less precision."""
_SCHEMA = matching(CALENDAR_DAY, format="date")
DAY = Kind("day", _SCHEMA, _day_fault, Leaf, _day)
DAY_OF_MOMENT = Kind("day", _SCHEMA, _day_fault, lambda value: Leaf(None), _day)
"""The day of a point in time; to write a day is to take the point in time away."""
