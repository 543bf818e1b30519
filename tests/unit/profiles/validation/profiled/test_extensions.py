"""Extensions: what their definitions say of them, where they may stand, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.issues import Issue
from profiles.validation.validate_with import validate_with
from profiles.validation.validator import Validator
from tests.fakes.profiled import URL, element, known, structure, told

Json = dict[str, Any]


def defined(name: str, *contexts: tuple[str, str], modifier: bool = False, **more: Any) -> Json:
    """Return the definition of an extension with a string value."""
    root = element("Extension", isModifier=modifier)
    value = element("Extension.value[x]", "string", min=1)
    rows = [{"type": kind, "expression": text} for kind, text in contexts]
    return structure(name, root, value, context=rows, kind="complex-type", **more)


def extension(name: str, **value: Any) -> Json:
    return {"url": URL + name, **(value or {"valueString": "x"})}


def issues(resource: Json, *definitions: Json) -> list[Issue]:
    return validate_with(resource, (), known(*definitions), validator=Validator())


@pytest.mark.parametrize(
    ("kind", "text", "allowed"),
    [
        ("element", "Patient", True),
        ("element", "DomainResource", True),
        ("element", "Element", True),
        ("element", "Observation", False),
        ("fhirpath", "Patient", True),
        ("fhirpath", "Patient.name", False),
        ("extension", URL + "outer", False),
    ],
)
def test_an_extension_stands_where_its_context_says(kind: str, text: str, allowed: bool) -> None:
    patient = {"resourceType": "Patient", "extension": [extension("e")]}
    found = told(issues(patient, defined("e", (kind, text))))
    assert found == ([] if allowed else [("error", "extension", "Patient.extension[0]")])


def test_contexts_may_be_elements_at_any_depth_and_primitives() -> None:
    patient = {"resourceType": "Patient", "_birthDate": {"extension": [extension("e")]}, "name": [{"text": "a"}]}
    patient["name"][0]["extension"] = [extension("n")]
    assert issues(patient, defined("e", ("element", "Patient.birthDate")), defined("n", ("element", "HumanName"))) == []
    wrong = issues(patient, defined("e", ("element", "date")), defined("n", ("element", "Patient.contact.name")))
    assert told(wrong) == [("error", "extension", "Patient.name[0].extension[0]")]


def test_an_invariant_of_the_context_holds() -> None:
    definition = defined("e", ("element", "Patient"), contextInvariant=["active = true"])
    patient = {"resourceType": "Patient", "extension": [extension("e")]}
    assert issues({**patient, "active": True}, definition) == []
    assert [each.rule for each in issues(patient, definition)] == ["contextInvariant"]


def test_what_is_in_an_extension_is_what_its_definition_says() -> None:
    patient = {"resourceType": "Patient", "extension": [extension("e", valueInteger=1)]}
    found = issues(patient, defined("e", ("element", "Patient")))
    assert ("error", "structure", "Patient.extension[0].value") in told(found)


def test_modifiers_stand_with_modifiers() -> None:
    modifier = defined("m", ("element", "Patient"), modifier=True)
    assert issues({"resourceType": "Patient", "modifierExtension": [extension("m")]}, modifier) == []
    assert told(issues({"resourceType": "Patient", "extension": [extension("m")]}, modifier)) == [
        ("error", "structure", "Patient.extension[0]")
    ]
    assert told(issues({"resourceType": "Patient", "modifierExtension": [extension("x")]})) == [
        ("error", "extension", "Patient.modifierExtension[0]")
    ]


def test_an_unknown_extension_is_told_of_and_one_with_a_name_of_hl7_is_an_error() -> None:
    core = "http://hl7.org/fhir/StructureDefinition/"
    for url, severity in (("http://elsewhere/x", "information"), (core + "x", "error"), (core + "birthPlace", "error")):
        patient = {"resourceType": "Patient", "extension": [{"url": url, "valueString": "x"}]}
        assert told(issues(patient)) == [(severity, "extension", "Patient.extension[0]")]
