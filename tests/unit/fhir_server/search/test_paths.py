"""Search expressions as plain paths."""

from __future__ import annotations

import pytest

from fhir_server.search.paths import Leaf, Path, alternatives, leaves, parse_path, root_of


def test_alternatives_are_split_at_the_outer_bars_only() -> None:
    text = "Patient.name | (Person.link.target as Reference) | A.where(x='a|b' or (c | d)).e"
    assert alternatives(text) == (
        "Patient.name",
        "(Person.link.target as Reference)",
        "A.where(x='a|b' or (c | d)).e",
    )


def test_an_empty_expression_has_no_alternatives() -> None:
    assert alternatives("") == ()


@pytest.mark.parametrize(
    ("text", "root"), [("Patient.name", "Patient"), ("(Observation.value as Quantity)", "Observation"), ("name", None)]
)
def test_the_root_of_an_alternative_is_its_type(text: str, root: str | None) -> None:
    assert root_of(text) == root


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Patient.name.family", Path("Patient", ("name", "family"))),
        ("(Observation.value as Quantity)", Path("Observation", ("value",), "Quantity", 1)),
        ("Condition.onset.as(dateTime)", Path("Condition", ("onset",), "dateTime", 1)),
        ("(Observation.value as CodeableConcept).text", Path("Observation", ("value", "text"), "CodeableConcept", 1)),
        (
            "Observation.subject.where(resolve() is Patient)",
            Path("Observation", ("subject",), target="Patient"),
        ),
    ],
)
def test_plain_paths_are_understood(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "Patient.telecom.where(system='email')",
        "Bundle.entry[0].resource",
        "Patient.deceased.exists() and Patient.deceased != false",
        "Patient.extension('http://example.org')",
        "(Observation.value as Quantity",
    ],
)
def test_what_is_more_than_a_path_is_left_to_the_engine(text: str) -> None:
    assert parse_path(text) is None


def found(resource_type: str, text: str) -> tuple[Leaf, ...]:
    path = parse_path(text)
    assert path is not None
    return leaves(resource_type, path)


def test_a_path_knows_arrays_types_and_required_bindings() -> None:
    gender = "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"
    assert found("Patient", "Patient.gender") == (Leaf((("gender", False),), "code", gender),)
    assert found("Patient", "Patient.name.given") == (Leaf((("name", True), ("given", True)), "string", ""),)


def test_a_choice_without_cast_has_one_leaf_for_each_type() -> None:
    assert {(leaf.steps[0][0], leaf.data_type) for leaf in found("Observation", "Observation.effective")} == {
        ("effectiveDateTime", "dateTime"),
        ("effectivePeriod", "Period"),
        ("effectiveTiming", "Timing"),
        ("effectiveInstant", "instant"),
    }


def test_a_cast_keeps_the_named_type_alone() -> None:
    assert [leaf.steps for leaf in found("Observation", "(Observation.component.value as Quantity)")] == [
        (("component", True), ("valueQuantity", False))
    ]


def test_paths_follow_content_references_and_inherited_elements() -> None:
    (leaf,) = found("QuestionnaireResponse", "QuestionnaireResponse.item.item.linkId")
    assert leaf == Leaf((("item", True), ("item", True), ("linkId", False)), "string", "")
    (tag,) = found("Patient", "Resource.meta.tag")
    assert tag == Leaf((("meta", False), ("tag", True)), "Coding", "")


def test_an_element_that_does_not_exist_has_no_leaf() -> None:
    assert found("Patient", "Patient.nonsense.code") == ()
