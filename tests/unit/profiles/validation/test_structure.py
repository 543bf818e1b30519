"""Each structural rule has a resource that breaks it, and the issue that names the place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from profiles.issues import Issue
from profiles.validation.structure import structure_issues

EXTENSION = {"url": "http://example.org/e", "valueString": "x"}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


def found(resource: dict[str, Any]) -> list[Issue]:
    return structure_issues(resource, resource["resourceType"], resource["resourceType"])


def places(resource: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(issue.code, issue.expression) for issue in found(resource)]


RIGHT = [
    patient(language="zh-Hant-TW", photo=[{"language": "fr-CH"}]),
    patient(),
    patient(name=[{"given": ["A", None], "_given": [None, {"extension": [EXTENSION]}]}]),
    patient(name=[{"given": ["a"], "_given": [None]}]),
    patient(_birthDate={"extension": [EXTENSION]}),
    patient(birthDate="2024-02-29", _birthDate={"id": "a"}),
    patient(deceasedBoolean=False),
    patient(extension=[{"url": "http://example.org/e", "extension": [EXTENSION]}]),
    patient(extension=[{"url": "http://example.org/e", "id": "a", "valueString": "x", "_valueString": {"id": "b"}}]),
    patient(modifierExtension=[EXTENSION], implicitRules="http://example.org/rules"),
    {**OBSERVATION, "valueQuantity": {"value": Decimal("77.10"), "comparator": "<"}},
    {**OBSERVATION, "subject": {"type": "Patient", "identifier": {"value": "1"}}},
    {**OBSERVATION, "subject": {"type": "Patient", "reference": "Patient/1"}},
    {"resourceType": "Linkage", "item": [{"type": "source", "resource": {"display": "a"}}]},
]

WRONG: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (patient(nome=[]), [("structure", "Patient.nome")]),
    (patient(name={"text": "a"}), [("structure", "Patient.name")]),
    (patient(name=[]), [("structure", "Patient.name")]),
    (patient(name=[{}]), [("structure", "Patient.name[0]")]),
    (patient(name=[{"id": "a"}]), [("structure", "Patient.name[0]")]),
    (patient(name=[None]), [("structure", "Patient.name[0]")]),
    (patient(name=["a"]), [("structure", "Patient.name[0]")]),
    (patient(name=[{"family": ["a"]}]), [("structure", "Patient.name[0].family")]),
    (patient(name=[{"given": "a"}]), [("structure", "Patient.name[0].given")]),
    (patient(name=[{"given": []}]), [("structure", "Patient.name[0].given")]),
    (patient(name=[{"given": ["a", ""]}]), [("value", "Patient.name[0].given[1]")]),
    (patient(name=[{"given": ["a", None]}]), [("structure", "Patient.name[0].given[1]")]),
    (
        patient(name=[{"given": ["a"], "_given": [None, {"id": "a"}]}]),
        [("structure", "Patient.name[0].given"), ("structure", "Patient.name[0].given[1]")],
    ),
    (patient(name=[{"given": [None], "_given": [{"id": "a"}]}]), [("structure", "Patient.name[0].given[0]")]),
    (patient(active=None), [("structure", "Patient.active")]),
    (patient(active="true"), [("structure", "Patient.active")]),
    (patient(active=1), [("structure", "Patient.active")]),
    (patient(birthDate="2023-02-29"), [("value", "Patient.birthDate")]),
    (patient(_birthDate={}), [("structure", "Patient.birthDate")]),
    (patient(_birthDate={"id": "a"}), [("structure", "Patient.birthDate")]),
    (patient(_birthDate={"extension": [EXTENSION], "value": 1}), [("structure", "Patient.birthDate")]),
    (patient(_birthDate={"extension": [{"url": "http://a"}]}), [("required", "Patient.birthDate.extension[0]")]),
    (patient(_birthDate=[None]), [("structure", "Patient.birthDate")]),
    (patient(_name=[{"id": "a"}]), [("structure", "Patient._name")]),
    (patient(_id={"extension": [EXTENSION]}), [("structure", "Patient._id")]),
    (patient(id="a_b"), [("value", "Patient.id")]),
    (patient(gender="männlich"), [("code-invalid", "Patient.gender")]),
    (patient(deceasedBoolean=False, deceasedDateTime="2024"), [("structure", "Patient.deceased")]),
    (patient(deceasedBoolean=False, _deceasedDateTime={"extension": [EXTENSION]}), [("structure", "Patient.deceased")]),
    (patient(deceasedString="a"), [("structure", "Patient.deceasedString")]),
    (patient(multipleBirthInteger=Decimal("1.0")), [("structure", "Patient.multipleBirth")]),
    (patient(multipleBirthInteger=2**31), [("value", "Patient.multipleBirth")]),
    (patient(multipleBirthInteger=True), [("structure", "Patient.multipleBirth")]),
    (patient(contact=[{"gender": "x"}]), [("code-invalid", "Patient.contact[0].gender")]),
    (patient(communication=[{"preferred": True}]), [("required", "Patient.communication[0].language")]),
    (patient(extension=[{"valueString": "a"}]), [("required", "Patient.extension[0].url")]),
    (patient(extension=[{"url": "http://a"}]), [("required", "Patient.extension[0]")]),
    (patient(extension=[{"url": "", "valueString": "a"}]), [("value", "Patient.extension[0].url")]),
    (patient(extension=[{**EXTENSION, "extension": [EXTENSION]}]), [("structure", "Patient.extension[0]")]),
    (patient(extension=[{**EXTENSION, "valueCode": "a"}]), [("structure", "Patient.extension[0].value")]),
    (patient(managingOrganization={"reference": "Patient/1"}), [("value", "Patient.managingOrganization.reference")]),
    (
        patient(managingOrganization={"reference": "Organization/1", "type": "Patient"}),
        [("value", "Patient.managingOrganization.type")],
    ),
    (
        patient(extension=[{"url": "http://a", "valueReference": {"reference": "2024"}}]),
        [("value", "Patient.extension[0].value.reference")],
    ),
    (patient(language="fr_FR"), [("code-invalid", "Patient.language")]),
    (patient(photo=[{"language": "the-language-of-angels!"}]), [("code-invalid", "Patient.photo[0].language")]),
    (patient(contained={}), [("structure", "Patient.contained")]),
    (patient(contained=["a"]), [("structure", "Patient.contained[0]")]),
    ({"resourceType": "Observation", "code": {"text": "a"}}, [("required", "Observation.status")]),
    ({**OBSERVATION, "status": None}, [("structure", "Observation.status")]),
    ({**OBSERVATION, "value": 5}, [("structure", "Observation.value")]),
    (
        {**OBSERVATION, "valueQuantity": {"value": "5"}, "valueString": "a"},
        [("structure", "Observation.value.value"), ("structure", "Observation.value")],
    ),
    (
        {**OBSERVATION, "component": [{"code": {"text": "a"}, "valueRange": {"low": {"comparator": "<"}}}]},
        [("structure", "Observation.component[0].value.low.comparator")],
    ),
    ({**OBSERVATION, "component": [{"referenceRange": [{"lo": 1}]}]}, [
        ("structure", "Observation.component[0].referenceRange[0].lo"),
        ("required", "Observation.component[0].code"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize("resource", RIGHT, ids=lambda each: str(each)[20:70])
def test_a_right_resource_has_no_issue(resource: dict[str, Any]) -> None:
    assert found(resource) == []


@pytest.mark.parametrize(("resource", "expected"), WRONG, ids=lambda each: str(each)[20:80])
def test_each_fault_is_named_with_its_place(resource: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert places(resource) == expected


def test_all_faults_come_in_one_answer() -> None:
    resource = patient(gender="x", birthDate="yesterday", name=[{"given": [1]}], unknown=1)

    assert set(places(resource)) == {
        ("code-invalid", "Patient.gender"),
        ("value", "Patient.birthDate"),
        ("structure", "Patient.name[0].given[0]"),
        ("structure", "Patient.unknown"),
    }


def test_a_misspelt_element_is_answered_with_the_right_one() -> None:
    (issue,) = found(patient(birthdate="2024-01-01"))

    assert "did you mean 'birthDate'?" in issue.message


def test_a_wrong_code_is_answered_with_the_allowed_ones() -> None:
    (issue,) = found(patient(gender="M"))

    assert "'M'" in issue.message
    assert "female, male, other, unknown" in issue.message


def test_no_message_repeats_what_a_person_wrote() -> None:
    secret = "Jane Doe +33 6 12 34 56 78"
    bad = patient(
        name=[{"given": [secret + "\x0b"], "family": 5}],
        birthDate=secret,
        gender=secret,
        telecom=[{"system": secret}],
        managingOrganization={"reference": secret, "type": secret},
    )
    bad[secret] = secret
    issues = found(bad)

    assert len(issues) >= 6
    assert not [issue for issue in issues if "Jane" in issue.message or "Jane" in str(issue.expression)]


def test_a_choice_that_is_required_lists_its_forms() -> None:
    (issue,) = found(
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"display": "a"}}
    )

    assert issue.expression == "MedicationRequest.medication"
    assert "medicationCodeableConcept, medicationReference" in issue.message
