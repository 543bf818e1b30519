"""What leaves find among a version's own entries: prefixes over ranges, URIs, positions, words, and mere presence."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import get_args

import pytest

from fhir_server.search.match_entry import COMPARE, MEASURE, Compare, ancestors, groups, has, has_words
from fhir_server.search.query import Date, Entry, Near, Number, Prefix, Present, Quantity, String, Token, Uri, Words
from fhir_server.search.values import APART, IndexEntries, decimal_key

POINTS = range(5)
RANGES = [(low, high) for low, high in itertools.product(POINTS, POINTS) if low <= high]


def meant(prefix: Prefix, resource: set[int], asked: set[int], equal: bool) -> bool:
    """The rules of the specification's table of prefixes, on ranges as sets of points with room at both ends."""
    above = {point for point in range(-1, 7) if point > max(asked)}
    below = {point for point in range(-1, 7) if point < min(asked)}
    return {
        "eq": equal,
        "ne": not equal,
        "gt": bool(above & resource),
        "lt": bool(below & resource),
        "ge": bool(above & resource) or equal,
        "le": bool(below & resource) or equal,
        "sa": not asked & resource and resource <= above,
        "eb": not asked & resource and resource <= below,
        "ap": bool(asked & resource),
    }[prefix]


def points(low: int, high: int) -> set[int]:
    return set(range(low, high + 1))


@pytest.mark.parametrize("prefix", get_args(Prefix))
def test_prefixes_compare_ranges_as_the_specification_says(prefix: Prefix) -> None:
    for (low, high), (first, last) in itertools.product(RANGES, RANGES):
        resource, asked = points(low, high), points(first, last)
        assert COMPARE[prefix](low, high, first, last) == meant(prefix, resource, asked, resource <= asked)


@pytest.mark.parametrize("prefix", ["eq", "ne"])
def test_numbers_equal_what_the_digits_given_stand_for_its_upper_end_excluded(prefix: Prefix) -> None:
    for (low, high), (first, beyond) in itertools.product(RANGES, RANGES):
        resource, asked = points(low, high), points(first, beyond - 1)
        assert MEASURE[prefix](low, high, first, beyond) == ((resource <= asked) is (prefix == "eq"))


@pytest.mark.parametrize("prefix", ["gt", "lt", "ge", "le", "sa", "eb"])
def test_numbers_lie_beside_the_very_number_given(prefix: Prefix) -> None:
    for (low, high), point in itertools.product(RANGES, POINTS):
        resource = points(low, high)
        assert MEASURE[prefix](low, high, point, point) == meant(prefix, resource, {point}, point in resource)


def test_a_number_is_about_what_its_range_touches() -> None:
    for (low, high), (first, last) in itertools.product(RANGES, RANGES):
        assert MEASURE["ap"](low, high, first, last) == bool(points(low, high) & points(first, last))


@pytest.mark.parametrize("table", [COMPARE, MEASURE])
def test_every_prefix_has_its_rule(table: Mapping[Prefix, Compare]) -> None:
    assert set(table) == set(get_args(Prefix))


def key(number: int) -> bytes:
    return decimal_key(number)


ENTRIES = IndexEntries(
    tokens=[("code", "http://loinc.org", "Ab", 0), ("code", "", "ab", 1), ("code:of-type", "s|MR", "7", 0)],
    strings=[("name", "zoe", "Zoé", 0), ("method:text", "by hand", "", 2)],
    references=[("subject", "Patient", "1", 0, 0)],
    uris=[
        ("url", "http://example.org/a/b", "1.2", 0),
        ("derived", "urn:oid:1.2", "", 0),
        ("focus", "https://other.example.org/fhir/Device/9", "", 3),
    ],
    dates=[("date", 10, 19, 0), ("date", 30, 39, APART)],
    numbers=[("probability", key(2), key(4), 0)],
    quantities=[("value", "http://u", "mg", key(5), key(5), 1), ("value:ucum", "http://u", "g", key(1), key(1), 1)],
    positions=[("near", 488_566_000, 23_522_000, 0)],
)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (Token("code", None, "AB"), {0, 1}),
        (Token("code", None, "ab", case_sensitive=True), {1}),
        (Token("code", "", None), {1}),
        (Token("code", "http://loinc.org", "x"), set()),
        (String("name", "zoe", "whole"), {0}),
        (String("name", "zo", "whole"), set()),
        (String("name", "Zoé", "exact"), {0}),
        (String("name", "zoe", "exact"), set()),
        (String("name", "oe", "contains"), {0}),
        (String("name", "oe"), set()),
        (Date("date", "ge", 15, 15), {0, APART}),
        (Date("date", "eq", 30, 40), {APART}),
        (Number("probability", "eq", key(2), key(5)), {0}),
        (Number("probability", "eq", key(2), key(4)), set()),
        (Number("probability", "sa", key(4), key(4)), set()),
        (Quantity("value", "eq", key(5), key(6)), {1}),
        (Quantity("value", "eq", key(5), key(6), "http://u", "mg"), {1}),
        (Quantity("value", "eq", key(5), key(6), None, "mg"), {1}),
        (Quantity("value", "eq", key(5), key(6), None, "MG"), set()),
        (Quantity("value", "eq", key(5), key(6), "", "mg"), set()),
        (Quantity("value:ucum", "lt", key(5), key(5), "http://u", "g"), {1}),
    ],
)
def test_leaves_find_the_groups_of_their_entries(leaf: Entry, expected: set[int]) -> None:
    assert groups(leaf, ENTRIES) == expected
    assert has(leaf, ENTRIES) == bool(expected)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (Uri("url", "http://example.org/a/b"), True),
        (Uri("url", "http://example.org/a"), False),
        (Uri("url", "http://example.org/a/b", "1.2"), True),
        (Uri("url", "http://example.org/a/b", "1"), False),
        (Uri("url", "http://example.org/a", mode="below"), True),
        (Uri("url", "http://example.org/a/b/c", mode="below"), False),
        (Uri("url", "http://example.org/a/b", "1", "below"), True),
        (Uri("url", "http://example.org/a/b", "1.2", "below"), True),
        (Uri("url", "http://example.org/a/b", "1.20", "below"), False),
        (Uri("url", "http://example.org/a", "1", "below"), False),
        (Uri("url", "http://example.org/a/b/c/d", mode="above"), True),
        (Uri("url", "http://example.org/a/b", mode="above"), True),
        (Uri("url", "http://example.org/a/bc", mode="above"), False),
        (Uri("url", "http://example.org/a", mode="above"), False),
        (Uri("derived", "urn:oid:1.2.3", mode="above"), False),
        (Uri("derived", "urn:oid:1.2.3", mode="below"), False),
        (Uri("derived", "urn:oid:1", mode="below"), True),
    ],
)
def test_uris_are_found_exactly_below_and_above(leaf: Uri, expected: bool) -> None:
    assert has(leaf, ENTRIES) is expected


def test_one_version_of_a_canonical_is_not_below_another_that_only_begins_alike() -> None:
    ten = IndexEntries(uris=[("url", "http://a", "10", 0)])
    assert not has(Uri("url", "http://a", "1", "below"), ten)
    assert has(Uri("url", "http://a", "10", "below"), ten)


def test_above_a_uri_are_its_parts_up_to_a_slash() -> None:
    assert set(ancestors("http://a/b/c")) == {
        "http://a/b/c",
        "http://a/b/",
        "http://a/b",
        "http://a/",
        "http://a",
        "http://",
        "http:/",
        "http:",
    }
    assert ancestors("urn:oid:1.2") == ("urn:oid:1.2",)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (Present("code"), {0, 1}),
        (Present("method"), {2}),
        (Present("value"), {1}),
        (Present("near"), {0}),
        (Present("cod"), set()),
        (Present("subject", "Patient"), {0}),
        (Present("subject", "Group"), set()),
        (Present("focus", "Device"), {3}),
        (Present("focus", "Dev"), set()),
        (Present("code", "Patient"), set()),
    ],
)
def test_a_parameter_is_present_in_any_form_or_with_a_target(leaf: Present, expected: set[int]) -> None:
    assert groups(leaf, ENTRIES) == expected


def test_what_is_near_lies_within_the_distance() -> None:
    # Two thousandths of a degree of latitude are 222 m.
    assert has(Near("near", 488_586_000, 23_522_000, 223.0), ENTRIES)
    assert not has(Near("near", 488_586_000, 23_522_000, 222.0), ENTRIES)
    assert has(Near("near", 488_566_000, 23_522_000, 0.0), ENTRIES)


def found(*phrases: tuple[str, bool], narrative: bool = False) -> bool:
    """Ask for phrases (words, open) in a text whose narrative and rest are given here."""
    asked = Words(tuple((tuple(words.split()), is_open) for words, is_open in phrases), narrative)
    return has_words(asked, IndexEntries(texts=("a regular heart rate", "pulse heartbeat rate")))


def test_words_are_whole_unless_they_are_open() -> None:
    assert found(("heart", False))
    assert not found(("hear", False))
    assert found(("hear", True))
    assert found(("heart", True))
    assert not found(("eart", True))


def test_the_words_of_a_phrase_stand_next_to_each_other_in_one_part() -> None:
    assert found(("heart rate", False))
    assert found(("regular hea", True))
    assert not found(("regular rate", False))
    assert not found(("reg heart", True)), "only the last word is open"
    assert not found(("rate pulse", False)), "the narrative ends where the rest begins"
    assert not found(("heart rate further", True))


def test_every_phrase_must_be_there_each_in_either_part() -> None:
    assert found(("regular", False), ("pulse", False))
    assert not found(("regular", False), ("pulse", False), narrative=True)
    assert found(("regular", False), ("rate", False), narrative=True)
    assert not found(("regular", False), ("never", False))


def test_no_text_has_no_words() -> None:
    nothing = IndexEntries()
    assert not has_words(Words(((("heart",), True),)), nothing)
    assert has_words(Words(()), nothing)
