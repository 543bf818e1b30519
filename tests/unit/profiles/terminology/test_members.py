"""The algebra of value sets, of which some parts are listed and some are rules over loaded systems."""

from __future__ import annotations

import pytest

from profiles.terminology.concept import Concept
from profiles.terminology.errors import NotExpandable
from profiles.terminology.head import Head
from profiles.terminology.members import Members, Ruled, active, difference, intersection, union
from profiles.terminology.selection import Active, AllOf, AnyOf, Below, Codes, Not, Rule, Whole

BIG, SMALL = "http://example.org/big", "http://example.org/small"
HEAD = Head(1, BIG, "1", "Big")
A, B = Below("a"), Below("b")


def listed(*codes: str, system: str = BIG) -> Members:
    return Members({(system, code): None for code in codes})


def ruled(rule: Rule, head: Head = HEAD) -> Members:
    return Members({}, {BIG: Ruled(head, rule)})


def rule_of(found: Members) -> object:
    return found.ruled[BIG].rule


def test_a_union_keeps_what_is_listed_and_joins_the_rules() -> None:
    found = union([listed("x"), ruled(A), listed("y", system=SMALL), ruled(B)])
    assert list(found.listed) == [(BIG, "x"), (SMALL, "y")]
    assert rule_of(found) == AnyOf((A, B))
    assert rule_of(union([ruled(A), ruled(Whole())])) == Whole()


def test_of_a_code_listed_twice_the_first_word_counts() -> None:
    first, second = Concept("First"), Concept("Second")
    found = union([Members({(BIG, "x"): None}), Members({(BIG, "x"): first}), Members({(BIG, "x"): second})])
    assert found.listed == {(BIG, "x"): first}


def test_an_intersection_goes_system_by_system() -> None:
    assert rule_of(intersection(ruled(A), ruled(B))) == AllOf((A, B))
    found = intersection(listed("x"), ruled(A))
    assert (found.listed, rule_of(found)) == ({}, AllOf((Codes(("x",)), A)))
    other = intersection(listed("x", system=SMALL), ruled(A))
    assert (other.listed, other.ruled) == ({}, {})
    assert list(intersection(listed("x", "y"), listed("y", "z")).listed) == [(BIG, "y")]


def test_a_difference_takes_rules_from_lists_and_lists_from_rules() -> None:
    assert rule_of(difference(ruled(A), ruled(B))) == AllOf((A, Not(B)))
    assert rule_of(difference(ruled(A), listed("x"))) == AllOf((A, Not(Codes(("x",)))))
    found = difference(union([listed("x", "y"), listed("z", system=SMALL)]), ruled(A))
    assert list(found.listed) == [(SMALL, "z")]
    assert rule_of(found) == AllOf((Codes(("x", "y")), Not(A)))
    assert list(difference(listed("x", "y"), listed("y")).listed) == [(BIG, "x")]


def test_what_a_value_set_says_of_a_code_stays_with_it() -> None:
    said = Members({(BIG, "x"): Concept("Our word")})
    assert difference(said, ruled(A)).said == {(BIG, "x"): Concept("Our word")}
    assert intersection(said, ruled(A)).said == {(BIG, "x"): Concept("Our word")}


def test_only_active_codes_are_left_of_loaded_systems() -> None:
    found = active(union([listed("x"), listed("z", system=SMALL), ruled(A)]), {BIG: HEAD})
    assert list(found.listed) == [(SMALL, "z")]
    assert rule_of(found) == AnyOf((AllOf((Codes(("x",)), Active())), AllOf((A, Active()))))


def test_two_versions_of_a_system_do_not_go_together() -> None:
    other = ruled(B, Head(2, BIG, "2", "Big"))
    for combine in (lambda: union([ruled(A), other]), lambda: intersection(ruled(A), other)):
        with pytest.raises(NotExpandable, match="two versions of the code system"):
            combine()
