"""$validate and the policy on profiles over HTTP, against a real server, and in a load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.command import Running, fhir_server
from tests.fakes.telemed import BASE, plain

JSON = {"Content-Type": "application/fhir+json"}
XML = {"Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml"}
CORE = "http://hl7.org/fhir/StructureDefinition/"
PATIENT = {"resourceType": "Patient", "id": "a"}


def codes(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["code"] for each in answer.json()["issue"]]


def test_what_is_wrong_is_the_answer_and_what_is_no_question_is_refused(http: httpx.Client) -> None:
    assert codes(http.post("Patient/$validate", json=PATIENT, headers=JSON)) == ["informational"]
    assert (
        codes(http.post("Patient/$validate", json={"resourceType": "Patient", "x": 1}, headers=JSON))[0] == "structure"
    )
    for body, headers, status in ((b"{", JSON, 400), (b"[]", JSON, 400), (b"", {}, 400), (b"{}", {}, 415)):
        assert http.post("Patient/$validate", content=body, headers=headers).status_code == status
    assert http.post("$validate", json=PATIENT, headers=JSON).status_code == 404
    assert http.get("Patient/none/$validate").status_code == 404
    assert http.get("Patient/a").status_code == 404


def test_xml_is_judged_and_answered(http: httpx.Client) -> None:
    body = '<Patient xmlns="http://hl7.org/fhir"><gender value="F"/></Patient>'
    answer = http.post("Patient/$validate", content=body, headers=XML)
    assert answer.status_code == 200
    assert '<code value="code-invalid"/>' in answer.text
    broken = http.post("Patient/$validate", content="<Patient", headers=XML)
    assert broken.status_code == 400
    assert "not well-formed XML" in broken.text


def test_a_stored_resource_is_judged_by_the_profiles_in_the_url(http: httpx.Client) -> None:
    assert http.put("Patient/stored", json={"resourceType": "Patient", "id": "stored"}, headers=JSON).status_code == 201
    asked = {"profile": [CORE + "Patient", CORE + "Observation"]}
    (issue,) = http.get("Patient/stored/$validate", params=asked).json()["issue"]
    assert issue["extension"][0]["valueUri"] == CORE + "Observation"


def test_the_statement_lists_it_for_every_type(http: httpx.Client) -> None:
    rest = http.get("metadata").json()["rest"][0]
    named = {"name": "validate", "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate"}
    assert all(named in each["operation"] for each in rest["resource"])
    assert named not in rest["operation"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose patients must be observations, and whose claims must be kept."""
    settings = {
        "FHIR_SERVER_VALIDATE_META_PROFILE": "enforce",
        "FHIR_SERVER_VALIDATE_PROFILES": f"Patient={CORE}Observation",
    }
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", "memory:"]
    with Running(arguments, Path(tmp_path_factory.mktemp("strict")), **settings) as running:
        yield running


def test_writes_are_held_to_the_profile_of_their_type_and_to_their_claims(strict: Running) -> None:
    with httpx.Client(base_url=f"{strict.root}/fhir/", headers=JSON) as http:
        refused = http.post("Patient", json=PATIENT)
        assert refused.status_code == 422
        assert refused.json()["issue"][0]["extension"][0]["valueUri"] == CORE + "Observation"
        claim = {"resourceType": "Practitioner", "meta": {"profile": ["https://clinic.example/unheard-of"]}}
        assert http.post("Practitioner", json=claim).status_code == 422
        assert codes(http.post("Practitioner/$validate", json=claim, params={"mode": "create"})) == ["not-found"]
        assert http.post("Practitioner", json={"resourceType": "Practitioner"}).status_code == 201


def test_our_own_profiles_hold_a_policy_and_claims_from_the_first_start_on(tmp_path: Path) -> None:
    profile = f"{BASE}/StructureDefinition/telemed-consent"
    settings = {
        "FHIR_SERVER_VALIDATE_META_PROFILE": "enforce",
        "FHIR_SERVER_VALIDATE_PROFILES": f"Consent={profile}",
    }
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", "memory:"]
    with (
        Running(arguments, tmp_path, **settings) as running,
        httpx.Client(base_url=f"{running.root}/fhir/", headers=JSON) as http,
    ):
        consent = plain("consent")
        assert http.put("Consent/research", json=consent).status_code == 201
        del consent["performer"], consent["meta"]
        refused = http.put("Consent/research", json=consent)
        assert refused.status_code == 422
        (issue,) = refused.json()["issue"]
        assert issue["expression"] == ["Consent.performer"]
        assert issue["extension"][0]["valueUri"] == f"{profile}|0.1.0"
        note = plain("notification")
        assert http.put("Communication/notification-1", json=note).status_code == 201
        note["note"] = [{"text": "HbA1c 9 %"}]
        claimed = http.put("Communication/notification-1", json=note)
        assert claimed.status_code == 422
        assert "HbA1c" not in claimed.text


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_load_is_held_to_it_too_whoever_prepares(tmp_path: Path, jobs: str) -> None:
    lines = [{"resourceType": "Patient", "id": "a"}, {"resourceType": "Practitioner", "id": "b"}]
    (tmp_path / "x.ndjson").write_text("\n".join(map(json.dumps, lines)))
    demanded = f"Patient={CORE}Observation"
    loaded = fhir_server("load", "x.ndjson", "--jobs", jobs, folder=tmp_path, FHIR_SERVER_VALIDATE_PROFILES=demanded)
    assert loaded.returncode == 1
    assert "Patient is no Observation" in loaded.stdout
