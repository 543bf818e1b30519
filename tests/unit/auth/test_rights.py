"""What rights say of an action and a type, and what they leave in reach."""

from __future__ import annotations

import pytest

from auth.rights import ACTIONS, DEFINITIONS, EVERYTHING, NO_RIGHTS, POWERS, Rights, limited, timed, tree
from profiles.restriction import (
    ALL,
    NONE,
    About,
    AllOf,
    AnyOf,
    Consented,
    HasLabel,
    Not,
    OfTypes,
    Related,
    WrittenBy,
    narrow,
)

OWN = About("1")


def test_everything_is_allowed_in_open_mode_and_nothing_without_rights() -> None:
    for action in ACTIONS:
        assert EVERYTHING.may(action, "Patient")
        assert EVERYTHING.restriction(action, 0) is EVERYTHING.of_type(action, "Patient", 0) is ALL
        assert not NO_RIGHTS.may(action, "Patient")
        assert NO_RIGHTS.restriction(action, 0) is NO_RIGHTS.of_type(action, "Patient", 0) is NONE
    for power in POWERS:
        assert EVERYTHING.has(power)
        assert not NO_RIGHTS.has(power)


def test_what_is_not_allowed_by_name_is_refused() -> None:
    rights = Rights({"read": {"Patient": OWN}})
    assert rights.may("read", "Patient")
    assert not rights.may("search", "Patient")
    assert not rights.may("read", "Observation")
    assert rights.of_type("read", "Observation", 0) is NONE
    assert narrow(rights.restriction("read", 0), "Observation") is NONE
    assert narrow(rights.restriction("read", 0), "Patient") == OWN
    assert rights.types("read") == {"Patient"}


@pytest.mark.parametrize("type", sorted(DEFINITIONS))
def test_definitions_are_written_with_a_power_whatever_is_allowed(type: str) -> None:
    allowed = {action: {type: ALL} for action in ACTIONS}
    without, having = Rights(allowed), Rights(allowed, frozenset(("definitions",)))
    for action in ACTIONS:
        written = action in ("create", "update", "delete")
        assert without.may(action, type) is not written
        assert having.may(action, type)
        assert (narrow(without.restriction(action, 0), type) is NONE) is written
    assert not without.definitions
    assert having.definitions


def test_a_moment_counts_to_the_whole_second_that_follows() -> None:
    rights = Rights({"read": {"Patient": Related("7", 0)}})
    assert rights.of_type("read", "Patient", 1_000_001) == Related("7", 2_000_000)
    assert rights.of_type("read", "Patient", 2_000_000) == Related("7", 2_000_000)
    for at, second in ((1, 1_000_000), (3_000_000, 3_000_000), (3_000_001, 4_000_000)):
        assert narrow(rights.restriction("read", at), "Patient") == Related("7", second)


def test_every_node_that_hangs_on_time_is_as_of_the_moment() -> None:
    who = ("Practitioner/7",)
    agreed = Consented(who, "TREAT", 0, who)
    whole = AnyOf((AllOf((Related("7", 0), Not(agreed))), WrittenBy("x"), HasLabel("s", "R")))
    assert timed(whole, 5) == AnyOf(
        (
            AllOf((Related("7", 5), Not(Consented(who, "TREAT", 5, who)))),
            WrittenBy("x"),
            HasLabel("s", "R"),
        )
    )


def test_types_with_the_same_reach_stand_together() -> None:
    assert tree({"Patient": OWN, "Observation": OWN, "Location": ALL}) == AnyOf(
        (OfTypes(("Location",)), AllOf((OfTypes(("Observation", "Patient")), OWN)))
    )


def test_limited_rights_do_everything_within_one_restriction() -> None:
    rights = limited(OWN, ("Patient",), powers=("ids",))
    for action in ACTIONS:
        assert rights.of_type(action, "Patient", 0) == OWN
    assert rights.assigns_ids
    assert not rights.sees_plans
    assert not rights.reads_audit
