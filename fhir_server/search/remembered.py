"""Searches that were parsed lately: pages, dashboards and pollers ask the same again and again.

A parsed search depends on its text, on the parameters of the tenant, and where it says `ap` or names a value set, on
the moment as well: such a one is not remembered.
"""

from __future__ import annotations

from collections.abc import Hashable

from fhir_server.search.parameters import Registry
from fhir_server.search.parse import Search
from fhir_server.search.parts import Parts, is_timeless

MOST = 4096
"""How many are remembered at most; then it starts afresh."""


class Remembered:
    """Parsed searches by what they were parsed from. They are forgotten when the parameters change."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Search] = {}
        self._parts = Parts()
        self._epoch = -1

    def _follow(self, registry: Registry) -> None:
        if registry.epoch != self._epoch:
            self._found.clear()
            self._parts.clear()
            self._epoch = registry.epoch

    def get(self, key: Hashable, registry: Registry) -> Search | None:
        """Return the search remembered under `key`."""
        self._follow(registry)
        return self._found.get(key)

    def parts(self, registry: Registry) -> Parts:
        """Return what single parameters were read as."""
        self._follow(registry)
        return self._parts

    def keep(self, key: Hashable, search: Search) -> None:
        """Remember `search`, unless it means something else at another moment."""
        if search.warnings or not is_timeless(search.targets):
            return
        if len(self._found) >= MOST:
            self._found.clear()
        self._found[key] = search
