"""The numbers of contained resources: where a stored version has its row `v`, each resource it contains has one too.

They follow from the row of the container and the place among those it contains, so that nothing need be looked up to
come from one to the other. They are beyond all rows of versions, and in the same order.
"""

from __future__ import annotations

BITS = 20
"""Binary digits for the place: more resources than a request's body has room for."""
FIRST = 1 << 61
"""The least number of a contained resource."""
LAST = 1 << 62
"""Beyond all of them."""
MASK = (1 << (61 - BITS)) - 1


def contained_row(v: int, place: int = 0) -> int:
    """Return the number of the contained resource at `place`, from 0, of the version `v`."""
    return FIRST + (v << BITS) + place


def is_contained(row: int) -> bool:
    """Return whether a number is that of a contained resource."""
    return row >= FIRST


def container_of(row: int) -> int:
    """Return the version that contains the resource `row`; a version is its own."""
    return row >> BITS & MASK if row >= FIRST else row


def place_of(row: int) -> int | None:
    """Return the place of `row` among what its container contains, None for a version."""
    return row & (1 << BITS) - 1 if row >= FIRST else None
