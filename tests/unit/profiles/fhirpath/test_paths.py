"""Path steps on resources (http://hl7.org/fhirpath/N1/#path-selection)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.errors import FhirPathTypeError

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name.given", ["Peter", "James", "Jim", "Peter", "James"]),
        ("Patient.name.given", ["Peter", "James", "Jim", "Peter", "James"]),
        ("`Patient`.name.`family`", ["Chalmers", "Windsor"]),
        ("name.suffix", []),
        ("name.given1", []),
        ("Encounter.name", []),
        ("Resource.id", ["example"]),
        ("DomainResource.id", ["example"]),
        ("name[1].given", ["Jim"]),
        ("name[7]", []),
        ("name[-1]", []),
        ("name[{}]", []),
        ("name.given[2]", ["Jim"]),
        ("multipleBirth", [2]),
        ("multipleBirthInteger", []),
        ("birthDate.extension.value", ["1974-12-25T14:35:45-05:00"]),
        ("contained.name", ["Clinic"]),
        ("contained.partOf.reference", ["#"]),
        ("name.period.end", ["2002"]),
        ("'text'.given", []),
        ("Patient.contact.name.family", []),
    ],
)
def test_steps_follow_the_definitions(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


def test_an_indexer_takes_a_single_integer(evaluate: Evaluate) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate("name['0']")
    with pytest.raises(FhirPathTypeError):
        evaluate("name[0|1]")


def test_primitive_arrays_meet_their_siblings_by_position() -> None:
    patient = {
        "resourceType": "Patient",
        "name": [{"given": [None, "Ann"], "_given": [{"id": "a", "extension": [{"url": "u"}]}, None, {"id": "c"}]}],
    }
    nodes = compile_expression("name.given").nodes(patient)
    assert [(node.value, (node.sibling or {}).get("id")) for node in nodes] == [(None, "a"), ("Ann", None), (None, "c")]
    assert compile_expression("name.given.id").evaluate(patient) == ["a", "c"]
    assert compile_expression("name.given").evaluate(patient) == ["Ann"]


def test_a_choice_that_has_only_a_sibling_is_found() -> None:
    observation = {"resourceType": "Observation", "_valueString": {"extension": [{"url": "u", "valueCode": "x"}]}}
    nodes = compile_expression("Observation.value").nodes(observation)
    assert [(node.value, node.type) for node in nodes] == [(None, "string")]
    assert compile_expression("value.exists()").test(observation) is True


@pytest.mark.parametrize(
    "patient",
    [
        {"resourceType": "Patient", "name": "Ann"},
        {"resourceType": "Patient", "name": [None, 3, ["x"]]},
        {"resourceType": "Patient", "name": {"given": {"x": 1}}},
        {"resourceType": "Patient", "name": [{"_given": "x"}]},
        {"resourceType": "Patient", "contained": ["x", {"resourceType": "Nope"}, {"resourceType": []}]},
    ],
)
def test_what_does_not_fit_the_definitions_is_passed_over(patient: dict[str, Any]) -> None:
    for text in ("name.given", "name.exists(given = 'x')", "contained.id", "descendants().given"):
        assert compile_expression(text).evaluate(patient) in ([], [False])


def test_a_single_object_where_a_list_is_due_is_still_found() -> None:
    patient = {"resourceType": "Patient", "name": {"given": "Ann"}}
    assert compile_expression("name.given").evaluate(patient) == ["Ann"]


def test_resources_inside_others_have_their_own_types() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Patient", "active": True}}, {"resource": {"resourceType": "Group"}}],
    }
    nodes = compile_expression("Bundle.entry.resource").nodes(bundle)
    assert [node.type for node in nodes] == ["Patient", "Group"]
    assert compile_expression("entry.resource.active").evaluate(bundle) == [True]
    assert compile_expression("entry.resource.ofType(Patient).active").evaluate(bundle) == [True]


def test_recursive_elements_are_walked_by_their_content_reference() -> None:
    item = {"linkId": "1", "item": [{"linkId": "1.1", "item": [{"linkId": "1.1.1"}]}]}
    questionnaire = {"resourceType": "Questionnaire", "item": [item]}
    assert compile_expression("item.item.item.linkId").evaluate(questionnaire) == ["1.1.1"]
    assert compile_expression("repeat(item).linkId").evaluate(questionnaire) == ["1", "1.1", "1.1.1"]
    assert compile_expression("descendants().linkId").evaluate(questionnaire) == ["1", "1.1", "1.1.1"]
