"""A restriction narrowed to a type means the same for it."""

from __future__ import annotations

import pytest

from profiles.restriction import (
    ALL,
    NONE,
    About,
    AllOf,
    AnyOf,
    HasLabel,
    Matches,
    Not,
    OfTypes,
    Restriction,
    WrittenBy,
    all_of,
    any_of,
    narrow,
    whoever_wrote,
)

OWN, RED = About("1"), HasLabel("s", "R")
CODED = Matches("Observation", (("code", "x"),))
OBSERVED = OfTypes(("Observation", "Condition"))


@pytest.mark.parametrize(
    ("restriction", "narrowed"),
    [
        (ALL, ALL),
        (NONE, NONE),
        (OWN, OWN),
        (OBSERVED, ALL),
        (OfTypes(("Patient",)), NONE),
        (Not(OBSERVED), NONE),
        (Not(OfTypes(())), ALL),
        (Not(OWN), Not(OWN)),
        (CODED, CODED),
        (Matches("Patient", (("code", "x"),)), NONE),
        (AllOf((OBSERVED, OWN)), OWN),
        (AllOf((OBSERVED, OWN, RED)), AllOf((OWN, RED))),
        (AllOf((OfTypes(("Patient",)), OWN)), NONE),
        (AllOf((OBSERVED, OBSERVED)), ALL),
        (AnyOf((AllOf((OfTypes(("Patient",)), OWN)), AllOf((OBSERVED, RED)))), RED),
        (AnyOf((OWN, OBSERVED)), ALL),
        (AnyOf((OWN, OWN, OfTypes(()))), OWN),
        (AnyOf(()), NONE),
        (AllOf(()), ALL),
    ],
)
def test_only_what_can_make_a_difference_is_left(restriction: Restriction, narrowed: Restriction) -> None:
    assert narrow(restriction, "Observation") == narrowed


def test_everything_and_nothing_are_the_very_constants() -> None:
    assert narrow(OBSERVED, "Observation") is ALL
    assert narrow(OBSERVED, "Patient") is NONE


def test_parts_are_put_together_in_the_shortest_form() -> None:
    assert any_of(OWN, NONE) == OWN
    assert any_of(OWN, ALL, RED) is ALL
    assert any_of() is NONE
    assert any_of(OWN, RED, OWN) == AnyOf((OWN, RED))
    assert all_of(OWN, ALL) == OWN
    assert all_of(OWN, NONE) is NONE
    assert all_of() is ALL
    assert all_of(OWN, RED) == AllOf((OWN, RED))


def test_a_restriction_for_all_authors_keeps_every_other_condition() -> None:
    mine = WrittenBy("Patient/1")
    assert whoever_wrote(all_of(OWN, mine)) == OWN
    assert whoever_wrote(any_of(all_of(OWN, mine), all_of(RED, mine))) == any_of(OWN, RED)
    assert whoever_wrote(any_of(OWN, mine)) == whoever_wrote(mine) == ALL
    assert whoever_wrote(all_of(OWN, Not(RED))) == all_of(OWN, Not(RED))
