"""What queries mean: prefixes over ranges, and what restrictions let through."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from fhir_server.search.match import COMPARE, Candidate, allows, match
from fhir_server.search.query import EVERYTHING, NOTHING, And, Id, Node, Not, Or, Prefix, Reference, String, Token, Uri
from fhir_server.search.values import IndexEntries
from profiles.restriction import ALL, NONE, AllOf, AnyOf, HasLabel, InCompartment, Matches, Restriction, WrittenBy
from profiles.restriction import Not as Unless

POINTS = range(5)
RANGES = [(low, high) for low, high in itertools.product(POINTS, POINTS) if low <= high]


def meant(prefix: Prefix, resource: set[int], asked: set[int]) -> bool:
    """The rules of the specification's table of prefixes, on ranges as sets of points with room at both ends."""
    above = {point for point in range(-1, 7) if point > max(asked)}
    below = {point for point in range(-1, 7) if point < min(asked)}
    equal = resource <= asked
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


@pytest.mark.parametrize("prefix", get_args(Prefix))
def test_prefixes_compare_ranges_as_the_specification_says(prefix: Prefix) -> None:
    for (low, high), (first, last) in itertools.product(RANGES, RANGES):
        expected = meant(prefix, set(range(low, high + 1)), set(range(first, last + 1)))
        assert COMPARE[prefix](low, high, first, last) == expected


CANDIDATE = Candidate(
    "Observation",
    "o1",
    1000,
    "anna",
    owners=[("Patient", "p1")],
    labels=[("http://example.org", "R")],
    entries=IndexEntries(
        tokens=[("code", "http://loinc.org", "8867-4", 0)],
        strings=[("value-string", "celik", "Çelik", 0)],
        references=[("subject", "Patient", "p1", 2, 0)],
        uris=[("_profile", "http://example.org/p/1", "1.0", 0)],
    ),
)


@pytest.mark.parametrize(
    "node",
    [
        EVERYTHING,
        Token("code", None, "8867-4"),
        Token("code", "http://loinc.org", None),
        String("value-string", "cel"),
        String("value-string", "eli", "contains"),
        String("value-string", "Çelik", "exact"),
        Reference("subject", "Patient", "p1"),
        Reference("subject", "Patient", "p1", 2),
        Uri("_profile", "http://example.org/p/1"),
        Uri("_profile", "http://example.org/p/1", "1.0"),
        Uri("_profile", "http://example.org/", below=True),
        Id(("x", "o1")),
        And((Id(("o1",)), Not(NOTHING))),
        Or((NOTHING, EVERYTHING)),
    ],
)
def test_a_version_matches_what_it_has(node: Node) -> None:
    assert match(node, CANDIDATE)


@pytest.mark.parametrize(
    "node",
    [
        NOTHING,
        Token("code", "", "8867-4"),
        Token("category", None, "8867-4"),
        String("value-string", "eli"),
        String("value-string", "celik", "exact"),
        Reference("subject", "Group", "p1"),
        Reference("subject", "Patient", "p1", 1),
        Uri("_profile", "http://example.org/p"),
        Uri("_profile", "http://example.org/p/1", "2.0"),
        Not(EVERYTHING),
        And((EVERYTHING, NOTHING)),
    ],
)
def test_a_version_does_not_match_what_it_lacks(node: Node) -> None:
    assert not match(node, CANDIDATE)


def test_codes_compare_without_case_unless_asked() -> None:
    candidate = Candidate("Patient", "1", 0, "", (), (), IndexEntries(tokens=[("gender", "", "Male", 0)]))
    assert match(Token("gender", None, "mALE"), candidate)
    assert not match(Token("gender", None, "mALE", case_sensitive=True), candidate)


def criteria(type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
    return Token(parameters[0][0], None, parameters[0][1])


HEART_RATE = Matches("Observation", (("code", "8867-4"),))


@pytest.mark.parametrize(
    ("restriction", "allowed"),
    [
        (ALL, True),
        (NONE, False),
        (InCompartment("Patient", "p1"), True),
        (InCompartment("Patient", "p2"), False),
        (HasLabel("http://example.org", "R"), True),
        (HasLabel("", "R"), False),
        (WrittenBy("anna"), True),
        (Unless(WrittenBy("anna")), False),
        (AnyOf((NONE, ALL)), True),
        (AnyOf(()), False),
        (AllOf((NONE, ALL)), False),
        (AllOf(()), True),
        (HEART_RATE, True),
        (Matches("Patient", (("code", "8867-4"),)), False),
        (Unless(Matches("Patient", (("code", "8867-4"),))), True),
    ],
)
def test_restrictions_let_through_what_they_name(restriction: Restriction, allowed: bool) -> None:
    assert allows(restriction, CANDIDATE, criteria) is allowed


@pytest.mark.parametrize(
    ("restriction", "allowed"),
    [
        (HEART_RATE, False),
        (Unless(HEART_RATE), False),
        (AnyOf((Unless(HEART_RATE), InCompartment("Patient", "p1"))), True),
        (AllOf((Unless(HEART_RATE), InCompartment("Patient", "p1"))), False),
        (Unless(AllOf((HEART_RATE, NONE))), True),
    ],
)
def test_a_version_without_entries_is_not_let_through_on_the_strength_of_criteria(
    restriction: Restriction, allowed: bool
) -> None:
    ended = Candidate("Observation", "o1", 1000, "anna", [("Patient", "p1")], (), None)
    assert allows(restriction, ended, criteria) is allowed
