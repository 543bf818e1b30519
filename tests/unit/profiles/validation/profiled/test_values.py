"""What a profile asks of single values, each rule with a resource that keeps it and one that breaks it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.profiled import URL, element, findings, known, structure, told

Json = dict[str, Any]
LOINC = {"system": "http://loinc.org", "code": "8480-6"}
VALUE_SET = {
    "resourceType": "ValueSet",
    "url": "http://example.org/ValueSet/v",
    "compose": {"include": [{"system": "http://loinc.org", "concept": [{"code": "8480-6"}]}]},
}


def patient(**more: Any) -> Json:
    return {"resourceType": "Patient", **more}


def observation(**more: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", **more}


def bound(strength: str, value_set: str = VALUE_SET["url"]) -> Json:
    return element("Observation.code", "CodeableConcept", binding={"strength": strength, "valueSet": value_set})


CASES = [
    (element("Patient.name", min=1), patient(name=[{}]), patient(), "required", "Patient.name"),
    (element("Patient.name", max="0"), patient(), patient(name=[{}]), "structure", "Patient.name"),
    (element("Patient.name", max="1"), patient(name=[{}]), patient(name=[{}, {}]), "structure", "Patient.name"),
    (
        element("Patient.active", "boolean", fixedBoolean=True),
        patient(active=True),
        patient(active=False),
        "value",
        "Patient.active",
    ),
    (
        element("Observation.code", "CodeableConcept", patternCodeableConcept={"coding": [LOINC]}),
        observation(code={"coding": [{"code": "x"}, {**LOINC, "display": "d"}]}),
        observation(code={"coding": [{"code": "8480-6"}]}),
        "value",
        "Observation.code",
    ),
    (
        element("Observation.code", "CodeableConcept", fixedCodeableConcept={"coding": [LOINC]}),
        observation(code={"coding": [LOINC]}),
        observation(code={"coding": [{**LOINC, "display": "d"}]}),
        "value",
        "Observation.code",
    ),
    (
        element("Observation.value[x]", "integer", minValueInteger=3),
        observation(valueInteger=3),
        observation(valueInteger=2),
        "value",
        "Observation.value",
    ),
    (
        element("Patient.birthDate", "date", maxValueDate="2020-01-01"),
        patient(birthDate="2019"),
        patient(birthDate="2021"),
        "value",
        "Patient.birthDate",
    ),
    (
        element("Observation.value[x]", "string", maxLength=3),
        observation(valueString="abc"),
        observation(valueString="abcd"),
        "value",
        "Observation.value",
    ),
    (
        element("Observation.value[x]", "Quantity"),
        observation(valueQuantity={"value": 1}),
        observation(valueString="1"),
        "structure",
        "Observation.value",
    ),
    (
        element("Observation.subject", type=[{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}]),
        observation(subject={"reference": "Patient/1"}),
        observation(subject={"reference": "Group/1"}),
        "value",
        "Observation.subject",
    ),
    (
        element("Patient", constraint=[{"key": "t-1", "severity": "error", "expression": "name.exists()"}]),
        patient(name=[{"text": "a"}]),
        patient(),
        "invariant",
        "Patient",
    ),
    (
        bound("required"),
        observation(code={"coding": [LOINC]}),
        observation(code={"coding": [{**LOINC, "code": "1-1"}]}),
        "code-invalid",
        "Observation.code",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "good", "bad", "code", "place"), CASES)
def test_a_rule_of_a_profile_is_kept_or_told_of(rule: Json, good: Json, bad: Json, code: str, place: str) -> None:
    assert findings(good, rule, context=known(VALUE_SET)) == []
    issues = findings(bad, rule, context=known(VALUE_SET))
    assert told(issues) == [("error", code, place)]
    assert issues[0].profile == f"{URL}tested"
    assert issues[0].rule
    assert issues[0].message.endswith(".")


@pytest.mark.parametrize(("strength", "severity"), [("extensible", "warning"), ("preferred", "information")])
def test_weaker_bindings_are_weaker_findings(strength: str, severity: str) -> None:
    wrong = observation(code={"coding": [{"system": "http://loinc.org", "code": "1-1"}]})

    assert told(findings(wrong, bound(strength), context=known(VALUE_SET))) == [
        (severity, "code-invalid", "Observation.code")
    ]
    assert findings(wrong, bound("example"), context=known(VALUE_SET)) == []


def test_what_cannot_be_expanded_is_said_to_be_unchecked() -> None:
    issues = findings(observation(code={"coding": [LOINC]}), bound("required", "http://example.org/ValueSet/none"))

    assert told(issues) == [("warning", "not-supported", "Observation.code")]


def test_best_practice_is_a_warning_and_a_rule_of_r4_is_not_repeated() -> None:
    advice = {"url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice", "valueBoolean": True}
    rule = {"key": "t-1", "severity": "error", "human": "Never", "expression": "false", "extension": [advice]}
    of_r4 = {"key": "dom-2", "severity": "error", "human": "Never", "expression": "false"}

    assert told(findings(patient(), element("Patient", constraint=[rule, of_r4]))) == [
        ("warning", "invariant", "Patient")
    ]


def test_must_support_is_told_on_demand() -> None:
    rule = element("Patient.name", mustSupport=True)

    assert findings(patient(), rule) == []
    assert told(findings(patient(), rule, context=known(must_support=True))) == [
        ("information", "informational", "Patient.name")
    ]


def test_the_existence_of_targets_is_asked_through_the_hook() -> None:
    rule = element("Observation.subject", "Reference")
    context = known(exists=lambda text: text == "Patient/1")

    assert findings(observation(subject={"reference": "Patient/1"}), rule, context=context) == []
    assert told(findings(observation(subject={"reference": "Patient/2"}), rule, context=context)) == [
        ("error", "not-found", "Observation.subject")
    ]


def test_contained_targets_are_checked_against_the_target_profile() -> None:
    named = structure("named", element("Patient.name", min=1))
    rule = element("Observation.subject", type=[{"code": "Reference", "targetProfile": [named["url"]]}])
    good = observation(subject={"reference": "#p"}, contained=[patient(id="p", name=[{"text": "a"}])])
    bad = observation(subject={"reference": "#p"}, contained=[patient(id="p")])

    assert findings(good, rule, context=known(named)) == []
    assert told(findings(bad, rule, context=known(named))) == [("error", "structure", "Observation.subject")]


def test_a_profile_on_a_data_type_is_applied() -> None:
    family = structure("family", element("HumanName.family", min=1))
    rule = element("Patient.name", type=[{"code": "HumanName", "profile": [family["url"]]}])

    assert findings(patient(name=[{"family": "a"}]), rule, context=known(family)) == []
    issues = findings(patient(name=[{"text": "a"}]), rule, context=known(family))
    assert told(issues) == [("error", "required", "Patient.name[0].family")]
    assert issues[0].profile == family["url"]


@pytest.mark.parametrize(
    "expression",
    [
        "('a' & 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!').matches('^(a|a|aa|.a)+$')",
        "(1 | 2 | 3).repeat($this + 1)",
    ],
)
def test_bombs_in_rules_are_bounded(expression: str) -> None:
    rule = {"key": "t-1", "severity": "error", "human": "Bomb", "expression": expression}
    issues = findings(patient(), element("Patient", constraint=[rule]))

    assert [issue.code for issue in issues] in (["too-costly"], ["processing"])


def test_profiles_that_ask_for_one_another_end() -> None:
    one = structure("one", element("Patient.link.other", type=[{"code": "Reference", "targetProfile": [URL + "two"]}]))
    one["snapshot"]["element"].insert(1, element("Patient.link", "BackboneElement"))
    two = {**one, "url": URL + "two"}
    context = known(one, two)
    circle = patient(id="a", link=[{"other": {"reference": "#"}}])

    assert findings(circle, *one["snapshot"]["element"], context=context) == []
