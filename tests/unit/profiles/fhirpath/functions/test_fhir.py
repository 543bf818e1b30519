"""The functions FHIR adds (http://hl7.org/fhir/R4/fhirpath.html#functions)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.errors import FhirPathError, FhirPathTypeError

Evaluate = Callable[..., list[Any]]
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"birthDate.extension('{BIRTH_TIME}').exists()", [True]),
        ("birthDate.extension(%`ext-patient-birthTime`).value", ["1974-12-25T14:35:45-05:00"]),
        ("birthDate.extension('http://example.org/other')", []),
        ("extension('x')", []),
        ("birthDate.hasValue()", [True]),
        ("birthDate.extension.hasValue()", [False]),
        ("gender.hasValue()", [False]),
        ("name.given.hasValue()", [False]),
        ("birthDate.getValue() is Date", [True]),
        ("name.first().getValue()", []),
    ],
)
def test_extensions_and_values(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


def test_a_primitive_with_only_an_extension_has_no_value(evaluate: Evaluate) -> None:
    resource = {"resourceType": "Patient", "_gender": {"extension": [{"url": "x"}]}}
    assert evaluate("gender.hasValue()", resource) == [False]
    assert evaluate("gender.getValue()", resource) == []
    assert evaluate("gender.extension('x').exists()", resource) == [True]


def test_terminology_is_asked_of_the_environment(evaluate: Evaluate, observation: dict[str, Any]) -> None:
    asked: list[Any] = []

    def member_of(value: Any, value_set: str) -> bool | None:
        asked.append((value, value_set))
        return value_set.endswith("yes")

    assert evaluate("code.memberOf('http://example.org/yes')", observation, member_of=member_of) == [True]
    assert evaluate("status.memberOf('http://example.org/no')", observation, member_of=member_of) == [False]
    assert evaluate("method.memberOf('http://example.org/no')", observation, member_of=member_of) == []
    assert asked == [(observation["code"], "http://example.org/yes"), ("final", "http://example.org/no")]


def test_subsumption_is_asked_of_the_environment(evaluate: Evaluate) -> None:
    def subsumes(general: Any, special: Any) -> bool | None:
        return bool(special.startswith(general))

    assert evaluate("'a'.subsumes('ab')", subsumes=subsumes) == [True]
    assert evaluate("'a'.subsumedBy('ab')", subsumes=subsumes) == [False]
    assert evaluate("'ab'.subsumedBy('a')", subsumes=subsumes) == [True]
    assert evaluate("{}.subsumes('a')", subsumes=subsumes) == []


@pytest.mark.parametrize("text", ["'a'.memberOf('x')", "'a'.subsumes('b')"])
def test_without_terminology_the_answer_is_an_error_not_a_guess(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathError, match="terminology"):
        evaluate(text)
    with pytest.raises(FhirPathTypeError):
        evaluate(text.replace("'a'.", "(1|2)."))


def test_conformance_is_asked_of_the_environment(evaluate: Evaluate, observation: dict[str, Any]) -> None:
    def conforms_to(value: Any, profile: str) -> bool | None:
        return profile == f"http://example.org/{value['resourceType']}"

    asked = "conformsTo('http://example.org/Observation')"
    assert evaluate(asked, observation, conforms_to=conforms_to) == [True]
    assert evaluate("conformsTo('http://example.org/Patient')", observation, conforms_to=conforms_to) == [False]
    assert evaluate("method.conformsTo('x')", observation, conforms_to=conforms_to) == []
    with pytest.raises(FhirPathError, match="profile"):
        evaluate(asked, observation)
    with pytest.raises(FhirPathTypeError):
        evaluate("(1|2).conformsTo('x')", conforms_to=conforms_to)


def test_modifier_extensions_other_than_those_named_are_an_error(evaluate: Evaluate) -> None:
    modified = {
        "resourceType": "Patient",
        "modifierExtension": [{"url": "urn:a", "valueBoolean": True}, {"url": "urn:b", "valueBoolean": True}],
        "contact": [{"gender": "male"}, {"gender": "male", "modifierExtension": [{"url": "urn:c"}]}],
    }
    assert evaluate("checkModifiers('urn:b', 'urn:a').contact.count()", modified) == [2]
    assert evaluate("contact.gender.checkModifiers()", modified) == ["male", "male"]
    assert evaluate("contact.checkModifiers('urn:c').count()", modified) == [2]
    for text in ("checkModifiers('urn:a')", "checkModifiers()", "contact.checkModifiers('urn:a')"):
        with pytest.raises(FhirPathTypeError, match="modifier extension"):
            evaluate(text, modified)


def test_html_checks_are_those_of_the_narrative() -> None:
    rule = compile_expression("text.div.htmlChecks()".replace("div", "`div`"))
    good = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Well <b>done</b></p></div>'
    bad = '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">Well</p></div>'
    assert rule.test({"resourceType": "Patient", "text": {"status": "generated", "div": good}}) is True
    assert rule.test({"resourceType": "Patient", "text": {"status": "generated", "div": bad}}) is False
    assert rule.test({"resourceType": "Patient"}) is None
