"""Layouts: what objects of a type may hold."""

from __future__ import annotations

import pytest

from fhir_server.model.layout import RESOURCE, layout, layout_of


def test_a_choice_is_a_property_for_each_type() -> None:
    known = layout("Observation")
    assert known["valueQuantity"].inside == "Quantity"
    assert known["valueString"].kind == "primitive"
    assert known["valueQuantity"].order == known["valueString"].order < known["component"].order
    assert "value" not in known


def test_elements_with_children_and_content_references_have_layouts_of_their_own() -> None:
    assert layout("Questionnaire")["item"].inside == "Questionnaire#item"
    assert layout("Questionnaire#item")["item"].inside == "Questionnaire#item"
    assert layout("Timing")["repeat"].inside == "Timing#repeat"
    assert layout("Patient#contact")["name"].inside == "HumanName"


def test_any_resource_has_the_layout_of_its_type() -> None:
    assert layout("Bundle#entry")["resource"].inside == RESOURCE
    assert "birthDate" in layout_of(RESOURCE, {"resourceType": "Patient"})
    assert "birthDate" not in layout_of(RESOURCE, {"resourceType": "Nothing"})
    assert list(layout("Patient"))[:4] == ["id", "meta", "implicitRules", "language"]


def test_an_unknown_type_has_none() -> None:
    with pytest.raises(KeyError):
        layout("Nothing")
