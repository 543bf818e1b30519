"""Where the resources and narratives inside a resource are, whatever JSON stands there."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.validation.nested import contained_resources, member_resources, narratives
from profiles.validation.unmatched import unmatched_contained

BASIC = {"resourceType": "Basic"}


def test_a_bundle_holds_resources_and_outcomes() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{}, {"resource": BASIC, "response": {"outcome": BASIC}}, 5]}

    assert [where for where, _ in member_resources(bundle)] == ["entry[1].resource", "entry[1].response.outcome"]


def test_parameters_hold_resources_at_every_depth() -> None:
    part = {"name": "b", "part": [{"name": "c", "resource": BASIC}]}
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": BASIC}, part]}

    assert [where for where, _ in member_resources(parameters)] == [
        "parameter[0].resource",
        "parameter[1].part[0].resource",
    ]


def test_a_composition_has_a_narrative_in_each_section() -> None:
    section = {"text": {"div": "a"}, "section": [{"text": {"div": "b"}}]}
    composition = {"resourceType": "Composition", "text": {"div": "c"}, "section": [section]}

    assert dict(narratives(composition)) == {
        "text.div": "c",
        "section[0].text.div": "a",
        "section[0].section[0].text.div": "b",
    }


@pytest.mark.parametrize("odd", [None, 5, "a", {}, [], [None], [[]], {"a": 1}])
def test_odd_json_is_passed_over(odd: Any) -> None:
    for name in ("Bundle", "Parameters", "Composition"):
        resource = {"resourceType": name, "entry": odd, "parameter": odd, "section": odd, "text": odd, "contained": odd}

        assert list(member_resources(resource)) == []
        assert list(narratives(resource)) == []
        assert len(list(contained_resources(resource))) == (len(odd) if isinstance(odd, list) else 0)
        assert unmatched_contained(resource) == []


def test_a_contained_resource_is_matched_by_any_reference_to_it_or_of_it_to_its_container() -> None:
    resource = {
        "resourceType": "Patient",
        "contained": [
            {"resourceType": "Organization", "id": "by-reference"},
            {"resourceType": "Organization", "id": "by-canonical"},
            {"resourceType": "Provenance", "id": "of-container", "target": [{"reference": "#"}]},
            {"resourceType": "Organization", "id": "by-another", "partOf": {"reference": "#by-reference"}},
            {"resourceType": "Organization", "id": "alone"},
        ],
        "managingOrganization": {"reference": "#by-reference"},
        "extension": [{"url": "http://a", "valueCanonical": "#by-canonical"}],
    }

    assert unmatched_contained(resource) == ["contained[3]", "contained[4]"]
