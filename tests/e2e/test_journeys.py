"""One journey over HTTP per interaction (http://hl7.org/fhir/R4/http.html)."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes.command import Running

FHIR = {"Content-Type": "application/fhir+json"}
LOCATION = re.compile(r"http://127\.0\.0\.1:\d+/fhir/(\w+)/([A-Za-z0-9\-.]{1,64})/_history/(\d+)")


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Martin"}], **more}


def create(http: httpx.Client, resource: dict[str, Any], **headers: str) -> str:
    """POST a resource and return its id."""
    answer = http.post(resource["resourceType"], json=resource, headers=FHIR | headers)
    assert answer.status_code == 201, answer.text
    found = LOCATION.fullmatch(answer.headers["location"])
    assert found is not None
    return found[2]


def entries(answer: httpx.Response) -> list[dict[str, Any]]:
    bundle = answer.json()
    assert bundle["resourceType"] == "Bundle", bundle
    return list(bundle.get("entry", []))


def test_a_created_resource_is_read_with_its_version_and_time(http: httpx.Client) -> None:
    created = http.post("Patient", json=patient(), headers=FHIR)
    assert created.status_code == 201
    assert created.headers["etag"] == 'W/"1"'
    id = created.json()["id"]
    read = http.get(f"Patient/{id}")
    assert read.status_code == 200
    assert read.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert read.headers["etag"] == 'W/"1"'
    assert read.headers["last-modified"] == created.headers["last-modified"]
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.content == created.content
    assert read.json()["meta"]["versionId"] == "1"


def test_a_decimal_and_an_unknown_extension_come_back_as_they_went_in(http: httpx.Client) -> None:
    body = (
        b'{"resourceType":"Observation","status":"final","code":{"text":"weight"},'
        b'"extension":[{"url":"http://example.org/x","valueDecimal":1.10}],"valueQuantity":{"value":77.10}}'
    )
    created = http.post("Observation", content=body, headers=FHIR)
    assert created.status_code == 201, created.text
    text = http.get(f"Observation/{created.json()['id']}").text
    assert '"value":77.10' in text
    assert '"valueDecimal":1.10' in text


def test_a_read_of_what_the_client_has_is_not_modified(http: httpx.Client) -> None:
    id = create(http, patient())
    again = http.get(f"Patient/{id}", headers={"If-None-Match": 'W/"1"'})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get(f"Patient/{id}", headers={"If-None-Match": 'W/"2"'}).status_code == 200


def test_head_answers_as_get_without_the_body(http: httpx.Client) -> None:
    id = create(http, patient())
    get, head = http.get(f"Patient/{id}"), http.head(f"Patient/{id}")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "last-modified", "content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


def test_update_makes_the_next_version_and_keeps_the_old_one(http: httpx.Client) -> None:
    id = create(http, patient())
    updated = http.put(f"Patient/{id}", json=patient(id=id, active=True), headers=FHIR | {"If-Match": 'W/"1"'})
    assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
    assert updated.json()["active"] is True
    assert "active" not in http.get(f"Patient/{id}/_history/1").json()
    stale = http.put(f"Patient/{id}", json=patient(id=id), headers=FHIR | {"If-Match": 'W/"1"'})
    assert stale.status_code == 412
    assert http.get(f"Patient/{id}").headers["etag"] == 'W/"2"'


def test_update_creates_under_the_clients_id(http: httpx.Client) -> None:
    answer = http.put("Patient/chosen", json=patient(id="chosen"), headers=FHIR)
    assert answer.status_code == 201
    assert answer.headers["location"].endswith("/fhir/Patient/chosen/_history/1")


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [("return=minimal", None), ("return=representation", "Patient"), ("return=OperationOutcome", "OperationOutcome")],
)
def test_prefer_says_what_comes_back(http: httpx.Client, prefer: str, kind: str | None) -> None:
    answer = http.post("Patient", json=patient(), headers=FHIR | {"Prefer": prefer})
    assert answer.status_code == 201
    assert answer.headers["etag"] == 'W/"1"'
    assert (answer.json()["resourceType"] if answer.content else None) == kind


def test_a_deleted_resource_is_gone_and_comes_back_by_update(http: httpx.Client) -> None:
    id = create(http, patient())
    assert http.delete(f"Patient/{id}").status_code == 204
    assert http.delete(f"Patient/{id}").status_code == 204
    gone = http.get(f"Patient/{id}")
    assert gone.status_code == 410
    assert gone.json()["issue"][0]["code"] == "deleted"
    back = http.put(f"Patient/{id}", json=patient(id=id), headers=FHIR)
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')


def test_a_json_patch_and_a_fhirpath_patch_change_the_resource(http: httpx.Client) -> None:
    id = create(http, patient())
    operations = [{"op": "add", "path": "/active", "value": True}]
    headers = {"Content-Type": "application/json-patch+json"}
    patched = http.patch(f"Patient/{id}", content=json.dumps(operations), headers=headers)
    assert (patched.status_code, patched.json()["active"]) == (200, True)
    replace = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.active"},
        {"name": "value", "valueBoolean": False},
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": replace}]}
    patched = http.patch(f"Patient/{id}", json=parameters, headers=FHIR)
    assert (patched.status_code, patched.json()["active"]) == (200, False)


def test_conditional_create_update_patch_and_delete_find_their_resource(http: httpx.Client) -> None:
    marked = patient(identifier=[{"system": "urn:journey", "value": "cond"}])
    criteria = "identifier=urn:journey|cond"
    id = create(http, marked, **{"If-None-Exist": criteria})
    found = http.post("Patient", json=marked, headers=FHIR | {"If-None-Exist": criteria})
    assert (found.status_code, found.json()["id"]) == (200, id)
    updated = http.put("Patient", params={"identifier": "urn:journey|cond"}, json=marked, headers=FHIR)
    assert (updated.status_code, updated.json()["id"]) == (200, id)
    patch = json.dumps([{"op": "add", "path": "/active", "value": True}])
    headers = {"Content-Type": "application/json-patch+json"}
    patched = http.patch("Patient", params={"identifier": "urn:journey|cond"}, content=patch, headers=headers)
    assert (patched.status_code, patched.json()["active"]) == (200, True)
    assert http.delete("Patient", params={"identifier": "urn:journey|cond"}).status_code == 204
    assert http.get(f"Patient/{id}").status_code == 410


def test_history_has_three_levels_newest_first(http: httpx.Client) -> None:
    id = create(http, patient())
    http.put(f"Patient/{id}", json=patient(id=id, active=True), headers=FHIR)
    http.delete(f"Patient/{id}")
    own = entries(http.get(f"Patient/{id}/_history"))
    assert [entry["request"]["method"] for entry in own] == ["DELETE", "PUT", "POST"]
    for level in ("Patient/_history", "_history"):
        first = entries(http.get(level, params={"_count": "1"}))
        assert first[0]["request"] == {"method": "DELETE", "url": f"Patient/{id}"}


def test_search_finds_by_get_and_by_post_and_pages_to_the_end(http: httpx.Client) -> None:
    ids = {create(http, patient(name=[{"family": "Zebulon"}])) for _ in range(5)}
    posted = http.post("Patient/_search", data={"family": "zebulon"})
    assert {entry["resource"]["id"] for entry in entries(posted)} == ids
    seen: list[str] = []
    page = http.get("Patient", params={"family": "zebulon", "_count": "2"})
    while True:
        seen += [entry["resource"]["id"] for entry in entries(page)]
        following = [link["url"] for link in page.json()["link"] if link["relation"] == "next"]
        if not following:
            break
        page = http.get(following[0])
    assert len(seen) == 5
    assert set(seen) == ids


def test_an_unknown_parameter_is_refused_unless_asked_to_be_lenient(http: httpx.Client) -> None:
    refused = http.get("Patient", params={"shoe-size": "42"})
    assert refused.status_code == 400
    assert "shoe-size" in refused.text
    assert http.get("Patient", params={"shoe-size": "42"}, headers={"Prefer": "handling=lenient"}).status_code == 200


def test_a_transaction_links_its_entries_and_a_batch_answers_each(http: httpx.Client) -> None:
    mother = "urn:uuid:0f1e2d3c-0000-4000-8000-000000000001"
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "weight"},
        "subject": {"reference": mother},
    }
    steps = [
        {"fullUrl": mother, "resource": patient(), "request": {"method": "POST", "url": "Patient"}},
        {"resource": weight, "request": {"method": "POST", "url": "Observation"}},
    ]
    answer = http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": steps}, headers=FHIR)
    assert answer.status_code == 200, answer.text
    places = [entry["response"]["location"].split("/_history")[0] for entry in entries(answer)]
    assert http.get(places[1]).json()["subject"]["reference"] == "/".join(places[0].split("/")[-2:])
    reads = [{"request": {"method": "GET", "url": url}} for url in (places[0], "Patient/nobody")]
    batch = http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": reads}, headers=FHIR)
    assert [entry["response"]["status"][:3] for entry in entries(batch)] == ["200", "404"]


def test_xml_goes_in_and_comes_out(http: httpx.Client) -> None:
    body = '<Patient xmlns="http://hl7.org/fhir"><name><family value="Éluard"/></name></Patient>'
    headers = {"Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml"}
    created = http.post("Patient", content=body.encode(), headers=headers)
    assert created.status_code == 201, created.text
    assert created.headers["content-type"] == "application/fhir+xml; charset=utf-8"
    assert '<family value="Éluard"/>' in created.text
    id = created.headers["location"].split("/")[-3]
    assert http.get(f"Patient/{id}").json()["name"] == [{"family": "Éluard"}]
    assert http.get(f"Patient/{id}", params={"_format": "xml"}).text.startswith("<")
    assert "\n  " in http.get(f"Patient/{id}", params={"_pretty": "true"}).text


def test_raw_content_goes_into_a_binary_and_comes_back_sandboxed(http: httpx.Client) -> None:
    content = b"<svg xmlns='http://www.w3.org/2000/svg'/>\x00\xff"
    created = http.post("Binary", content=content, headers={"Content-Type": "image/svg+xml"})
    assert created.status_code == 201, created.text
    path = created.headers["location"].partition("/_history")[0]
    raw = http.get(path)
    assert (raw.content, raw.headers["content-type"]) == (content, "image/svg+xml")
    assert raw.headers["content-disposition"] == "attachment"
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in raw.headers["content-security-policy"]
    resource = http.get(path, headers={"Accept": "application/fhir+json"}).json()
    assert base64.b64decode(resource["data"]) == content


def test_gzip_is_read_and_written(http: httpx.Client) -> None:
    notes = patient(name=[{"family": "Long", "text": "x" * 4000}])
    body = gzip.compress(json.dumps(notes).encode())
    created = http.post("Patient", content=body, headers=FHIR | {"Content-Encoding": "gzip"})
    assert created.status_code == 201, created.text
    assert created.headers["content-encoding"] == "gzip"
    assert int(created.headers["content-length"]) < 1000
    assert created.json()["name"] == notes["name"]


def test_the_capability_statement_lists_what_the_routes_do(http: httpx.Client) -> None:
    statement = http.get("metadata").json()
    assert statement["fhirVersion"] == "4.0.1"
    rest = statement["rest"][0]
    found = next(each for each in rest["resource"] if each["type"] == "Patient")
    codes = {each["code"] for each in found["interaction"]}
    assert codes == {
        "read",
        "vread",
        "update",
        "patch",
        "delete",
        "history-instance",
        "history-type",
        "create",
        "search-type",
    }
    assert {"transaction", "batch", "history-system"} <= {each["code"] for each in rest["interaction"]}


def test_a_plain_http_client_agrees(server: Running) -> None:
    """The standard library's client, in case httpx and the server share a misunderstanding."""
    connection = http.client.HTTPConnection(urlsplit(server.root).netloc, timeout=30)
    connection.request("POST", "/fhir/Patient", json.dumps(patient()).encode(), FHIR)
    created = connection.getresponse()
    location = created.getheader("Location") or ""
    body = created.read()
    assert created.status == 201
    connection.request("GET", urlsplit(location).path)
    version = connection.getresponse()
    assert (version.status, version.read()) == (200, body)
    connection.close()


def test_health_and_the_api_page_stand_beside_fhir(server: Running) -> None:
    assert httpx.get(f"{server.root}/health").json() == {"status": "ok"}
    assert httpx.get(f"{server.root}/health/ready").json() == {"status": "ready"}
    assert httpx.get(f"{server.root}/docs").status_code == 200


def test_a_foreign_host_and_a_foreign_page_are_refused(http: httpx.Client, server: Running) -> None:
    for path in ("/fhir/metadata", "/health"):
        assert httpx.get(server.root + path, headers={"Host": "evil.example"}).status_code == 421
    foreign = http.post("Patient", json=patient(), headers=FHIR | {"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    listed = http.post("Patient", json=patient(), headers=FHIR | {"Origin": "https://app.example"})
    assert listed.status_code == 201
    assert listed.headers["access-control-allow-origin"] == "https://app.example"
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
    preflight = http.options("Patient/1", headers=asked)
    assert preflight.status_code == 204
    assert "PUT" in preflight.headers["access-control-allow-methods"]
