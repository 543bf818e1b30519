"""The standard's search expressions on the standard's examples, alone and against fhirpathpy as a second opinion."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from functools import cache
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.models import models

from profiles import definitions
from profiles.definitions import SearchParameter
from profiles.fhirpath.engine import Expression, compile_expression
from tests.fakes.shared import needs_shared_data, r4_examples

Json = dict[str, Any]


@cache
def compiled() -> dict[str, list[tuple[SearchParameter, Expression]]]:
    """Return the compiled search expressions by base type."""
    found: dict[str, list[tuple[SearchParameter, Expression]]] = {}
    for parameter in definitions.search_parameters():
        for base in parameter.base if parameter.expression else ():
            expression = compile_expression(parameter.expression, root=base, lenient=True)
            found.setdefault(base, []).append((parameter, expression))
    return found


def applicable(resource: Json) -> list[tuple[SearchParameter, Expression]]:
    """Return the search expressions of the type of a resource and of its ancestors."""
    return [each for name in definitions.ancestors(resource["resourceType"]) for each in compiled().get(name, ())]


def test_every_search_expression_compiles() -> None:
    with_expression = [parameter for parameter in definitions.search_parameters() if parameter.expression]
    assert len(with_expression) == 1384
    assert sum(len(each) for each in compiled().values()) == sum(len(each.base) for each in with_expression)


def test_every_component_of_a_composite_compiles_and_finds_its_part() -> None:
    observation = {
        "resourceType": "Observation",
        "code": {"coding": [{"code": "a"}]},
        "component": [
            {"code": {"coding": [{"code": "b"}]}, "valueQuantity": {"value": Decimal("1.5")}},
            {"code": {"coding": [{"code": "c"}]}, "valueCodeableConcept": {"text": "d"}},
        ],
    }
    by_code = {each.code: each for each in definitions.search_parameters() if each.components}
    composite = by_code["component-code-value-quantity"]
    parts = compile_expression(composite.expression, root="Observation", lenient=True).nodes(observation)
    code, value = (compile_expression(text, lenient=True) for _, text in composite.components)
    found = [([n.value for n in code.nodes_from(part)], [n.value for n in value.nodes_from(part)]) for part in parts]
    assert found == [
        ([{"coding": [{"code": "b"}]}], [{"value": Decimal("1.5")}]),
        ([{"coding": [{"code": "c"}]}], []),
    ]
    for parameter in by_code.values():
        for _, text in parameter.components:
            compile_expression(text, lenient=True)


@needs_shared_data
def test_every_search_expression_evaluates_on_all_examples() -> None:
    evaluated, found = 0, Counter[str]()
    for resource in r4_examples():
        for parameter, expression in applicable(resource):
            evaluated += 1
            found[parameter.url] += len(expression.nodes(resource))
    assert evaluated > 10_000
    assert sum(1 for count in found.values() if count) > 700


@needs_shared_data
def test_identifiers_of_all_examples_are_found_by_the_identifier_parameters() -> None:
    missed = []
    for resource in r4_examples():
        wanted = resource.get("identifier")
        parameter = next(
            (e for p, e in applicable(resource) if p.code == "identifier" and "resolve" not in e.text), None
        )
        if isinstance(wanted, list) and parameter is not None:
            found = [node.value for node in parameter.nodes(resource)]
            if any(each not in found for each in wanted):
                missed.append(f"{resource['resourceType']}/{resource['id']}")
    assert missed == []


DIFFERENT = {
    "fhirpathpy has no resolve()": re.compile(r"resolve\(\)"),
    "fhirpathpy refuses `as` on collections, which the standard's own expressions need": re.compile(r"\bas\b"),
}


def second_opinion(text: str, resource: Json) -> list[Any]:
    """Evaluate with fhirpathpy, with its numbers as Decimals."""
    return [plain(each) for each in fhirpathpy.evaluate(resource, text, {}, models["r4"])]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return Decimal(str(value)) if isinstance(value, float) else value


@needs_shared_data
def test_fhirpathpy_agrees_on_the_search_expressions_it_can_evaluate() -> None:
    compared, disagreements = 0, []
    seen: set[tuple[str, str]] = set()
    for resource in r4_examples():
        for parameter, expression in applicable(resource):
            text = branch(parameter.expression, resource["resourceType"])
            mark = (resource["resourceType"], parameter.url)
            if not text or mark in seen or any(pattern.search(text) for pattern in DIFFERENT.values()):
                continue
            ours = [plain(each) for each in expression.evaluate(resource)]
            if not ours:
                continue
            seen.add(mark)
            compared += 1
            if second_opinion(text, resource) != ours:
                disagreements.append((resource["id"], text))
    assert disagreements == []
    assert compared > 500


def branch(expression: str, name: str) -> str:
    """Return the branches of a shared expression that begin with the type, to spare fhirpathpy the others."""
    return " | ".join(part for part in expression.split(" | ") if re.match(rf"\(?{name}\b", part.strip()))


def test_a_pruned_branch_is_empty_on_another_type() -> None:
    expression = compile_expression("Patient.birthDate | Observation.status", root="Observation")
    assert expression.evaluate({"resourceType": "Observation", "status": "final"}) == ["final"]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ({"reference": "Patient/1"}, True),
        ({"reference": "http://example.org/fhir/Patient/1"}, True),
        ({"reference": "http://example.org/fhir/Patient/1/_history/2"}, True),
        ({"reference": "Group/1"}, False),
        ({"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "type": "Patient"}, True),
        ({"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}, False),
        ({"identifier": {"value": "1"}, "type": "Patient"}, True),
        ({"display": "Peter"}, False),
    ],
)
def test_the_patient_parameter_takes_references_by_the_type_they_name(reference: Json, found: bool) -> None:
    url = "http://hl7.org/fhir/SearchParameter/clinical-patient"
    expression = next(e for p, e in compiled()["Observation"] if p.url == url)
    resource = {"resourceType": "Observation", "subject": reference}
    assert expression.evaluate(resource) == ([reference] if found else [])
