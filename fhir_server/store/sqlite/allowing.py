"""The tests that a version is allowed, as a base class of what reads: compiled once for a restriction, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.search.match import Criteria
from fhir_server.store.sql.compile import make_world
from fhir_server.store.sql.compile_visible import World, compile_restriction
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.dictionary import Dictionary, Names
from fhir_server.store.sqlite.plans import Noting, Plans, has_criteria
from profiles.restriction import ALL, Restriction

_TESTS = 1024
"""Tests of restrictions that are kept."""

Test = tuple[str, tuple[Any, ...]]
"""What is added to a statement that reads `version v`, and its arguments."""


class Allowing:
    """Knows the tests of restrictions. Without `plans` none is kept."""

    def __init__(self, dictionary: Dictionary, names: Names, criteria: Criteria, plans: Plans | None) -> None:
        self._dictionary = dictionary
        self._names = names
        self._criteria = criteria
        self._plans = plans
        self._tests: dict[tuple[str, Restriction], tuple[int, Test]] = {}

    def _allowed(self, restriction: Restriction) -> Test:
        """Return the test that the version `v` is allowed."""
        return ("", ()) if restriction is ALL else self._tested(("v", restriction), self._narrowly)

    def _both_allowed(self, restriction: Restriction) -> Test:
        """Return the test that an old version is allowed and the current one of its resource is."""
        return ("", ()) if restriction is ALL else self._tested(("v, c", restriction), self._broadly)

    def _tested(self, key: tuple[str, Restriction], make: Callable[[World], Statement]) -> Test:
        """Return a test; it is kept for as long as it would be compiled the same, as in `Plans`."""
        keeps = self._plans is not None and not has_criteria(key[1])
        kept = self._tests.get(key) if keeps else None
        if kept is not None and kept[0] == self._dictionary.changed:
            return kept[1]
        changed, names = self._dictionary.changed, Noting(self._names, 0)
        statement = make(make_world(names, self._criteria, key[1], None))
        found = f" AND ({statement.sql})", statement.arguments
        if keeps and not names.missed:
            if len(self._tests) >= _TESTS:
                self._tests.clear()
            self._tests[key] = changed, found
        return found

    def _narrowly(self, world: World) -> Statement:
        return compile_restriction(world.restriction, "v", world)

    def _broadly(self, world: World) -> Statement:
        then = compile_restriction(world.restriction, "v", world)
        now = compile_restriction(world.restriction, "c", world)
        return Statement(
            f"({then.sql}) AND (v.v = (SELECT r.current FROM resource r WHERE r.rid = v.rid) OR EXISTS (SELECT 1"
            f" FROM resource r CROSS JOIN version c ON c.v = r.current WHERE r.rid = v.rid AND ({now.sql})))",
            (*then.arguments, *now.arguments),
        )
