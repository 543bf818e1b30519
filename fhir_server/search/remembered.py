"""Searches that were parsed lately: pages, dashboards and pollers ask the same again and again.

A parsed search depends on its text, on the parameters of the tenant, and where it says `ap` or names a value set, on
the moment as well: such a one is not remembered.
"""

from __future__ import annotations

from collections.abc import Hashable

from fhir_server.search.parameters import Registry
from fhir_server.search.parse import Search
from fhir_server.search.parts import Parts, is_timeless
from fhir_server.search.weight import weight

MOST = 8192
"""How many are remembered before those are forgotten that were asked for only before these; some 8 MB."""
LONGEST, HEAVIEST = 1024, 100
"""Characters and weight of a search that is remembered: what is larger is seldom asked again, and would fill memory."""


class Remembered:
    """Parsed searches by what they were parsed from. They are forgotten when the parameters change."""

    def __init__(self) -> None:
        self._lately: dict[Hashable, Search] = {}
        self._before: dict[Hashable, Search] = {}
        self._parts = Parts()
        self._epoch = -1

    def _follow(self, registry: Registry) -> None:
        if registry.epoch != self._epoch:
            self._lately, self._before = {}, {}
            self._parts.clear()
            self._epoch = registry.epoch

    def get(self, key: Hashable, registry: Registry) -> Search | None:
        """Return the search remembered under `key`."""
        self._follow(registry)
        found = self._lately.get(key)
        if found is None and (found := self._before.get(key)) is not None:
            self._put(key, found)
        return found

    def parts(self, registry: Registry) -> Parts:
        """Return what single parameters were read as."""
        self._follow(registry)
        return self._parts

    def keep(self, key: Hashable, search: Search) -> None:
        """Remember `search`, unless it means something else at another moment, or is large."""
        if not search.warnings and _is_small(search) and is_timeless(search.targets):
            self._put(key, search)

    def _put(self, key: Hashable, search: Search) -> None:
        if len(self._lately) >= MOST:
            self._lately, self._before = {}, self._lately
        self._lately[key] = search


def _is_small(search: Search) -> bool:
    length = sum(len(name) + len(value) for name, value in search.applied)
    return length <= LONGEST and sum(weight(target.where) for target in search.targets) <= HEAVIEST
