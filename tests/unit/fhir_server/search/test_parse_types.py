"""Searches of several types (http://hl7.org/fhir/R4/search.html#type)."""

from __future__ import annotations

import pytest

from fhir_server.search.query import NOTHING, And, Chain, Has, LastUpdated, Or, Owned, Target, Token, Words
from profiles import definitions
from tests.fakes.searching import DAY, FEBRUARY_29, parsed, refusal

EVERY = len(definitions.resource_types())


def test_each_type_has_its_own_reading_of_a_parameter() -> None:
    found = parsed(("Observation", "Condition"), ("code", "a"))
    assert found.targets == (
        Target("Observation", Token("code", None, "a")),
        Target("Condition", Token("code", None, "a")),
    )
    with pytest.raises(ValueError):
        _ = found.where


def test_the_types_may_be_named_by_a_parameter() -> None:
    found = parsed((), ("_type", "Observation,Condition"), ("patient", "Patient/1"))
    assert [each.type for each in found.targets] == ["Observation", "Condition"]
    assert found.applied == (("_type", "Observation,Condition"), ("patient", "Patient/1"))


def test_without_types_all_are_searched_by_what_all_have() -> None:
    found = parsed((), ("_lastUpdated", "gt2020-02-29"))
    assert len(found.targets) == EVERY
    assert {each.where for each in found.targets} == {LastUpdated("gt", FEBRUARY_29, FEBRUARY_29 + DAY - 1)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_id", "1"),
        ("_tag", "a|b"),
        ("_profile", "http://example.org/p"),
        ("_security", "R"),
        ("_source", "http://example.org"),
        ("_text", "x"),
        ("_content", "x"),
        ("_list", "1"),
        ("_has:Provenance:target:agent", "Practitioner/1"),
        ("_filter", "_lastUpdated gt 2020"),
    ],
)
def test_what_every_type_has_is_answered_for_all(name: str, value: str) -> None:
    assert len(parsed((), (name, value)).targets) == EVERY


def test_what_is_never_pointed_to_has_no_such_reference() -> None:
    found = parsed(("Patient", "Practitioner"), ("_has:Observation:patient:code", "x"))
    assert found.targets == (
        Target("Patient", Has("Observation", "subject", Token("code", None, "x"))),
        Target("Practitioner", NOTHING),
    )


def test_a_bundle_has_no_narrative_but_may_be_asked_for_it() -> None:
    assert parsed("Bundle", ("_text", "x")).where == Words(((("x",), False),), narrative=True)


@pytest.mark.parametrize(
    ("types", "name", "says"),
    [
        (("Observation", "Patient"), "code", "Patient lacks it"),
        (("Observation", "Patient", "Practitioner"), "code:not", "Patient, Practitioner lack it"),
        ((), "name", "more lack it"),
        (("Patient", "Practitioner"), "_has:Observation:patient:nonsense", "lack it"),
    ],
)
def test_what_a_type_lacks_is_refused_by_name(types: tuple[str, ...], name: str, says: str) -> None:
    refused = refusal(types, (name, "x"))
    assert says in str(refused)
    assert refused.issues[0].expression == name.partition(":")[0]
    lenient = parsed(types, (name, "x"), lenient=True)
    assert (lenient.applied, len(lenient.warnings)) == ((), 1)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ([("_type", "Observation,Nonsense")], "'Nonsense' is no resource type"),
        ([("_type", "")], "it is no resource type"),
        ([("_type", "DomainResource")], "'DomainResource' is no resource type"),
        ([("_type", "Patient"), ("_type", "Group")], "more than once"),
        ([("_type:not", "Patient")], "no modifiers"),
    ],
)
def test_misshapen_types_are_refused(parameters: list[tuple[str, str]], says: str) -> None:
    assert says in str(refusal((), *parameters))


def test_a_compartment_has_the_types_of_its_definition() -> None:
    found = parsed((), ("_id", "1"), compartment=("Patient", "7"))
    types = {each.type for each in found.targets}
    assert {"Patient", "Observation", "Condition"} <= types
    assert types.isdisjoint({"Practitioner", "Medication", "Organization"})
    assert all(isinstance(each.where, And) and each.where.nodes[0] == Owned("Patient", "7") for each in found.targets)


def test_a_chain_narrows_each_type_by_itself() -> None:
    found = parsed(("Observation", "AllergyIntolerance"), ("patient.gender", "male"))
    assert [each.type for each in found.targets] == ["Observation", "AllergyIntolerance"]
    male = Token("gender", None, "male")
    assert [each.where for each in found.targets] == [
        Or((Chain("subject", "Patient", male), Token("subject.Patient.gender", None, "male"))),
        Or((Chain("patient", "Patient", male), Token("patient.Patient.gender", None, "male"))),
    ]
