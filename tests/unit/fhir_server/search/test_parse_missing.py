""":missing on every kind of parameter (http://hl7.org/fhir/R4/search.html#missing)."""

from __future__ import annotations

import pytest

from fhir_server.search.parse import is_answered, modifiers
from fhir_server.search.query import EVERYTHING, NOTHING, Node, Not, Or, Present
from profiles import definitions
from tests.fakes.searching import REGISTRY, refusal, where


@pytest.mark.parametrize(
    ("resource_type", "name", "present"),
    [
        ("Patient", "gender", Present("gender")),
        ("Observation", "value-quantity", Present("value-quantity")),
        ("Observation", "patient", Present("subject", "Patient")),
        ("Observation", "combo-code", Or((Present("code"), Present("component-code")))),
        ("Location", "near", Present("near")),
        ("Patient", "_tag", Present("_tag")),
    ],
)
def test_missing_asks_for_any_entry_that_answers(resource_type: str, name: str, present: Node) -> None:
    assert where(resource_type, f"{name}:missing", "false") == present
    assert where(resource_type, f"{name}:missing", "true") == Not(present)


@pytest.mark.parametrize("name", ["_id", "_lastUpdated"])
def test_what_every_resource_has_is_never_missing(name: str) -> None:
    assert where("Patient", f"{name}:missing", "false") == EVERYTHING
    assert where("Patient", f"{name}:missing", "true") == NOTHING


def test_every_answered_parameter_of_the_standard_can_be_missing() -> None:
    for resource_type in definitions.resource_types():
        for parameter in REGISTRY.all_for(resource_type).values():
            if is_answered(parameter) and "missing" in modifiers(parameter, REGISTRY):
                assert where(resource_type, f"{parameter.code}:missing", "true") != EVERYTHING


@pytest.mark.parametrize("value", ["yes", "true,false", "TRUE", ""])
def test_missing_takes_true_or_false(value: str) -> None:
    assert "true or false" in str(refusal("Patient", ("gender:missing", value)))


@pytest.mark.parametrize("name", ["_text", "_content", "_list", "_filter", "_has", "_query"])
def test_expressions_cannot_be_missing(name: str) -> None:
    assert refusal("Patient", (f"{name}:missing", "true")).issues[0].expression == name
