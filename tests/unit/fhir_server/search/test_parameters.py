"""The registry of search parameters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.search.parameters import Addition, Answer, Parameter, Registry, data_types
from profiles import definitions


def parameter(resource_type: str, code: str) -> Parameter:
    found = Registry().get(resource_type, code)
    assert found is not None
    return found


def test_every_definition_of_the_standard_reaches_its_resource_types() -> None:
    registry = Registry()
    examples = {"example", "example-extension", "example-reference"}
    for definition in definitions.search_parameters():
        if definition.url.rpartition("/")[2] in examples:
            continue
        for base in definition.base:
            if base not in ("Resource", "DomainResource"):
                assert definition.code in registry.all_for(base)


def test_parameters_of_every_resource_are_there_and_those_of_domain_resources_where_they_belong() -> None:
    assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"} <= set(Registry().all_for("Patient"))
    assert Registry().get("Bundle", "_text") is None
    assert Registry().get("Patient", "_text") is not None


def test_an_unknown_code_is_none() -> None:
    assert Registry().get("Patient", "nonsense") is None


def test_an_expression_is_cut_to_the_resource_type() -> None:
    assert parameter("Patient", "birthdate").expression == "Patient.birthDate"
    assert parameter("Observation", "date").expression == "Observation.effective"
    assert parameter("MedicationRequest", "code").alternatives == ("(MedicationRequest.medication as CodeableConcept)",)


def test_targets_and_components_are_kept() -> None:
    assert parameter("Observation", "encounter").targets == ("Encounter", "EpisodeOfCare")
    assert [each.code for each in parameter("Observation", "component-code-value-quantity").components] == [
        "component-code",
        "component-value-quantity",
    ]


@pytest.mark.parametrize(
    ("resource_type", "code", "answers"),
    [
        ("Observation", "subject", (Answer("subject"),)),
        ("Observation", "patient", (Answer("subject", "Patient"),)),
        ("Appointment", "practitioner", (Answer("actor", "Practitioner"),)),
        ("AllergyIntolerance", "patient", (Answer("patient"),)),
        ("Observation", "combo-code", (Answer("code"), Answer("component-code"))),
        ("Bundle", "message", (Answer("message"),)),
        ("Patient", "_id", ()),
        ("Patient", "_text", ()),
        ("Observation", "code-value-quantity", ()),
    ],
)
def test_values_that_others_index_are_not_indexed_again(
    resource_type: str, code: str, answers: tuple[Answer, ...]
) -> None:
    assert parameter(resource_type, code).answers == answers


def test_whoever_answers_for_others_has_entries() -> None:
    registry = Registry()
    for resource_type in definitions.resource_types():
        parameters = registry.all_for(resource_type)
        for each in parameters.values():
            for answer in each.answers:
                assert parameters[answer.name].stored


def test_canonical_parameters_are_known() -> None:
    assert parameter("Patient", "_profile").canonical
    assert parameter("QuestionnaireResponse", "questionnaire").canonical
    assert not parameter("Observation", "subject").canonical


@pytest.mark.parametrize(
    ("resource_type", "code", "expected"),
    [
        ("Patient", "active", {"boolean"}),
        ("Patient", "phone", {"ContactPoint"}),
        ("MedicationRequest", "code", {"CodeableConcept"}),
        ("Observation", "subject", {"Reference"}),
        ("Observation", "date", {"dateTime", "Period", "Timing", "instant"}),
        ("ActivityDefinition", "depends-on", {"canonical"}),
        ("Patient", "mothersMaidenName", None),
        ("Observation", "code-value-quantity", None),
    ],
)
def test_the_data_types_of_values_are_told_where_the_expression_tells(
    resource_type: str, code: str, expected: set[str] | None
) -> None:
    assert data_types(parameter(resource_type, code)) == expected


def test_a_registry_may_add_parameters_that_other_registries_do_not_have() -> None:
    birthdate = next(each for each in definitions.search_parameters() if each.code == "birthdate")
    mine = replace(birthdate, code="born", url="http://example.org/born", base=("Patient",))
    assert Registry([Addition(mine)]).get("Patient", "born") is not None
    assert Registry().get("Patient", "born") is None
