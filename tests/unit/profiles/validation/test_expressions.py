"""Expressions in definitions, by the types they are on."""

from __future__ import annotations

import pytest

from profiles.fhirpath.shapes import shape
from profiles.validation.expressions import MAX_EXPRESSION, element_shapes, expression_fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name.given", None),
        ("name.(", "cannot be read"),
        ("name.foo()", "cannot be read"),
        ("name.foo", "can never be right"),
        ("a" * (MAX_EXPRESSION + 1), "more than"),
    ],
)
def test_a_fault_continues_a_sentence(text: str, words: str | None) -> None:
    found = expression_fault(text, [shape("Patient")])
    assert (found is None) if words is None else (found is not None and words in found)


@pytest.mark.parametrize(
    ("type_name", "path", "types"),
    [
        ("Patient", "Patient", {"Patient"}),
        ("Patient", "Patient.name.given", {"string"}),
        ("Patient", "Patient.contact", {"BackboneElement"}),
        ("Patient", "Patient.deceased[x]", {"boolean", "dateTime"}),
        ("Observation", "Observation.valueQuantity", {"Quantity"}),
        ("Observation", "Observation.component.value[x].code", {"code"}),
        ("Patient", "Patient.nothing", set()),
        ("Nothing", "Nothing.name", set()),
    ],
)
def test_the_types_of_an_element(type_name: str, path: str, types: set[str]) -> None:
    assert {each.type for each in element_shapes(type_name, path)} == types
