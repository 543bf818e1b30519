"""Which SearchParameters can be served, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.search.check_parameter import check_parameter, definition_of, is_served
from fhir_server.search.parameters import Addition, Registry
from tests.fakes.own_parameters import EYES, own

R4 = "http://hl7.org/fhir/SearchParameter/"
CONTACT = {"code": "contact-pair", "type": "composite", "expression": "Patient.contact"}


def part(definition: str, expression: str) -> dict[str, str]:
    return {"definition": definition, "expression": expression}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"status": "draft"},
        {"code": "eye_colour"},
        {"expression": f"Patient.extension('{EYES}').value.ofType(CodeableConcept)"},
        {"expression": "Patient.name.where(use = 'official').family", "type": "string"},
        {"expression": "(Patient.deceased as dateTime)", "type": "date"},
        {"expression": "Patient.name.count()", "type": "number"},
        {"expression": "Patient.contact.exists()"},
        {"expression": "Patient.contact.organization", "type": "reference", "target": ["Organization"]},
        {"expression": "maritalStatus"},
        {"expression": "Patient.name.first()", "type": "string"},
        {"expression": "Patient.name[0].given[1]", "type": "string"},
        {"expression": "Patient.telecom.where(system = 'phone' and (rank = 1)).first()"},
        {"expression": "(Patient.deceased as dateTime).first()", "type": "date"},
        {"expression": "Patient.maritalStatus | Person.gender", "base": ["Patient", "Person"]},
        {"expression": "DomainResource.text.status", "base": ["DomainResource"]},
        # Not served, so nothing is asked of them.
        {"status": "retired", "code": "gender"},
        {"status": "unknown", "expression": "Patient.("},
    ],
)
def test_what_can_be_served_has_no_faults(more: dict[str, Any]) -> None:
    assert check_parameter(own(**more), Registry()) == []


def test_a_copy_of_the_standards_own_is_a_document() -> None:
    copied = own(url=R4 + "individual-gender", code="gender")
    (issue,) = check_parameter(copied, Registry())
    assert (issue.severity, issue.expression) == ("information", "SearchParameter.url")
    assert not is_served(copied)


@pytest.mark.parametrize(
    ("more", "element", "code", "says"),
    [
        ({"code": "gender"}, "code", "duplicate", "The standard has a parameter 'gender' for Patient"),
        ({"code": "name", "base": ["Resource"]}, "code", "duplicate", "and others"),
        ({"code": "a.b"}, "code", "value", "64 letters, digits, '-' and '_'"),
        ({"code": "_mine"}, "code", "value", "are the standard's"),
        ({"base": ["Patient", "Martian"]}, "base", "value", "Martian is no resource type"),
        ({"type": "special"}, "type", "not-supported", "type special"),
        ({"xpathUsage": "phonetic"}, "xpathUsage", "not-supported", "usage 'normal'"),
        ({"expression": None}, "expression", "required", "needs one"),
        ({"expression": "Patient.name.where("}, "expression", "value", "a name or value is expected"),
        ({"expression": "Patient.name.shout()"}, "expression", "value", "shout() is no function"),
        ({"expression": "Patient.nickname"}, "expression", "value", "no element at 'Patient.nickname'"),
        ({"expression": "Patient.nickname.where(use = 'x')"}, "expression", "value", "no element at"),
        ({"expression": "Patient"}, "expression", "value", "no element at"),
        ({"expression": "Observation.code | Patient.gender"}, "expression", "value", "none of the parameter's bases"),
        (
            {"base": ["Patient", "Person"]},
            "expression",
            "value",
            "No part of the expression begins with the base Person",
        ),
        ({"expression": "Patient.name", "type": "date"}, "expression", "value", "finds HumanName, which a parameter"),
        ({"expression": "Patient.name.exists()", "type": "date"}, "expression", "value", "finds boolean"),
        ({"expression": "Patient.name.first()", "type": "date"}, "expression", "value", "finds HumanName"),
        ({"expression": "Patient.name[0]", "type": "number"}, "expression", "value", "finds HumanName"),
        ({"expression": "Patient.name.given.skip(1)", "type": "date"}, "expression", "value", "finds string"),
        (
            {"expression": "Patient.name.where(use = 'official (old)').first()", "type": "date"},
            "expression",
            "value",
            "finds HumanName",
        ),
        ({"expression": "Patient.nickname.first()"}, "expression", "value", "no element at"),
        ({"type": "quantity"}, "expression", "value", "finds Coding"),
        ({"type": "composite"}, "component", "invariant", "combines two or more"),
        ({"component": [part(R4 + "individual-gender", "gender")]}, "component", "invariant", "only a composite"),
    ],
)
def test_what_cannot_be_served_is_told_by_element_and_rule(
    more: dict[str, Any], element: str, code: str, says: str
) -> None:
    found = [issue for issue in check_parameter(own(**more), Registry()) if issue.code == code]
    assert {issue.expression for issue in found} == {f"SearchParameter.{element}"}
    assert any(says in issue.message for issue in found)
    assert all(issue.is_error for issue in found)


def test_all_faults_of_a_definition_come_together() -> None:
    found = check_parameter(own(code="gender", type="special"), Registry())
    assert [issue.expression for issue in found] == ["SearchParameter.code", "SearchParameter.type"]


def test_a_composite_takes_components_whose_values_are_kept_by_instance() -> None:
    component = [
        part(R4 + "Observation-component-code", "code"),
        part(R4 + "Observation-component-value-quantity", "value.as(Quantity)"),
    ]
    composite = own(code="pair", type="composite", base=["Observation"], expression="Observation.component")
    assert check_parameter(composite | {"component": component}, Registry()) == []
    whole = [part(R4 + "clinical-code", "code"), part(R4 + "Observation-status|4.0.1", "status")]
    assert check_parameter(composite | {"expression": "Observation", "component": whole}, Registry()) == []


def test_a_composite_may_not_change_how_the_standards_parameters_are_kept() -> None:
    component = [part(R4 + "individual-telecom", "telecom"), part(R4 + "individual-gender", "gender")]
    found = check_parameter(own(**CONTACT, component=component), Registry())
    assert [issue.expression for issue in found] == [f"SearchParameter.component[{n}].expression" for n in (0, 1)]
    assert "Define a parameter of your own with the expression 'Patient.contact.telecom'" in found[0].message


def test_a_composite_may_have_components_of_the_tenants_own() -> None:
    parts = {"contact-gender": "gender", "contact-relation": "relationship"}
    mine = [own(code, code=code, expression=f"Patient.contact.{step}") for code, step in parts.items()]
    component = [part(each["url"], step) for each, step in zip(mine, parts.values(), strict=True)]
    composite = own(**CONTACT, component=component)
    known = Registry([Addition(definition_of(each)) for each in mine])
    assert check_parameter(composite, known) == []
    unknown = check_parameter(composite, Registry())
    assert [issue.code for issue in unknown] == ["not-found", "not-found"]


@pytest.mark.parametrize(
    "expression", ["(Patient.contact)", "Patient.contact.where(gender = 'male')", "Patient.kontakt"]
)
def test_a_composite_begins_at_a_plain_path(expression: str) -> None:
    component = [part(R4 + "individual-telecom", "telecom"), part(R4 + "individual-gender", "gender")]
    found = check_parameter(own(**CONTACT | {"expression": expression}, component=component), Registry())
    assert found[0].message.startswith("The expression of a composite is a plain path")
