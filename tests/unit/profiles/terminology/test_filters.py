"""Each filter over a small code system with nesting, properties and several parents."""

from __future__ import annotations

from decimal import Decimal

import pytest

from profiles.terminology.code_system import CodeSystem, of_resource
from profiles.terminology.errors import NotExpandable
from profiles.terminology.filters import keep
from profiles.terminology.value_set import Filter
from tests.fakes.terminology import ANIMALS, EVERY_ANIMAL

SYSTEM = of_resource(ANIMALS)
DEEP = of_resource({**ANIMALS, "hierarchyMeaning": "part-of"})
FLAT = of_resource({"url": "urn:flat", "content": "complete", "concept": [{"code": "a"}, {"code": "b"}]})


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        ("concept is-a mammal", "mammal dog bat mammoth"),
        ("concept is-a flier", "flier bat owl"),
        ("concept is-a bird", "bird owl dodo"),
        ("concept descendent-of flier", "bat owl"),
        ("concept descendent-of dog", ""),
        ("concept is-not-a mammal", "flier bird owl dodo"),
        ("concept generalizes bat", "bat mammal flier"),
        ("code is-a bird", "bird owl dodo"),
        ("concept = dog", "dog"),
        ("code in dog,owl", "dog owl"),
        ("concept in dog, owl", "dog owl"),
        ("concept not-in dog,owl", "mammal bat mammoth flier bird dodo"),
        ("parent = bird", "owl dodo"),
        ("broader = mammal", "dog bat mammoth"),
        ("subsumedBy = flier", "bat owl"),
        ("child = owl", "flier bird"),
        ("legs = 2", "bat owl"),
        ("legs = 4.0", "dog"),
        ("legs in 2,4", "dog bat owl"),
        ("legs not-in 2,4", "mammal mammoth flier bird dodo"),
        ("tame = true", "dog"),
        ("tame = false", ""),
        ("status = retired", "mammoth"),
        ("inactive = true", "dodo"),
        ("inactive = false", "mammal dog bat mammoth flier bird owl"),
        ("like = anything", ""),
    ],
)
def test_a_filter_keeps_the_codes_it_says(rule: str, codes: str) -> None:
    assert keep(SYSTEM, Filter(*rule.split(" ", 2))) == set(codes.split())


def test_what_is_a_and_is_not_a_keep_is_everything_together() -> None:
    kept = [keep(SYSTEM, Filter("concept", op, "flier")) for op in ("is-a", "is-not-a")]

    assert kept[0] | kept[1] == EVERY_ANIMAL
    assert not kept[0] & kept[1]


@pytest.mark.parametrize(
    ("system", "rule", "reason"),
    [
        (SYSTEM, "wings exists true", "names a property that the code system does not have"),
        (SYSTEM, "legs exists yes", "has a value that is neither true nor false"),
        (SYSTEM, "code regex (a", "has no regular expression: missing ) at position 2"),
        (SYSTEM, f"code regex {'a' * 501}", "has a regular expression of more than 500 characters"),
        (SYSTEM, "legs is-a 4", "is not supported"),
        (SYSTEM, "wings = 2", "names a property that the code system does not have"),
        (SYSTEM, "concept is-a cat", "names a code that the code system does not have"),
        (SYSTEM, "concept in http://example.org/refset", "names a code that the code system does not have"),
        (SYSTEM, "legs = four", "compares a number with something else"),
        (DEEP, "concept is-a mammal", "needs a hierarchy that means is-a"),
    ],
)
def test_a_filter_that_cannot_be_followed_is_refused_by_name(system: CodeSystem, rule: str, reason: str) -> None:
    with pytest.raises(NotExpandable) as caught:
        keep(system, Filter(*rule.split(" ", 2)))
    assert caught.value.reason == f"the filter '{rule}' on {SYSTEM.url} {reason}"


def test_a_property_of_type_coding_is_not_compared() -> None:
    coding = {"code": "like", "valueCoding": {"system": "urn:x", "code": "y"}}
    system = of_resource({**ANIMALS, "concept": [{"code": "dog", "property": [coding]}]})

    with pytest.raises(NotExpandable, match="type Coding"):
        keep(system, Filter("like", "=", "y"))


def test_decimals_are_compared_by_value() -> None:
    rows = [{"code": "a", "property": [{"code": "weight", "valueDecimal": Decimal("1.50")}]}]
    system = of_resource({**ANIMALS, "concept": rows})

    assert keep(system, Filter("weight", "=", "1.5")) == {"a"}


def test_without_any_hierarchy_a_code_is_a_kind_of_itself_alone() -> None:
    assert keep(FLAT, Filter("concept", "is-a", "a")) == {"a"}
    assert keep(FLAT, Filter("concept", "is-not-a", "a")) == {"b"}


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        ("legs exists true", {"dog", "bat", "owl"}),
        ("legs exists false", {"mammal", "mammoth", "flier", "bird", "dodo"}),
        ("code regex mam.*", {"mammal", "mammoth"}),
        ("code regex o", set()),
        ("code regex (dog|bat)", {"dog", "bat"}),
        ("status regex ret.*", {"mammoth"}),
        ("parent regex fl.+", {"bat", "owl"}),
    ],
)
def test_exists_and_regex_ask_the_values_of_a_property(rule: str, codes: set[str]) -> None:
    assert keep(SYSTEM, Filter(*rule.split(" ", 2))) == codes


def test_displays_are_compared_like_a_property() -> None:
    rows = [{"code": "a", "display": "Red wine"}, {"code": "b", "display": "White wine"}, {"code": "c"}]
    system = of_resource({**ANIMALS, "concept": rows})

    assert keep(system, Filter("display", "=", "Red wine")) == {"a"}
    assert keep(system, Filter("display", "regex", ".* wine")) == {"a", "b"}
    assert keep(system, Filter("display", "exists", "false")) == {"c"}


def test_a_pattern_that_takes_too_long_is_stopped() -> None:
    system = of_resource({**ANIMALS, "concept": [{"code": "a" * 60 + "!"}]})

    with pytest.raises(NotExpandable, match=r"takes longer than 0\.25 s"):
        keep(system, Filter("code", "regex", "(a|aa)+$"))
