"""Required bindings of codes and CodeableConcepts (http://hl7.org/fhir/R4/terminologies.html#required)."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.validation.bindings import code_fault, concept_fault

GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"
CLINICAL = "http://hl7.org/fhir/ValueSet/condition-clinical|4.0.1"
CLINICAL_SYSTEM = "http://terminology.hl7.org/CodeSystem/condition-clinical"
UNITS = "http://hl7.org/fhir/ValueSet/ucum-units|4.0.1"
LOINC_ANSWERS = "http://loinc.org/vs/LL379-9|4.0.1"
ACTIVE = {"system": CLINICAL_SYSTEM, "code": "active"}


def test_codes_are_those_of_the_value_set_and_case_counts() -> None:
    assert code_fault(GENDER, "female") is None
    assert "use one of female, male, other, unknown" in str(code_fault(GENDER, "Female"))


def test_a_text_in_place_of_a_code_is_not_repeated() -> None:
    assert "Jane" not in str(code_fault(GENDER, "Jane Doe"))


def test_what_cannot_be_enumerated_is_not_checked() -> None:
    assert code_fault(LOINC_ANSWERS, "anything") is None
    assert concept_fault(LOINC_ANSWERS, {"text": "a"}) is None
    assert concept_fault(LOINC_ANSWERS, {"coding": [{"code": "a"}]}) is None


@pytest.mark.parametrize(
    "concept",
    [
        {"coding": [ACTIVE]},
        {"coding": [{"system": "http://snomed.info/sct", "code": "55561003"}, ACTIVE], "text": "a"},
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]},
    ],
)
def test_one_coding_of_the_value_set_or_an_extension_in_its_place_is_enough(concept: Any) -> None:
    assert concept_fault(CLINICAL, concept) is None


@pytest.mark.parametrize(
    "concept",
    [
        {"text": "active"},
        {"coding": [{"code": "active"}]},
        {"coding": [{"system": CLINICAL_SYSTEM, "code": "Active"}]},
        {"coding": [{"system": "http://snomed.info/sct", "code": "active"}]},
        {"coding": [{"system": CLINICAL_SYSTEM}]},
        {"coding": []},
        {"coding": [5]},
    ],
)
def test_a_concept_without_a_coding_of_the_value_set_is_told(concept: Any) -> None:
    assert "http://hl7.org/fhir/ValueSet/condition-clinical" in str(concept_fault(CLINICAL, concept))


def test_units_are_checked_by_system_and_syntax() -> None:
    assert concept_fault(UNITS, {"coding": [{"system": "http://unitsofmeasure.org", "code": "mg/dL"}]}) is None
    assert concept_fault(UNITS, {"coding": [{"system": "http://unitsofmeasure.org", "code": "mg per dL"}]}) is not None
    assert concept_fault(UNITS, {"coding": [{"code": "mg"}]}) is not None
