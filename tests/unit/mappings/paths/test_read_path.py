"""Reading by paths: it finds what FHIRPath finds, and empty primitives too."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.paths.parse_path import parse_path
from mappings.paths.path import Leaf
from mappings.paths.read_path import read_path
from mappings.views.registry import VIEWS
from profiles.fhirpath.engine import compile_expression
from tests.fakes.telemed import NAMES, good

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [{"use": "official", "family": "Curie"}, {"use": "usual", "text": "Marie"}],
    "telecom": [{"system": "email", "value": "m@x"}, {"system": "phone", "value": "1"}, {"system": "phone"}],
    "_birthDate": {"extension": [{"url": "urn:x", "valueBoolean": True}]},
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Patient.name.text", ["Marie"]),
        ("Patient.name.where(use = 'official').family", ["Curie"]),
        ("Patient.name.where(family.startsWith('Cu')).use", ["official"]),
        ("Patient.telecom.where(system = 'phone').value", ["1"]),
        ("Patient.telecom.where(value.exists()).system", ["email", "phone"]),
        ("Patient.gender", []),
    ],
)
def test_values_are_found_in_order(text: str, values: list[str]) -> None:
    assert [leaf.value for leaf in read_path(parse_path(text), PATIENT)] == values
    assert compile_expression(text).evaluate(PATIENT) == values


def test_a_primitive_without_a_value_is_found_by_what_is_beside_it() -> None:
    assert list(read_path(parse_path("Patient.birthDate"), PATIENT)) == [Leaf(None, PATIENT["_birthDate"])]


@pytest.mark.parametrize("name", NAMES)
def test_every_path_of_the_views_finds_what_fhirpath_finds(name: str) -> None:
    resource = good(name)
    texts = {place.path for view in VIEWS.values() for field in view.fields for place in field.at}
    texts = {each for each in texts if each.startswith(f"{resource['resourceType']}.")}
    assert texts
    for text in texts:
        found = [leaf.value for leaf in read_path(parse_path(text), resource) if leaf.value is not None]
        assert found == compile_expression(text).evaluate(resource), text
