"""Searches over HTTP: in compartments, over several types, with what they include (http://hl7.org/fhir/R4/http.html#search)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

FHIR = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def filled(http: httpx.Client) -> httpx.Client:
    """A client of a server with two patients and an observation of each."""
    for id in ("ann", "bob"):
        put(http, {"resourceType": "Patient", "id": id, "name": [{"family": id}]})
        subject = {"reference": f"Patient/{id}"}
        weight = {"resourceType": "Observation", "id": f"of-{id}", "status": "final", "code": {"text": "weight"}}
        put(http, weight | {"subject": subject})
    return http


def put(http: httpx.Client, resource: dict[str, Any]) -> None:
    answer = http.put(f"{resource['resourceType']}/{resource['id']}", json=resource, headers=FHIR)
    assert answer.status_code == 201, answer.text


def found(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return sorted((each["search"]["mode"], each["resource"]["id"]) for each in answer.json().get("entry", []))


def self_link(answer: httpx.Response) -> str:
    link = next(str(each["url"]) for each in answer.json()["link"] if each["relation"] == "self")
    return link.partition("/fhir")[2]


def test_a_compartment_is_searched_by_get_and_by_post(filled: httpx.Client) -> None:
    expected = [("match", "of-ann")]
    asked = filled.get("Patient/ann/Observation", params={"status": "final"})
    posted = filled.post("Patient/ann/Observation/_search", data={"status": "final"})
    assert found(asked) == found(posted) == expected
    assert self_link(asked) == self_link(posted) == "/Patient/ann/Observation?status=final"
    assert found(filled.get("Patient/ann/*")) == [("match", "ann"), ("match", "of-ann")]
    assert filled.get("Patient/ann/Organization").status_code == 404
    assert filled.get("Organization/1/Patient").status_code == 404
    assert filled.delete("Patient/ann/Observation").status_code == 405


def test_several_types_are_searched_at_the_base(filled: httpx.Client) -> None:
    parameters = {"_type": "Patient,Observation", "_id": "ann,of-bob"}
    asked, posted = filled.get("", params=parameters), filled.post("_search", data=parameters)
    assert found(asked) == found(posted) == [("match", "ann"), ("match", "of-bob")]
    assert self_link(asked) == self_link(posted) == "?_type=Patient,Observation&_id=ann,of-bob"


def test_includes_come_with_their_page(filled: httpx.Client) -> None:
    forward = filled.get("Observation", params={"_id": "of-ann", "_include": "Observation:subject"})
    assert found(forward) == [("include", "ann"), ("match", "of-ann")]
    reverse = filled.get("Patient", params={"_id": "ann", "_revinclude": "Observation:subject"})
    assert found(reverse) == [("include", "of-ann"), ("match", "ann")]


def test_a_plan_is_shown_in_open_mode(filled: httpx.Client) -> None:
    plan = filled.get("Patient", params={"family": "zebulon", "_explain": "true"})
    assert plan.status_code == 200
    assert plan.json()["resourceType"] == "Parameters"
    assert "zebulon" not in plan.text


def test_the_statement_tells_of_it(filled: httpx.Client) -> None:
    (rest,) = filled.get("metadata").json()["rest"]
    assert {"code": "search-system"} in rest["interaction"]
    assert "http://hl7.org/fhir/CompartmentDefinition/patient" in rest["compartment"]
    observation = next(each for each in rest["resource"] if each["type"] == "Observation")
    assert "Observation:subject" in observation["searchInclude"]
    assert "Provenance:target" in observation["searchRevInclude"]
