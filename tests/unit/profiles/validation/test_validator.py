"""The whole answer: structure, narratives, contained resources, members of Bundles, invariants, and any JSON at all."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.issues import Issue
from profiles.validation.validator import MAX_ISSUES, Validator
from tests.fakes.generated import generated_resource

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


@cache
def validator() -> Validator:
    return Validator()


def found(resource: Any) -> list[tuple[str, str | None]]:
    return [(issue.code, issue.expression) for issue in validator().validate(resource)]


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ({}, "structure"),
        ([], "structure"),
        ("Patient", "structure"),
        (None, "structure"),
        ({"resourceType": "Foo"}, "value"),
        ({"resourceType": "patient"}, "value"),
        ({"resourceType": ["Patient"]}, "value"),
        ({"resourceType": "DomainResource"}, "value"),
        ({"resourceType": "Quantity"}, "value"),
    ],
)
def test_what_is_no_resource_is_told(resource: Any, code: str) -> None:
    assert found(resource) == [(code, "Resource")]


def test_a_clean_resource_has_no_findings() -> None:
    assert found({**OBSERVATION, "text": {"status": "generated", "div": XHTML.format("a")}}) == []


def test_a_missing_narrative_is_no_finding() -> None:
    assert found({"resourceType": "Patient"}) == []


def test_a_bad_narrative_is_an_error_at_the_div() -> None:
    section = {"title": "a", "text": {"status": "generated", "div": XHTML.format("<script/>a")}}
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "a"},
        "date": "2024",
        "author": [{"display": "a"}],
        "title": "a",
        "text": {"status": "generated", "div": XHTML.format(" ")},
        "section": [section],
    }

    assert found(composition) == [
        ("invariant", "Composition.text.div"),
        ("invariant", "Composition.section[0].text.div"),
    ]


def test_contained_resources_are_validated_by_their_own_type() -> None:
    inner = {
        "resourceType": "Organization",
        "id": "o",
        "unknown": 1,
        "contained": [{"resourceType": "Basic", "id": "b", "code": {"text": "#o"}}],
        "meta": {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00Z", "security": [{"code": "R"}]},
    }
    patient = {"resourceType": "Patient", "contained": [inner], "managingOrganization": {"reference": "#o"}}

    assert set(found(patient)) == {
        ("structure", "Patient.contained[0].unknown"),
        ("invariant", "Patient.contained[0].contained"),
        ("invariant", "Patient.contained[0].contained[0]"),
        ("invariant", "Patient.contained[0].meta.versionId"),
        ("invariant", "Patient.contained[0].meta.lastUpdated"),
        ("invariant", "Patient.contained[0].meta.security"),
    }


def test_a_contained_resource_that_nothing_refers_to_breaks_dom_3() -> None:
    patient = {"resourceType": "Patient", "contained": [{"resourceType": "Organization", "id": "o", "name": "a"}]}

    assert found(patient) == [("invariant", "Patient.contained[0]")]


def test_a_contained_resource_without_id_breaks_dom_3_unless_it_refers_to_its_container() -> None:
    patient = {"resourceType": "Patient", "contained": [{"resourceType": "Organization", "name": "a"}]}
    assert found(patient) == [("invariant", "Patient.contained[0]")]
    basic = {"resourceType": "Basic", "code": {"text": "a"}, "subject": {"reference": "#"}}
    assert found({"resourceType": "Patient", "contained": [basic]}) == []


def test_contained_resources_have_ids_of_their_own() -> None:
    inner = [{"resourceType": "Organization", "id": "o", "name": name} for name in "abc"]
    patient = {"resourceType": "Patient", "contained": inner, "managingOrganization": {"reference": "#o"}}
    assert found(patient) == [("duplicate", "Patient.contained[1].id"), ("duplicate", "Patient.contained[2].id")]


def test_a_local_reference_without_contained_resource_breaks_ref_1() -> None:
    assert found({**OBSERVATION, "subject": {"reference": "#p"}}) == [("invariant", "Observation.subject")]


def test_members_of_bundles_and_parameters_are_validated_with_their_place() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "urn:oid:1.2", "resource": {"resourceType": "Patient", "a": 1}}],
    }
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "part": [{"name": "b", "resource": bundle}]}],
    }

    assert found(bundle) == [("structure", "Bundle.entry[0].resource.a")]
    assert found(parameters) == [("structure", "Parameters.parameter[0].part[0].resource.entry[0].resource.a")]


def test_the_members_of_a_member_are_not_looked_for_twice() -> None:
    entry = {"fullUrl": "urn:oid:1.2", "resource": {**OBSERVATION, "subject": {"reference": "#p"}}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}

    assert found(bundle) == [("invariant", "Bundle.entry[0].resource.subject")]


def test_invariants_are_left_out_on_request() -> None:
    broken = {**OBSERVATION, "referenceRange": [{"appliesTo": [{"text": "a"}]}]}

    assert found(broken) == [("invariant", "Observation.referenceRange[0]")]
    assert Validator(invariants=False).validate(broken) == []


def test_invariants_are_checked_beside_a_missing_element_but_not_on_unreadable_ones() -> None:
    broken = {"resourceType": "Observation", "code": {"text": "a"}, "referenceRange": [{"appliesTo": [{"text": "a"}]}]}

    assert set(found(broken)) == {("required", "Observation.status"), ("invariant", "Observation.referenceRange[0]")}
    assert found({**broken, "status": 5}) == [("structure", "Observation.status")]


def test_an_answer_stays_of_a_readable_size() -> None:
    issues = validator().validate({"resourceType": "Patient", "name": [5] * (MAX_ISSUES + 5)})

    assert len(issues) == MAX_ISSUES + 1
    assert issues[-1].severity == "information"
    assert "left out" in issues[-1].message


def test_half_a_surrogate_pair_is_no_crash() -> None:
    assert found({"resourceType": "Patient", "name": [{"text": "\ud800"}], "x\ud800": 1})


def test_a_resource_as_deep_as_the_parser_allows_is_no_crash() -> None:
    extension: dict[str, Any] = {"url": "http://a", "valueBoolean": True}
    for _ in range(95):
        extension = {"url": "http://a", "extension": [extension]}
    wrong = copy.deepcopy(extension)
    wrong["valueInteger"] = 1

    assert found({"resourceType": "Patient", "extension": [extension]}) == []
    assert found({"resourceType": "Patient", "extension": [wrong]}) == [("structure", "Patient.extension[0]")]


SCALARS = st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=8) | st.just(Decimal("1.0"))
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "resourceType", "extension", "url", "div", "reference", "a"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (holder, key) of every value in `node`."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 10_000), where=st.integers(0, 10_000), junk=JSON)
def test_any_json_in_any_place_is_answered(seed: int, where: int, junk: Any) -> None:
    resource = generated_resource(seed)
    everywhere = list(places(resource))
    holder, key = everywhere[where % len(everywhere)]
    holder[key] = junk

    assert all(isinstance(issue, Issue) for issue in validator().validate(resource))


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    where=st.integers(0, 10_000),
    odd=st.sampled_from([None, {}, [], [None], [[]], {"a": {}}]),
)
def test_what_no_element_can_be_is_always_an_error(seed: int, where: int, odd: Any) -> None:
    resource = generated_resource(seed)
    everywhere = [(holder, key) for holder, key in places(resource) if key != "contained"]
    holder, key = everywhere[where % len(everywhere)]
    if isinstance(holder, list) and odd is None:
        odd = {}
    holder[key] = odd

    assert any(issue.is_error for issue in validator().validate(resource))


@settings(max_examples=300, deadline=None)
@given(junk=JSON)
def test_any_json_at_all_is_answered(junk: Any) -> None:
    assert validator().validate(junk)


def test_a_type_made_ready_is_validated_as_any_other() -> None:
    ready = Validator()
    ready.prepare("Patient")
    assert ready.validate({"resourceType": "Patient", "gender": "male"}) == []
    assert [issue.expression for issue in ready.validate({"resourceType": "Patient", "gender": "?"})] == [
        "Patient.gender"
    ]
