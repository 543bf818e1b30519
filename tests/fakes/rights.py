"""Rights for tests: everything with what is within one restriction."""

from __future__ import annotations

from auth.rights import Rights, limited
from profiles.definitions import resource_types
from profiles.restriction import Restriction


def limited_to(restriction: Restriction) -> Rights:
    """Return the right to do everything with what is within `restriction`, of every type; ids are chosen freely."""
    return limited(restriction, resource_types(), powers=("ids", "terminology", "validate", "closure"))
