"""What queries mean: nodes that look at a whole version or at others, and what restrictions let through."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from fhir_server.search.match import Candidate, allows, match
from fhir_server.search.query import (
    EVERYTHING,
    NOTHING,
    And,
    Chain,
    Date,
    Has,
    Hierarchy,
    Id,
    LastUpdated,
    Node,
    Not,
    Or,
    Owned,
    Quantity,
    Reference,
    String,
    Together,
    Token,
    Uri,
    Words,
)
from fhir_server.search.values import APART, IndexEntries, decimal_key
from profiles.restriction import ALL, NONE, AllOf, AnyOf, HasLabel, InCompartment, Matches, Restriction, WrittenBy
from profiles.restriction import Not as Unless
from profiles.terminology.selection import Codes, Selection


class SmallWorld:
    """A world of the candidates given."""

    def __init__(self, *candidates: Candidate) -> None:
        self.candidates = candidates

    def one(self, type: str, id: str) -> Candidate | None:
        return next((each for each in self.candidates if (each.type, each.id) == (type, id)), None)

    def all(self, type: str) -> Iterable[Candidate]:
        return [each for each in self.candidates if each.type == type]

    def selects(self, selection: Selection, code: str) -> bool:
        return isinstance(selection.rule, Codes) and code.lower() in selection.rule.codes


EMPTY = SmallWorld()
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
        texts=("heart rate", "pulse of the heart 8867 4"),
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
        String("value-string", "celik", "whole"),
        Reference("subject", "Patient", "p1"),
        Reference("subject", "Patient", "p1", 2),
        Uri("_profile", "http://example.org/p/1"),
        Uri("_profile", "http://example.org/p/1", "1.0"),
        Uri("_profile", "http://example.org/", mode="below"),
        Id(("x", "o1")),
        LastUpdated("eq", 1000, 1999),
        Owned("Patient", "p1"),
        Words(((("heart", "rate"), False),), narrative=True),
        And((Id(("o1",)), Not(NOTHING))),
        Or((NOTHING, EVERYTHING)),
    ],
)
def test_a_version_matches_what_it_has(node: Node) -> None:
    assert match(node, CANDIDATE, EMPTY)


@pytest.mark.parametrize(
    "node",
    [
        NOTHING,
        Token("code", "", "8867-4"),
        Token("category", None, "8867-4"),
        String("value-string", "eli"),
        String("value-string", "celik", "exact"),
        String("value-string", "celi", "whole"),
        Reference("subject", "Group", "p1"),
        Reference("subject", "Patient", "p1", 1),
        Uri("_profile", "http://example.org/p"),
        Uri("_profile", "http://example.org/p/1", "2.0"),
        LastUpdated("gt", 1000, 1999),
        Owned("Group", "p1"),
        Words(((("pulse",), False),), narrative=True),
        Not(EVERYTHING),
        And((EVERYTHING, NOTHING)),
    ],
)
def test_a_version_does_not_match_what_it_lacks(node: Node) -> None:
    assert not match(node, CANDIDATE, EMPTY)


def test_codes_compare_without_case_unless_asked() -> None:
    candidate = Candidate("Patient", "1", 0, "", (), (), IndexEntries(tokens=[("gender", "", "Male", 0)]))
    assert match(Token("gender", None, "mALE"), candidate, EMPTY)
    assert not match(Token("gender", None, "mALE", case_sensitive=True), candidate, EMPTY)


def other(type: str, id: str, *references: tuple[str, str, str], code: str = "x") -> Candidate:
    """Return a version with a code and references (name, type, id)."""
    entries = IndexEntries(
        tokens=[("code", "", code, 0)], references=[(name, kind, to, 0, 0) for name, kind, to in references]
    )
    return Candidate(type, id, 0, "", (), (), entries)


X, Y = Token("code", None, "x"), Token("code", None, "y")


def test_a_chain_asks_what_is_referred_to() -> None:
    here = other(
        "Observation", "o", ("subject", "Patient", "1"), ("subject", "Group", "1"), ("performer", "Patient", "2")
    )
    world = SmallWorld(other("Patient", "1"), other("Group", "1", code="y"), other("Patient", "2", code="y"))
    assert match(Chain("subject", "Patient", X), here, world)
    assert match(Chain("subject", "Group", Y), here, world)
    assert not match(Chain("subject", "Patient", Y), here, world), (
        "its code is that of another, or of another reference"
    )
    assert match(Chain("performer", "Patient", Y), here, world)
    assert match(Chain("subject", "Patient", Not(Y)), here, world)


def test_a_chain_leads_nowhere_without_its_target() -> None:
    here = other("Observation", "o", ("subject", "Patient", "gone"))
    assert not match(Chain("subject", "Patient", EVERYTHING), here, SmallWorld(other("Patient", "1")))
    assert match(Not(Chain("subject", "Patient", EVERYTHING)), here, EMPTY)


def test_chains_go_on() -> None:
    here = other("Observation", "o", ("subject", "Patient", "1"))
    world = SmallWorld(
        other("Patient", "1", ("organization", "Organization", "2")), other("Organization", "2", code="y")
    )
    assert match(Chain("subject", "Patient", Chain("organization", "Organization", Y)), here, world)
    assert not match(Chain("subject", "Patient", Chain("organization", "Organization", X)), here, world)


def test_has_asks_what_refers_here() -> None:
    patient = other("Patient", "1")
    world = SmallWorld(
        patient,
        other("Observation", "a", ("subject", "Patient", "2"), code="y"),
        other("Observation", "b", ("performer", "Patient", "1"), code="z"),
        other("Observation", "c", ("subject", "Group", "1"), code="u"),
        other("Observation", "d", ("subject", "Patient", "1")),
        other("Encounter", "e", ("subject", "Patient", "1"), code="v"),
    )
    assert match(Has("Observation", "subject", X), patient, world)
    for code in "yzuv":
        assert not match(Has("Observation", "subject", Token("code", None, code)), patient, world)
    both = Chain("subject", "Patient", Has("Observation", "subject", X))
    assert match(both, other("Encounter", "n", ("subject", "Patient", "1")), world)
    assert not match(Has("Observation", "subject", Has("Provenance", "target", EVERYTHING)), patient, world)


# 1 is part of 2, which is part of 3, which is part of 2 again; 4 stands alone and refers to nobody.
PLACES = SmallWorld(
    other("Location", "1", ("partof", "Location", "2")),
    other("Location", "2", ("partof", "Location", "3")),
    other("Location", "3", ("partof", "Location", "2")),
    other("Location", "4"),
)


@pytest.mark.parametrize(
    ("at", "below", "above"),
    [("1", "1", "1"), ("1", "2", ""), ("2", "2 3", "1 2 3"), ("3", "2 3", "1 2 3"), ("1", "3", ""), ("4", "4", "4")],
)
def test_hierarchies_end_where_they_go_round(at: str, below: str, above: str) -> None:
    """An encounter at a place is below those in `below` of these, and above the ones in `above`."""
    here = other("Encounter", "e", ("location", "Location", at))
    for id in below.split():
        assert match(Hierarchy("location", "Location", id, "partof"), here, PLACES)
    for id in above.split():
        assert match(Hierarchy("location", "Location", id, "partof", above=True), here, PLACES)
    assert not match(Hierarchy("location", "Location", "4" if at != "4" else "1", "partof"), here, PLACES)
    assert not match(Hierarchy("location", "Location", "4" if at != "4" else "1", "partof", above=True), here, PLACES)


def test_a_hierarchy_is_one_of_references_of_that_type_and_needs_no_resource_to_begin_with() -> None:
    here = other("Encounter", "e", ("location", "Location", "gone"), ("location", "Group", "1"))
    assert match(Hierarchy("location", "Location", "gone", "partof"), here, EMPTY)
    assert match(Hierarchy("location", "Location", "gone", "partof", above=True), here, EMPTY)
    assert not match(Hierarchy("location", "Location", "1", "partof"), here, PLACES)


def measured(*components: tuple[str, int, int]) -> Candidate:
    """Return an observation of components (code, value, group)."""
    entries = IndexEntries(
        tokens=[("component-code", "", code, group) for code, _, group in components],
        quantities=[
            ("value", "", "mm", decimal_key(value), decimal_key(value), group) for _, value, group in components
        ],
    )
    return Candidate("Observation", "o", 0, "", (), (), entries)


def high(code: str) -> Together:
    """Return the question whether that component is above 100."""
    limit = decimal_key(100)
    return Together(((Token("component-code", None, code),), (Quantity("value", "gt", limit, limit),)))


def test_a_composite_holds_inside_one_instance() -> None:
    pressure = measured(("systolic", 120, 1), ("diastolic", 80, 2))
    assert match(high("systolic"), pressure, EMPTY)
    assert not match(high("diastolic"), pressure, EMPTY), "the high value is that of another component"
    assert match(high("systolic"), measured(("systolic", 120, 0)), EMPTY), "the resource as a whole is an instance too"
    assert not match(high("systolic"), measured(("systolic", 120, APART)), EMPTY)


def test_each_part_of_a_composite_may_be_found_in_several_ways() -> None:
    limit = decimal_key(100)
    either = (Token("component-code", None, "diastolic"), Token("component-code", None, "systolic"))
    assert match(Together((either, (Quantity("value", "gt", limit, limit),))), measured(("systolic", 120, 3)), EMPTY)
    assert not match(Together((either, ())), measured(("systolic", 120, 3)), EMPTY)


def test_without_entries_only_what_is_known_of_the_version_itself_matches() -> None:
    ended = Candidate("Observation", "o1", 1000, "anna", [("Patient", "p1")], (), None)
    for node in (Id(("o1",)), LastUpdated("ge", 1000, 1000), Owned("Patient", "p1"), Not(X)):
        assert match(node, ended, EMPTY)
    for node in (X, Words(()), high("x"), Chain("subject", "Patient", EVERYTHING), Date("date", "ne", 0, 0)):
        assert not match(node, ended, EMPTY)


def criteria(type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
    """Read `code` as a token, `subject` as a chain to a patient of that code, `observed` as the way back."""
    name, value = parameters[0]
    token = Token("code", None, value)
    return {
        "code": token,
        "subject": Chain("subject", "Patient", token),
        "observed": Has("Observation", "subject", token),
    }[name]


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
    assert allows(restriction, CANDIDATE, criteria, EMPTY) is allowed


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
    assert allows(restriction, ended, criteria, EMPTY) is allowed


@pytest.mark.parametrize("name", ["subject", "observed"])
def test_what_criteria_ask_of_others_is_asked_of_the_world_given(name: str) -> None:
    observation, patient = other("Observation", "o", ("subject", "Patient", "1")), other("Patient", "1")
    here = observation if name == "subject" else patient
    for code, expected in (("x", True), ("y", False)):
        restriction = Matches(here.type, ((name, code),))
        assert allows(restriction, here, criteria, SmallWorld(observation, patient)) is expected
        assert allows(Unless(restriction), here, criteria, SmallWorld(observation, patient)) is not expected
        assert not allows(restriction, here, criteria, EMPTY)
