"""Invariants are found wherever their elements are, and what is written out says the same as FHIRPath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from profiles.definitions import constraint
from profiles.fhirpath.engine import Node, Scope, compile_expression
from profiles.fhirpath.environment import Environment
from profiles.validation import invariants
from profiles.validation.invariants import Plan, Rule, invariant_issues, plan
from profiles.validation.plain import GUARDS, RULES, Local
from profiles.validation.prose.rules import ProseRule
from profiles.validation.validator import Validator
from tests.fakes.generated import generated_resource

OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://a", "code": "1"}]},
}
BAD_QUANTITY = {"value": 1, "code": "mg"}
BAD_PERIOD = {"start": "2024-02-01", "end": "2024-01-01"}


def found(resource: dict[str, Any]) -> list[tuple[str, str]]:
    issues = invariant_issues(Scope.of(resource), resource["resourceType"], Local(resource))
    return [(issue.message.partition(" breaks ")[2].partition(":")[0], str(issue.expression)) for issue in issues]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({**OBSERVATION, "valueQuantity": BAD_QUANTITY}, [("qty-3", "Observation.value")]),
        (
            {**OBSERVATION, "component": [{"code": {}, "valueQuantity": BAD_QUANTITY}]},
            [("qty-3", "Observation.component[0].value")],
        ),
        (
            {**OBSERVATION, "component": [{"code": {}, "referenceRange": [{"appliesTo": []}]}]},
            [("obs-3", "Observation.component[0].referenceRange[0]")],
        ),
        (
            {**OBSERVATION, "extension": [{"url": "http://a", "valuePeriod": BAD_PERIOD}]},
            [("per-1", "Observation.extension[0].value")],
        ),
        (
            {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "http://a", "valuePeriod": BAD_PERIOD}]}},
            [("per-1", "Patient.birthDate.extension[0].value")],
        ),
        (
            {
                "resourceType": "Patient",
                "name": [
                    {"given": ["a", "b"], "_given": [None, {"extension": [{"url": "u", "valuePeriod": BAD_PERIOD}]}]}
                ],
            },
            [("per-1", "Patient.name[0].given[1].extension[0].value")],
        ),
        (
            {
                "resourceType": "Organization",
                "name": "a",
                "telecom": [{"system": "phone", "value": "1", "use": "home"}],
            },
            [("org-3", "Organization.telecom[0]")],
        ),
        (
            {**OBSERVATION, "valueInteger": 1, "component": [{"code": OBSERVATION["code"]}]},
            [("obs-7", "Observation")],
        ),
        ({**OBSERVATION, "valueInteger": 1, "dataAbsentReason": {"text": "a"}}, [("obs-6", "Observation")]),
        ({**OBSERVATION, "effectivePeriod": BAD_PERIOD}, [("per-1", "Observation.effective")]),
        (
            {**OBSERVATION, "effectiveTiming": {"repeat": {"duration": 1, "offset": 5, "when": ["ACM", "C"]}}},
            [("tim-1", "Observation.effective.repeat"), ("tim-9", "Observation.effective.repeat")],
        ),
        (
            {
                "resourceType": "Questionnaire",
                "status": "draft",
                "item": [
                    {"linkId": "1", "type": "group", "item": [{"linkId": "1", "type": "display", "required": True}]}
                ],
            },
            [("que-2", "Questionnaire"), ("que-6", "Questionnaire.item[0].item[0]")],
        ),
        ({"resourceType": "ValueSet", "status": "draft", "name": "a b"}, [("vsd-0", "ValueSet")]),
    ],
    ids=lambda each: str(each)[:60],
)
def test_a_broken_rule_is_found_at_its_element(resource: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(resource) == expected


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2024-01-01"},
        {"start": "2024", "end": "2024-05"},
        {"start": "2024-01-01", "end": "2024-01-01T10:00:00Z"},
        {"start": "2024-01-01T12:00:00+02:00", "end": "2024-01-01T11:00:00Z"},
    ],
)
def test_what_is_not_shown_to_be_broken_passes(period: dict[str, str]) -> None:
    assert found({**OBSERVATION, "effectivePeriod": period}) == []


def test_an_expression_without_answer_counts_as_broken() -> None:
    # que-13: `repeats = true or initial.count() <= 1` has no answer when repeats is absent and initial is there twice.
    initial = [{"valueInteger": 1}, {"valueInteger": 2}]
    item = {"linkId": "1", "type": "integer", "initial": initial}

    assert found({"resourceType": "Questionnaire", "status": "draft", "item": [item]}) == [
        ("que-13", "Questionnaire.item[0]")
    ]


def test_advice_is_a_warning() -> None:
    issues = Validator().validate({"resourceType": "ValueSet", "status": "draft", "name": "a b"})

    assert [(issue.severity, issue.code) for issue in issues] == [("warning", "invariant")]


def test_a_resource_too_large_for_a_rule_is_told_not_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invariants, "ENVIRONMENT", Environment(steps=20))
    items = [{"linkId": str(number), "type": "string"} for number in range(50)]
    questionnaire = {"resourceType": "Questionnaire", "status": "draft", "item": items}
    issues = invariant_issues(Scope.of(questionnaire), "Questionnaire", Local(questionnaire))

    assert {(issue.severity, issue.code) for issue in issues} == {("error", "too-costly")}


def at_elements(of: Plan, value: dict[str, Any]) -> Iterator[tuple[Rule, dict[str, Any], Any]]:
    """Yield every rule with the element it stands at, and that element's shape."""
    for rule in of.rules:
        yield rule, value, of.node_shape
    for name, inside in value.items():
        member = of.members.get(name)
        if member is not None and member.plan is not None:
            for each in inside if member.repeats else [inside]:
                yield from at_elements(member.plan, each)


FRAGMENTS: list[tuple[str, dict[str, Any]]] = [
    ("Bundle", {"type": kind, **more})
    for kind in ("searchset", "history", "batch", "transaction", "batch-response", "collection", "document")
    for more in (
        {},
        {"total": 1},
        {"entry": [{"request": {"method": "GET"}}]},
        {"entry": [{"response": {"status": "200"}}]},
        {"entry": [{"request": {"method": "GET"}}, {"response": {"status": "200"}}]},
        {"entry": [{"search": {"mode": "match"}}]},
        {"entry": [{"fullUrl": "http://a/1"}, {"fullUrl": "http://a/1"}]},
        {
            "entry": [
                {"fullUrl": "http://a/1", "resource": {"resourceType": "Basic", "meta": {"versionId": v}}} for v in "12"
            ]
        },
        {"entry": [{"fullUrl": "http://a/Basic/1/_history/2", "resource": {"resourceType": "Basic"}}]},
        {"entry": [{"id": "a"}]},
    )
] + [
    ("Patient", {"contact": [{"relationship": [{"text": "a"}]}]}),
    ("Patient", {"contact": [{"name": {"text": "a"}}], "contained": [{"resourceType": "Basic", "id": "b"}]}),
    (
        "Patient",
        {"telecom": [{"value": "1"}, {"value": "1", "system": "phone"}, {"use": "home"}, {"_value": {"id": "a"}}]},
    ),
    ("Patient", {"photo": [{"data": "YQ=="}, {"data": "YQ==", "contentType": "image/png"}, {"title": "a"}]}),
    ("Patient", {"managingOrganization": {"reference": "#b"}}),
    ("Patient", {"managingOrganization": {"reference": "#b"}, "contained": [{"resourceType": "Basic", "id": "b"}]}),
    ("Patient", {"managingOrganization": {"display": "b"}}),
    ("Observation", {"valueRatio": {"numerator": {"value": 1}}}),
    ("Observation", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 1, "code": "1"}}}),
    ("Observation", {"valueRatio": {"extension": [{"url": "u", "valueCode": "a"}]}}),
    ("Observation", {"referenceRange": [{"age": {"low": {"value": 1}}}, {"text": "a"}, {"low": {"value": 1}}]}),
]


def test_rules_written_out_say_what_their_expressions_say() -> None:
    met, broken = set(), set()
    resources = [{"resourceType": name, **rest} for name, rest in FRAGMENTS] + [
        generated_resource(n) for n in range(400)
    ]
    for resource in resources:
        scope = Scope.of(resource)
        for rule, value, shape in at_elements(plan(resource["resourceType"]), resource):
            if rule.plain is None or isinstance(rule, ProseRule):
                continue
            expression = compile_expression(constraint(rule.name).expression, lenient=True)
            said = expression.test(Node(value, shape, None, scope))
            if said is not None:
                assert rule.plain(value, Local(resource)) is said, (rule.name, value)
                met.add(rule.name)
                broken |= set() if said else {rule.name}

    assert met == set(RULES)
    assert broken == set(RULES)


def test_a_rule_is_only_passed_over_where_it_cannot_be_broken() -> None:
    met = set()
    for seed in range(600):
        resource = generated_resource(seed)
        scope = Scope.of(resource)
        for rule, value, shape in at_elements(plan(resource["resourceType"]), resource):
            if rule.guard and not all(name in value for name in rule.guard):
                met.add(rule.name)
                said = compile_expression(constraint(rule.name).expression, lenient=True).test(
                    Node(value, shape, None, scope)
                )
                assert said is not False, (rule.name, value)

    assert {"per-1", "rng-2", "obs-6", "obs-7"} <= met <= set(GUARDS)
