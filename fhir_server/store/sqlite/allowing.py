"""The tests that a version is allowed, as a base class of what reads: compiled once for a restriction, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fhir_server.search.match import Criteria
from fhir_server.store.sql.compile import make_world
from fhir_server.store.sql.compile_visible import World, compile_restriction
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.dictionary import Dictionary, Names
from fhir_server.store.sqlite.plans import Noting, Plans, has_criteria
from fhir_server.store.sqlite.shape import restriction_shape
from profiles.restriction import ALL, NONE, Restriction, narrow

_TESTS = 1024
"""Tests of restrictions that are kept."""


class Test(NamedTuple):
    """What is added to a statement that reads `version v`, and its arguments; `quick` when a look or two decide."""

    sql: str
    arguments: tuple[Any, ...]
    quick: bool


EVERYTHING = Test("", (), True)
NOTHING = Test(" AND 0", (), True)


class Shaped(NamedTuple):
    """The shape of a restriction and its values, as in `shape`; `criteria` says whether it asks for search criteria."""

    shape: Any
    values: tuple[Any, ...]
    criteria: bool


class _Known(NamedTuple):
    """A test that is kept: for which restriction, and how much of the dictionary had changed when it was made."""

    restriction: Restriction
    changed: int
    test: Test


class Allowing:
    """Knows the tests of restrictions. Without `plans` none is kept.

    Who asks has the same restriction again and again, the very same one: what is kept is found by that, not by what
    is in it, which can be much.
    """

    def __init__(self, dictionary: Dictionary, names: Names, criteria: Criteria, plans: Plans | None) -> None:
        self._dictionary = dictionary
        self._names = names
        self._criteria = criteria
        self._plans = plans
        self._tests: dict[tuple[int, str, bool], _Known] = {}
        self._shapes: dict[int, tuple[Restriction, Shaped]] = {}

    def _allowed(self, restriction: Restriction, type: str) -> Test:
        """Return the test that the version `v` of a resource of `type` is allowed."""
        return EVERYTHING if restriction is ALL else self._tested(restriction, type, self._narrowly, both=False)

    def _both_allowed(self, restriction: Restriction, type: str = "") -> Test:
        """Return the test that an old version is allowed and the current one of its resource is.

        What must be allowed is shorter where its `type` is known.
        """
        return EVERYTHING if restriction is ALL else self._tested(restriction, type, self._broadly, both=True)

    def _tested(self, restriction: Restriction, type: str, make: Callable[[World], Statement], *, both: bool) -> Test:
        """Return a test; it is kept for as long as it would be compiled the same, as in `Plans`."""
        key = id(restriction), type, both
        known = self._tests.get(key)
        if known is not None and known.restriction is restriction and known.changed == self._dictionary.changed:
            return known.test
        limited = narrow(restriction, type) if type else restriction
        if limited is ALL:
            return EVERYTHING
        if limited is NONE:
            return NOTHING
        criteria = has_criteria(limited)
        changed, names = self._dictionary.changed, Noting(self._names, 0)
        statement = make(make_world(names, self._criteria, limited, None))
        found = Test(f" AND ({statement.sql})", statement.arguments, not criteria)
        if self._plans is not None and not criteria and not names.missed:
            if len(self._tests) >= _TESTS:
                self._tests.clear()
            self._tests[key] = _Known(restriction, changed, found)
        return found

    def _shaped(self, restriction: Restriction) -> Shaped:
        """Return the shape of a restriction. It is kept when nothing in it can get another number."""
        known = self._shapes.get(id(restriction))
        if known is not None and known[0] is restriction:
            return known[1]
        names, values = Noting(self._names, 0), list[Any]()
        found = Shaped(restriction_shape(restriction, values, names), tuple(values), has_criteria(restriction))
        if self._plans is not None and not names.missed:
            if len(self._shapes) >= _TESTS:
                self._shapes.clear()
            self._shapes[id(restriction)] = restriction, found
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
