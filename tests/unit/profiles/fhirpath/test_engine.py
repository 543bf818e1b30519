"""The public face: evaluate, nodes, nodes_from, test."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from profiles.fhirpath.engine import Environment, Node, Scope, compile_expression
from profiles.fhirpath.errors import FhirPathTypeError

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("active", [True]),
        ("1 + 1", [2]),
        ("1.50", [Decimal("1.50")]),
        ("'a'", ["a"]),
        ("@2015-02", ["2015-02"]),
        ("@T10:00", ["10:00"]),
        ("4 'mg'", [{"value": Decimal(4), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}]),
        ("name[1]", [{"use": "usual", "given": ["Jim"]}]),
        ("{}", []),
    ],
)
def test_results_are_plain_json(patient: Json, text: str, expected: list[Any]) -> None:
    assert compile_expression(text).evaluate(patient) == expected


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("name.given.first() | active | birthDate | name.first()", ["string", "boolean", "date", "HumanName"]),
        ("true | 1 | 1.5 | 'a'", ["boolean", "integer", "decimal", "string"]),
        ("@2015 | @2016T | @T10:00 | 4 days", ["date", "dateTime", "time", "Quantity"]),
    ],
)
def test_nodes_have_fhir_types(patient: Json, text: str, types: list[str]) -> None:
    assert [node.type for node in compile_expression(text).nodes(patient)] == types


def test_results_can_be_changed_without_changing_the_expression(patient: Json) -> None:
    for text in ("{}", "'a'", "true", "$this"):
        expression = compile_expression(text)
        before = expression.evaluate(patient)
        expression.evaluate(patient).append("x")
        expression.nodes(patient).append(Scope.of(patient).node())
        assert expression.evaluate(patient) == before


def test_a_node_may_be_the_focus(observation: Json) -> None:
    value = compile_expression("value").nodes(observation)[0]
    assert [node.value for node in compile_expression("unit").nodes_from(value)] == ["lbs"]
    assert [node.value for node in compile_expression("%resource.status").nodes_from(value)] == ["final"]
    assert compile_expression("value > 100").test(value) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("active", True),
        ("active.not()", False),
        ("contact", None),
        ("name.first()", True),
        ("name.count()", True),
        ("name.exists()", True),
    ],
)
def test_an_invariant_is_true_false_or_open(patient: Json, text: str, expected: bool | None) -> None:
    assert compile_expression(text).test(patient) is expected


def test_several_items_are_no_verdict(patient: Json) -> None:
    with pytest.raises(FhirPathTypeError):
        compile_expression("name").test(patient)


def test_one_expression_serves_many_evaluations(patient: Json, observation: Json) -> None:
    expression = compile_expression("Patient.active | Observation.status")
    assert [expression.evaluate(each) for each in (patient, observation, patient)] == [[True], ["final"], [True]]
    assert repr(expression) == "Expression('Patient.active | Observation.status')"
    assert expression.evaluate(patient, environment=Environment()) == [True]


def test_composites_look_around_from_their_parts() -> None:
    sequence = {
        "resourceType": "MolecularSequence",
        "referenceSeq": {"chromosome": {"text": "1"}},
        "variant": [{"start": 5}, {"start": 7}],
    }
    parts = compile_expression("MolecularSequence.variant", root="MolecularSequence").nodes(sequence)
    chromosome = compile_expression("%resource.referenceSeq.chromosome")
    start = compile_expression("start")
    found = [(chromosome.nodes_from(part)[0].value, start.nodes_from(part)[0].value) for part in parts]
    assert found == [({"text": "1"}, 5), ({"text": "1"}, 7)]
    assert isinstance(parts[0], Node)
    assert parts[0].place == ("MolecularSequence", "variant")
