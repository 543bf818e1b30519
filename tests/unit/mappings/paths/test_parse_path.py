"""Paths: what of FHIRPath can be written back, and what is told of the rest."""

from __future__ import annotations

import re

import pytest

from mappings.paths.parse_path import parse_path
from mappings.paths.path import Condition, Step
from mappings.views.registry import VIEWS


def test_members_become_properties_that_repeat_or_do_not() -> None:
    path = parse_path("Composition.event.period.start")
    assert (path.type, path.steps) == (
        "Composition",
        (Step("event", True), Step("period", False), Step("start", False)),
    )


def test_a_choice_becomes_the_property_of_its_type() -> None:
    path = parse_path("Composition.extension('urn:x').value.ofType(Quantity)")
    condition = Condition((Step("url", False),), "urn:x")
    assert path.steps == (Step("extension", True, (condition,)), Step("valueQuantity", False))


def test_sections_inside_sections_have_their_elements() -> None:
    assert parse_path("Composition.section.section.title").steps[-1] == Step("title", False)


def test_conditions_are_paths_of_their_own() -> None:
    (step, *_) = parse_path(
        "Consent.category.where(coding.where(system = 'urn:s').exists() and text = 'a').coding.code"
    ).steps
    inner = Step("coding", True, (Condition((Step("system", False),), "urn:s"),))
    assert step.conditions == (Condition((inner,), None), Condition((Step("text", False),), "a"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name.text", "must begin with a resource type"),
        ("Patient", "names a resource, not an element"),
        ("Patient.nom", "R4 has no nom there"),
        ("Patient.deceased", "ends at a choice"),
        ("Patient.deceased.value", "is a choice; say which type"),
        ("Patient.deceased.ofType(string)", "cannot be a string"),
        ("Patient.name.first()", "first() cannot be written back"),
        ("Patient.name.where(use != 'old').text", "where() may hold"),
        ("Patient.birthDate.ofType(date)", "must follow a choice"),
        ("Patient.name[0].text", "must consist of members"),
    ],
)
def test_what_cannot_be_written_back_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_path(text)


def test_every_path_of_every_view_is_one() -> None:
    places = [place for view in VIEWS.values() for field in view.fields for place in field.at]
    links = [link for view in VIEWS.values() for link in view.links.values()]
    assert len(places) > 50
    assert all(parse_path(each).steps for each in [*links, *(place.path for place in places)])
