"""What the server says of its parameters is what it answers (http://hl7.org/fhir/R4/search.html#modifiers)."""

from __future__ import annotations

import pytest

from fhir_server.search.parameters import Parameter, data_types
from fhir_server.search.parse import is_answered, modifiers
from profiles import definitions
from tests.fakes.searching import REGISTRY, parsed

VALUES = {
    "token": "a",
    "string": "a",
    "uri": "http://example.org/a",
    "date": "2020",
    "number": "1",
    "quantity": "1",
    "reference": "http://example.org/Patient/1",
    "special": "1|1",
}


@pytest.mark.parametrize(
    ("resource_type", "code", "expected"),
    [
        ("Condition", "code", {"missing", "not", "text", "in", "not-in", "above", "below"}),
        ("Patient", "identifier", {"missing", "not", "text", "of-type"}),
        ("Patient", "gender", {"missing", "not", "in", "not-in", "above", "below"}),
        ("Patient", "active", {"missing", "not"}),
        ("Patient", "telecom", {"missing", "not"}),
        ("Patient", "_id", {"missing", "not"}),
        ("Patient", "family", {"missing", "exact", "contains"}),
        ("ValueSet", "url", {"missing", "above", "below"}),
        ("Patient", "birthdate", {"missing"}),
        ("Observation", "code-value-quantity", {"missing"}),
        ("Procedure", "location", {"missing", "identifier", "above", "below", "[type]"}),
        ("Observation", "device", {"missing", "identifier", "[type]"}),
        ("QuestionnaireResponse", "questionnaire", {"missing", "below", "[type]"}),
        ("Patient", "_content", set()),
    ],
)
def test_modifiers_go_with_the_data_types_that_have_them(resource_type: str, code: str, expected: set[str]) -> None:
    assert set(modifiers(REGISTRY.all_for(resource_type)[code], REGISTRY)) == expected


def value_of(parameter: Parameter) -> str:
    """Return a value in the form of the parameter's type."""
    if parameter.components:
        parts = [REGISTRY.all_for(parameter.resource_type)[each.code] for each in parameter.components]
        return "$".join(map(value_of, parts))
    return "true" if data_types(parameter) == {"boolean"} else VALUES[parameter.type]


@pytest.mark.parametrize("resource_type", definitions.resource_types())
def test_every_parameter_that_is_said_to_be_answered_is(resource_type: str) -> None:
    for code, parameter in REGISTRY.all_for(resource_type).items():
        if is_answered(parameter):
            asked = (code, "_id eq a" if code == "_filter" else value_of(parameter))
            assert parsed(resource_type, asked).applied == (asked,)
