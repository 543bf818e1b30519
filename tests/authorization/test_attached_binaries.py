"""A Binary is in the record that what names it is in: shown with that, hidden with that, and pulled in by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from auth.rights import EVERYTHING
from fhir_server.interactions.call import Principal
from tests.authorization.two_records import PRIVACY, alike, open_server
from tests.fakes.asking import Answer, Asking
from tests.fakes.callers import doctor, patient

Json = dict[str, Any]
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SCAN = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Asking]:
    found = open_server(tmp_path)
    found.named("f", doctor("f"))
    found.named("a, whatever a writes", Principal("Patient/a", EVERYTHING))
    yield found
    found.close()


def document(url: str, subject: str = "Patient/a", **elements: Any) -> Json:
    content = [{"attachment": {"contentType": "text/plain", "url": url}}]
    made = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": subject}}
    return made | {"content": content} | elements


def put(server: Asking, resource: Json, who: str = "owner") -> None:
    answer = server.ask(who, "PUT", f"{resource['resourceType']}/{resource['id']}", resource)
    assert answer.status in (200, 201), answer.body


def care(server: Asking, patient: str) -> None:
    """Let doctor f take care of a patient."""
    team = {"status": "active", "subject": {"reference": f"Patient/{patient}"}}
    participant = [{"member": {"reference": "Practitioner/f"}}]
    put(server, {"resourceType": "CareTeam", "id": f"f-{patient}", "participant": participant} | team)


def test_a_binary_that_a_document_names_is_read_by_whoever_reads_the_document(fresh: Asking) -> None:
    made = fresh.ask("a", "POST", "Binary", SCAN)
    where = f"Binary/{made.json['id']}"
    assert [fresh.ask(who, "GET", where).status for who in ("a", "b", "f")] == [200, 404, 404]
    named = fresh.ask("a", "POST", "DocumentReference", document(where))
    assert named.status == 201, named.body
    assert [fresh.ask(who, "GET", where).status for who in ("a", "b", "f")] == [200, 404, 404]
    care(fresh, "a")
    for path in (where, f"{where}/_history/1", f"{where}/_history"):
        assert fresh.ask("f", "GET", path).status == 200, path
        assert fresh.ask("b", "GET", path).status == 404, path
    alike(fresh, "b", "GET", where, "Binary/never")
    assert where in fresh.ask("f", "GET", "_history?_count=1000").ids
    fresh.ask("a", "DELETE", f"DocumentReference/{named.json['id']}")
    alike(fresh, "f", "GET", where, "Binary/never")
    assert fresh.ask("a", "GET", where).status == 200, "its author"


def test_what_is_named_is_audited_as_the_patients(fresh: Asking) -> None:
    put(fresh, SCAN | {"id": "scan"})
    put(fresh, document("Binary/scan", id="d"))
    assert fresh.ask("a", "GET", "Binary/scan").status == 200
    shown = fresh.ask("owner", "GET", "AuditEvent?entity=Binary/scan&action=R&patient=Patient/a").json
    assert len(shown["entry"]) == 1


@pytest.mark.parametrize("order", ["binary first", "document first", "document first, changed after"])
def test_the_order_of_writing_does_not_matter(fresh: Asking, order: str) -> None:
    made = [SCAN | {"id": "scan"}, document("http://example.org/fhir/Binary/scan", id="d")]
    for each in made if order == "binary first" else reversed(made):
        put(fresh, each)
    if order.endswith("after"):
        put(fresh, SCAN | {"id": "scan", "data": "eQ=="})
        assert fresh.ask("a", "GET", "Binary/scan/_history/1").status == 200
    assert [fresh.ask(who, "GET", "Binary/scan").status for who in ("a", "b")] == [200, 404]
    put(fresh, document("Binary/other", id="d"))
    assert [fresh.ask(who, "GET", "Binary/scan").status for who in ("a", "b")] == [404, 404]


def test_it_follows_a_document_that_is_given_to_another(fresh: Asking) -> None:
    put(fresh, SCAN | {"id": "scan"})
    for subject, shown in (("Patient/a", [200, 404]), ("Patient/b", [404, 200]), ("Group/g", [404, 404])):
        put(fresh, document("Binary/scan", subject, id="d"))
        assert [fresh.ask(who, "GET", "Binary/scan").status for who in ("a", "b")] == shown, subject


def test_it_stays_as_it_is_when_it_is_indexed_anew(fresh: Asking) -> None:
    put(fresh, SCAN | {"id": "scan"})
    put(fresh, document("Binary/scan", id="d"))
    fresh.ask("owner", "POST", "$reindex?type=Binary")
    fresh.run_jobs()
    assert [fresh.ask(who, "GET", "Binary/scan").status for who in ("a", "b")] == [200, 404]


@pytest.mark.parametrize("way", ["label", "consent", "instance"])
def test_what_hides_the_document_hides_its_binary(fresh: Asking, way: str) -> None:
    """Also where the Binary names the patient itself."""
    care(fresh, "a")
    for context in ({}, {"securityContext": {"reference": "Patient/a"}}):
        put(fresh, SCAN | {"id": "scan"} | context)
        put(fresh, document("Binary/scan", id="d"))
        assert fresh.ask("f", "GET", "Binary/scan").status == 200
        security = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
        kinds = {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "DocumentReference"}]}
        data = {"data": [{"meaning": "instance", "reference": {"reference": "DocumentReference/d"}}]}
        consent = {
            "resourceType": "Consent",
            "id": "c",
            "status": "active",
            "scope": {"coding": [PRIVACY]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "policyRule": {"text": "mine"},
            "patient": {"reference": "Patient/a"},
            "provision": {"type": "deny"} | (kinds if way == "consent" else data),
        }
        put(fresh, document("Binary/scan", id="d", **security) if way == "label" else consent)
        for path in ("DocumentReference/d", "Binary/scan", "Binary/scan/_history/1", "Binary/scan/_history"):
            assert fresh.ask("f", "GET", path).status == 404, path
        assert "Binary/scan" not in fresh.ask("f", "GET", "_history?_count=1000").ids
        assert fresh.ask("a", "GET", "Binary/scan").status == 200
        if way != "label":
            put(fresh, consent | {"status": "inactive"})


def test_its_context_must_be_in_sight_as_well_as_what_names_it(fresh: Asking) -> None:
    care(fresh, "a")
    secret = document("Binary/none", id="secret") | {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    put(fresh, secret)
    put(fresh, SCAN | {"id": "scan", "securityContext": {"reference": "DocumentReference/secret"}})
    put(fresh, document("Binary/scan", id="d"))
    assert [fresh.ask(who, "GET", "Binary/scan").status for who in ("a", "b", "f")] == [200, 404, 404]
    put(fresh, SCAN | {"id": "scan", "securityContext": {"reference": "DocumentReference/d"}})
    assert [fresh.ask(who, "GET", "Binary/scan").status for who in ("a", "b", "f")] == [200, 404, 200]


def test_a_document_about_another_neither_shows_nor_hides_what_has_a_context(fresh: Asking) -> None:
    put(fresh, SCAN | {"id": "scan", "securityContext": {"reference": "Patient/a"}})
    put(fresh, document("Binary/scan", "Patient/b", id="d"))
    assert [fresh.ask(who, "GET", "Binary/scan").status for who in ("a", "b")] == [200, 404]


NAMING = {
    "DocumentReference": document("Binary/b"),
    "absolute": document("http://example.org/fhir/Binary/b"),
    "a version": document("Binary/b/_history/1"),
    "Media": {
        "resourceType": "Media",
        "status": "completed",
        "subject": {"reference": "Patient/a"},
        "content": {"url": "Binary/b"},
    },
    "an extension": {
        "resourceType": "RelatedPerson",
        "patient": {"reference": "Patient/a"},
        "extension": [{"url": "http://example.org/e", "valueAttachment": {"url": "Binary/b"}}],
    },
    "a reference": {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/a"},
        "derivedFrom": [{"reference": "DocumentReference/y"}],
        "extension": [{"url": "http://example.org/e", "valueReference": {"reference": "Binary/b"}}],
    },
    "a contained one": {
        "resourceType": "RelatedPerson",
        "patient": {"reference": "Patient/a"},
        "contained": [document("Binary/b", id="inner")],
        "extension": [{"url": "http://example.org/e", "valueReference": {"reference": "#inner"}}],
    },
}


WAYS = ("POST", "conditional create", "PUT", "PATCH", "transaction", "batch")


def naming(server: Asking, way: str, body: Json) -> Answer:
    """Let patient a write a body in one of the ways there are; PUT and PATCH change one that names nothing."""
    type = body["resourceType"]
    harmless = {name: each for name, each in body.items() if name not in ("content", "extension", "contained")}
    if type == "Media":
        harmless["content"] = {"url": "https://elsewhere.example/x"}
    if type == "DocumentReference":
        harmless["content"] = [{"attachment": {"url": "https://elsewhere.example/x"}}]
    put(server, harmless | {"id": "mine"}, "a, whatever a writes")
    changes = [
        {"op": "add", "path": f"/{name}", "value": body[name]}
        for name in ("content", "extension", "contained")
        if name in body
    ]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": body, "request": {"method": "POST", "url": type}}]}
    match way:
        case "POST":
            return server.ask("a", "POST", type, body)
        case "conditional create":
            return server.ask("a", "POST", type, body, if_none_exist="_id=never")
        case "PUT":
            return server.ask("a", "PUT", f"{type}/mine", body | {"id": "mine"})
        case "PATCH":
            return server.ask("a", "PATCH", f"{type}/mine", changes)
    return server.ask("a", "POST", "", bundle | {"type": way})


def test_nobody_pulls_the_binary_of_another_into_a_record(fresh: Asking) -> None:
    updated = {"DocumentReference", "Media", "Observation", "RelatedPerson"}
    for (kind, body), way in product(NAMING.items(), WAYS):
        assert body["resourceType"] in updated
        for target in ("Binary/b", "Binary/lone", "Binary/never"):
            answer = naming(fresh, way, replaced(body, target))
            issues = answer.json.get("issue", ())
            if way == "batch":
                response = answer.json["entry"][0]["response"]
                assert response["status"].startswith("403"), (kind, way)
                issues = response["outcome"]["issue"]
            else:
                assert answer.status == 403, (kind, way, answer.body)
            [issue] = issues
            assert "may name only a Binary that you may read" in issue["diagnostics"], (kind, way)
            assert body["resourceType"] in issue["expression"][0] or "resource" in issue["expression"][0], issue
        assert naming(fresh, way, replaced(body, "Binary/a")).status < 300, (kind, way)
    assert [fresh.ask("a", "GET", each).status for each in ("Binary/b", "Binary/lone")] == [404, 404]


def replaced(value: Any, target: str, named: str = "Binary/b") -> Any:
    if isinstance(value, dict):
        return {name: replaced(each, target, named) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, target, named) for each in value]
    return value.replace(named, target) if isinstance(value, str) else value


@pytest.mark.parametrize("first", ["Binary", "DocumentReference"])
def test_a_transaction_may_name_what_it_writes_itself(fresh: Asking, first: str) -> None:
    scan = {"fullUrl": "urn:uuid:3f7d2a8e-9c1b-4f6e-8a5d-2b9c7e4f1a3d", "resource": SCAN}
    entries = [
        scan | {"request": {"method": "POST", "url": "Binary"}},
        {"resource": document(scan["fullUrl"]), "request": {"method": "POST", "url": "DocumentReference"}},
    ]
    entries = entries if first == "Binary" else entries[::-1]
    done = fresh.ask("a", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert done.status == 200, done.body
    [where] = [each["response"]["location"] for each in done.json["entry"] if "Binary/" in each["response"]["location"]]
    care(fresh, "a")
    path = "Binary/" + where.partition("Binary/")[2].partition("/")[0]
    assert [fresh.ask(who, "GET", path).status for who in ("a", "b", "f")] == [200, 404, 200]


def test_a_document_that_names_what_its_reader_may_not_write_can_be_changed(fresh: Asking) -> None:
    care(fresh, "a")
    put(fresh, SCAN | {"id": "scan"})
    put(fresh, document("Binary/scan", id="d"))
    changed = document("Binary/scan", id="d", description="seen")
    assert fresh.ask("f", "PUT", "DocumentReference/d", changed).status == 200
    assert fresh.ask("a", "GET", "Binary/scan").status == 200


def test_a_granular_scope_of_documents_is_one_of_their_binaries(fresh: Asking) -> None:
    for id, code in (("one", "x"), ("two", "y")):
        put(fresh, SCAN | {"id": id})
        put(fresh, document(f"Binary/{id}", id=id, category=[{"coding": [{"system": "http://c", "code": code}]}]))
    scopes = "patient/Binary.rs patient/DocumentReference.rs?category=http://c|x"
    fresh.named("app", patient("a", scopes=scopes, patient="a"))
    assert [
        fresh.ask("app", "GET", f"{type}/{id}").status
        for type in ("DocumentReference", "Binary")
        for id in ("one", "two")
    ] == [200, 404, 200, 404]


def test_who_has_written_a_binary_changes_it_only_while_its_record_is_within_reach(fresh: Asking) -> None:
    care(fresh, "a")
    scan = fresh.ask("f", "POST", "Binary", SCAN).json
    path, changed = f"Binary/{scan['id']}", SCAN | {"id": scan["id"], "data": "eQ=="}
    assert fresh.ask("f", "PUT", path, changed).status == 403, "nothing says yet whose it is"
    assert fresh.ask("f", "POST", "DocumentReference", document(path)).status == 201
    assert fresh.ask("f", "PUT", path, changed).status == 200
    fresh.ask("owner", "DELETE", "CareTeam/f-a")
    assert fresh.ask("f", "GET", path).status == 200
    assert fresh.ask("f", "PUT", path, changed).status == 403
    assert fresh.ask("f", "PATCH", path, [{"op": "replace", "path": "/data", "value": "eg=="}]).status == 403
