"""Shapes: what is inside a type, and under which JSON names."""

from __future__ import annotations

import pytest

from profiles import definitions
from profiles.fhirpath.shapes import Child, Shape, resource_shape, shape, shape_of


def child(of: Shape, name: str) -> Child:
    found = of.children[name]
    assert isinstance(found, Child)
    return found


def test_elements_lead_to_the_shapes_of_their_types() -> None:
    patient = shape("Patient")
    assert child(patient, "name").shape is shape("HumanName")
    assert child(patient, "contact").shape is shape("Patient", "contact")
    assert child(patient, "birthDate").sibling == "_birthDate"
    assert child(patient, "birthDate").primitive
    assert child(patient, "contained").resource


def test_a_choice_has_a_child_for_each_type() -> None:
    choice = shape("Observation").children["value"]
    assert isinstance(choice, dict)
    assert choice["valueQuantity"].shape is shape("Quantity")
    assert choice["valueString"].name == "value"
    assert "valueQuantity" not in shape("Observation").children


def test_a_content_reference_leads_back() -> None:
    assert child(shape("Questionnaire", "item"), "item").shape is shape("Questionnaire", "item")
    assert shape_of("ValueSet", "expansion.contains.contains", "") is shape("ValueSet", "expansion.contains")


def test_a_primitive_has_id_and_extension_only() -> None:
    assert set(shape("code").children) == {"id", "extension"}
    assert shape("code").ancestors == {"code", "string", "Element"}


def test_an_element_without_children_of_its_own_has_the_shape_of_its_type() -> None:
    assert shape_of("Organization", "address", "Address") is shape("Address")
    assert shape_of("Observation", "value[x]", "Range") is shape("Range")


def test_every_definition_has_a_shape() -> None:
    for name in definitions.type_names():
        for each in shape(name).by_json.values():
            assert each.shape.type in definitions.type_names()


@pytest.mark.parametrize(
    "value", [{}, {"resourceType": "Nope"}, {"resourceType": "Element"}, {"resourceType": []}, [], "x", None]
)
def test_what_names_no_resource_type_has_no_shape(value: object) -> None:
    assert resource_shape(value) is None


def test_other_attributes_do_not_exist() -> None:
    with pytest.raises(AttributeError):
        _ = shape("Patient").nothing  # type: ignore[attr-defined]
    assert repr(shape("Patient", "contact")) == "Shape(Patient.contact)"
