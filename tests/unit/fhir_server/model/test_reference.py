"""References: kinds of targets, where they are found, and their rewriting."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.model.reference import (
    Conditional,
    External,
    Fragment,
    Local,
    Target,
    Unknown,
    Urn,
    links,
    localize,
    parse_reference,
    places,
    references,
    relative,
    rewrite,
)

BASE = "http://server.example/fhir"
URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Patient/1", Local("Patient", "1")),
        ("Patient/1/_history/2", Local("Patient", "1", "2")),
        (f"{BASE}/Patient/1", Local("Patient", "1")),
        (f"{BASE}/Patient/1/_history/2", Local("Patient", "1", "2")),
        ("http://other.example/fhir/Patient/1", External("http://other.example/fhir/Patient/1")),
        (f"{BASE}x/Patient/1", External(f"{BASE}x/Patient/1")),
        (f"{BASE}/Nothing/1", External(f"{BASE}/Nothing/1")),
        ("mailto:a@b.example", External("mailto:a@b.example")),
        ("#p1", Fragment("p1")),
        ("#", Fragment("")),
        (URN, Urn(URN)),
        ("urn:oid:1.2.3", Urn("urn:oid:1.2.3")),
        ("Patient?identifier=s|1", Conditional("Patient", "identifier=s|1")),
        (f"{BASE}/Patient?identifier=s|1", Conditional("Patient", "identifier=s|1")),
        ("Patient", Unknown("Patient")),
        ("Patient/", Unknown("Patient/")),
        ("Patient/1/", Local("Patient", "1")),
        ("Patient?", Unknown("Patient?")),
        ("Nothing/1", Unknown("Nothing/1")),
        ("patient/1", Unknown("patient/1")),
        ("Patient/a_b", Unknown("Patient/a_b")),
        ("Patient/1/_history/", Unknown("Patient/1/_history/")),
        ("Patient/1/extra", Unknown("Patient/1/extra")),
        ("Patient/1/_history/2/3", Unknown("Patient/1/_history/2/3")),
        ("", Unknown("")),
    ],
)
def test_what_a_reference_refers_to(text: str, target: Target) -> None:
    assert parse_reference(text, BASE) == target


def everywhere() -> dict[str, Any]:
    """Return a resource with the same URN as reference, uri, in narrative, extensions, nested resources."""
    return {
        "resourceType": "List",
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a class="x" href="{URN}">{URN}</a>'
            f"<img src='{URN}' alt='href=\"{URN}\"'/><a href=\"#here\">x</a></div>",
        },
        "contained": [
            {
                "resourceType": "Observation",
                "id": "o",
                "focus": [{"reference": "#"}, {"reference": URN, "display": URN}],
            }
        ],
        "extension": [
            {"url": "http://x", "valueReference": {"reference": URN}},
            {"url": "http://y", "valueString": URN},
        ],
        "identifier": [{"system": URN, "value": URN}],
        "_title": {"extension": [{"url": "http://z", "valueUri": URN}]},
        "title": URN,
        "source": {"reference": "Device?identifier=d", "identifier": {"assigner": {"reference": URN}}},
        "entry": [{"item": {"reference": f"{BASE}/Patient/1"}}],
    }


def test_links_are_found_by_type_with_their_expression() -> None:
    found = [(each.expression, each.type, each.text) for each in links(everywhere()) if each.text == URN]
    assert found == [
        ("List.text.div", "xhtml", URN),
        ("List.text.div", "xhtml", URN),
        ("List.contained[0].focus[1].reference", "reference", URN),
        ("List.extension[0].valueReference.reference", "reference", URN),
        ("List.identifier[0].system", "uri", URN),
        ("List.title.extension[0].valueUri", "uri", URN),
        ("List.source.identifier.assigner.reference", "reference", URN),
    ]


def test_references_are_only_those_of_the_type_reference() -> None:
    resource = everywhere()
    found = list(references(resource))
    assert [each.text for each in found] == ["#", URN, URN, "Device?identifier=d", URN, f"{BASE}/Patient/1"]
    assert all(each.holder[each.key] == each.text for each in found)


def test_rewriting_replaces_by_type_and_leaves_strings_alone() -> None:
    original = everywhere()
    new = rewrite(original, {URN: "Patient/77", "Device?identifier=d": "Device/5"}.get)
    assert original == everywhere()
    expected = everywhere()
    expected["text"]["div"] = (
        f'<div xmlns="http://www.w3.org/1999/xhtml"><a class="x" href="Patient/77">{URN}</a>'
        f'<img src="Patient/77" alt=\'href="{URN}"\'/><a href="#here">x</a></div>'
    )
    expected["contained"][0]["focus"][1]["reference"] = "Patient/77"
    expected["extension"][0]["valueReference"]["reference"] = "Patient/77"
    expected["identifier"][0]["system"] = "Patient/77"
    expected["_title"]["extension"][0]["valueUri"] = "Patient/77"
    expected["source"] = {"reference": "Device/5", "identifier": {"assigner": {"reference": "Patient/77"}}}
    assert new == expected


def test_rewriting_shares_what_has_no_replacement() -> None:
    original = everywhere()
    assert rewrite(original, lambda text: None) is original
    new = rewrite(original, {"Device?identifier=d": "Device/5"}.get)
    assert new["contained"] is original["contained"]


def test_canonicals_oids_and_uuids_stay_and_primitive_arrays_are_rewritten() -> None:
    resource = {
        "resourceType": "CarePlan",
        "instantiatesCanonical": [f"{URN}|2", URN],
        "_instantiatesCanonical": [
            None,
            {"extension": [{"url": "http://x", "valueUuid": URN}, {"url": "http://x", "valueUrl": URN}]},
        ],
        "instantiatesUri": ["http://l", URN],
    }
    new = rewrite(resource, {URN: "CarePlan/1"}.get)
    assert new["instantiatesCanonical"] == [f"{URN}|2", URN]
    assert new["_instantiatesCanonical"][1]["extension"] == [
        {"url": "http://x", "valueUuid": URN},
        {"url": "http://x", "valueUrl": "CarePlan/1"},
    ]
    assert new["instantiatesUri"] == ["http://l", "CarePlan/1"]


def test_content_references_and_nested_bundles_are_followed() -> None:
    group = {"linkId": "1", "item": [{"linkId": "2", "answer": [{"valueReference": {"reference": URN}}]}]}
    answers = {"resourceType": "QuestionnaireResponse", "item": [group]}
    nested = {"resourceType": "Bundle", "entry": [{"resource": answers}]}
    new = rewrite(nested, {URN: "Patient/1"}.get)
    inner = new["entry"][0]["resource"]["item"][0]["item"][0]["answer"][0]
    assert inner == {"valueReference": {"reference": "Patient/1"}}
    parameters = {"resourceType": "Parameters", "parameter": [{"part": [{"resource": answers}]}]}
    assert [each.expression for each in references(parameters)] == [
        "Parameters.parameter[0].part[0].resource.item[0].item[0].answer[0].valueReference.reference"
    ]


def test_conditional_texts_outside_references_are_not_asked_about() -> None:
    asked: list[str] = []

    def mapping(text: str) -> None:
        asked.append(text)

    rewrite({"resourceType": "Basic", "implicitRules": "Patient?a=b", "subject": {"reference": "Patient?a=b"}}, mapping)
    assert asked == ["Patient?a=b"]


def test_references_to_our_own_base_become_relative() -> None:
    resource = {
        "resourceType": "DocumentReference",
        "subject": {"reference": f"{BASE}/Patient/1"},
        "author": [{"reference": "http://other.example/fhir/Patient/1"}, {"reference": f"{BASE}/Patient/1/_history/4"}],
        "content": [{"attachment": {"url": f"{BASE}/Binary/1"}}],
    }
    new = localize(resource, BASE)
    assert new["subject"] == {"reference": "Patient/1"}
    assert new["author"] == [
        {"reference": "http://other.example/fhir/Patient/1"},
        {"reference": "Patient/1/_history/4"},
    ]
    assert new["content"] is resource["content"]


def test_writing_into_the_places_found_does_what_rewriting_does_and_can_be_undone() -> None:
    resource = everywhere() | {"instantiatesCanonical": [URN]}
    known = {URN: "Patient/1"}
    found = places(resource, known)
    for place in found:
        place.put(known.get)
    assert resource == rewrite(everywhere() | {"instantiatesCanonical": [URN]}, known.get)
    for place in found:
        place.put({URN: "Patient/2"}.get)
    assert resource["source"]["identifier"]["assigner"]["reference"] == "Patient/2"
    for place in found:
        place.restore()
    assert resource == everywhere() | {"instantiatesCanonical": [URN]}


def test_places_are_all_references_and_of_the_other_links_the_known_ones() -> None:
    measure = {
        "resourceType": "MeasureReport",
        "implicitRules": "http://elsewhere.example/rules",
        "measure": f"{URN}|1.0",
        "subject": {"reference": "Patient/1"},
        "contained": [{"resourceType": "Basic", "subject": {"reference": "#"}, "implicitRules": URN}],
    }
    assert [(place.text, place.type) for place in places(measure, {URN})] == [
        ("Patient/1", "reference"),
        (URN, "uri"),
    ]
    for place in places(measure, {URN}):
        place.put({URN: "Measure/9"}.get)
    assert measure["measure"] == f"{URN}|1.0"
    assert measure["contained"][0]["implicitRules"] == "Measure/9"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{BASE}/Patient/1", "Patient/1"),
        (f"{BASE}/Patient?name=x", "Patient?name=x"),
        (f"{BASE}/Nothing/1", None),
        (f"{BASE}x/Patient/1", None),
        ("Patient/1", None),
    ],
)
def test_addresses_of_this_server_have_a_relative_form(text: str, expected: str | None) -> None:
    assert relative(text, BASE) == expected


@pytest.mark.parametrize(
    "resource",
    [
        {
            "resourceType": "Patient",
            "implicitRules": {"a": {}},
            "name": "x",
            "contact": [[{"name": 1}]],
            "_active": [1],
        },
        {"resourceType": "Nothing", "subject": {"reference": {"reference": URN}}},
        {"resourceType": ["x"], "contained": [{"resourceType": 7}, 3]},
    ],
)
def test_malformed_resources_are_passed_over(resource: dict[str, Any]) -> None:
    assert rewrite(resource, lambda text: "x") == resource
    assert list(links(resource)) == []
    assert places(resource, {URN, "x"}) == []
