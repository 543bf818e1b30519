"""Value sets that are defined by a stored expansion alone, and what makes such an expansion a part."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import expand
from profiles.terminology.value_set import of_r4
from tests.fakes.terminology import SYSTEM, imported, listed, stored, value_set

SNOMED = "http://snomed.info/sct"
CONTAINS = [
    {"display": "Findings", "contains": [{"system": SNOMED, "code": "1"}, {"system": SNOMED, "code": "2"}]},
    {"system": SNOMED, "code": "3", "abstract": True, "contains": [{"system": SNOMED, "code": "4"}]},
]


def expanded(**expansion: Any) -> dict[str, Any]:
    url = "http://example.org/ValueSet/expanded"
    return {"resourceType": "ValueSet", "url": url, "status": "active", "expansion": expansion}


def test_a_stored_expansion_without_compose_is_used_as_it_stands() -> None:
    whole = expanded(timestamp="2024-01-01", total=5, contains=CONTAINS)

    assert expand(whole, stored()) == {(SNOMED, "1"), (SNOMED, "2"), (SNOMED, "4")}
    assert expand(value_set("of-it", imported("expanded")), stored(whole)) == expand(whole, stored())


def test_where_there_is_a_compose_it_defines_the_value_set() -> None:
    both = {**value_set("both", listed(SYSTEM, "dog")), "expansion": {"contains": CONTAINS}}

    assert expand(both, stored()) == {(SYSTEM, "dog")}


@pytest.mark.parametrize(
    "more",
    [
        {"total": 6},
        {"offset": 10},
        {
            "extension": [
                {"url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean": True},
            ]
        },
    ],
)
def test_a_part_of_an_expansion_is_not_taken_for_all_of_it(more: dict[str, Any]) -> None:
    with pytest.raises(NotExpandable, match=r"holds only a part of its expansion .*; store it with the whole"):
        expand(expanded(contains=CONTAINS, **more), stored())


def test_an_empty_expansion_is_empty_and_no_definition_at_all_is_a_refusal() -> None:
    assert expand(expanded(total=0), stored()) == frozenset()
    with pytest.raises(NotExpandable, match="ValueSet/bare has neither compose nor expansion; give it a compose"):
        expand({"resourceType": "ValueSet", "url": "http://example.org/ValueSet/bare"}, stored())


def test_a_value_set_without_url_can_be_expanded_too() -> None:
    resource = {"resourceType": "ValueSet", "compose": {"include": [listed(SYSTEM, "dog")]}}

    assert expand(resource, stored()) == {(SYSTEM, "dog")}
    with pytest.raises(NotExpandable, match="the value set without url cannot be expanded, because"):
        expand({"resourceType": "ValueSet", "compose": {"include": [{"system": "urn:unknown"}]}}, stored())


def test_r4s_own_definitions_have_their_filters_and_lists() -> None:
    encounters = of_r4("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode")

    assert encounters is not None
    assert [(f.property, f.op, f.value) for f in encounters.includes[0].filters] == [
        ("concept", "is-a", "_ActEncounterCode")
    ]
    assert encounters.excludes[0].codes == ("_ActEncounterCode",)
    assert of_r4("http://hl7.org/fhir/ValueSet/none") is None
