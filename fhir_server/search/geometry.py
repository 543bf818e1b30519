"""Distances on the earth, for the search parameter `near` (http://hl7.org/fhir/R4/location.html#positional)."""

from __future__ import annotations

from math import asin, cos, degrees, radians, sin, sqrt

RADIUS = 6_371_008.8
"""Mean radius of the earth in metres."""
UNIT = 10_000_000
"""Positions are whole numbers of 1/UNIT degree."""


def distance(latitude: int, longitude: int, other_latitude: int, other_longitude: int) -> float:
    """Return the metres between two positions on a sphere (haversine)."""
    here, there = radians(latitude / UNIT), radians(other_latitude / UNIT)
    across = sin((there - here) / 2) ** 2
    along = sin(radians((other_longitude - longitude) / UNIT) / 2) ** 2
    return 2 * RADIUS * asin(min(1.0, sqrt(across + cos(here) * cos(there) * along)))


def latitudes(latitude: int, metres: float) -> tuple[int, int]:
    """Return the closed range of latitudes within which everything at most `metres` away lies."""
    reach = int(degrees(metres / RADIUS) * UNIT) + 1
    return latitude - reach, latitude + reach
