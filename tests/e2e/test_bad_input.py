"""Bad input is answered with a 4xx OperationOutcome that names the place, and the store stays as it was."""

from __future__ import annotations

import gzip
import json
import socket
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any, NamedTuple

import httpx
import pytest

JSON = "application/fhir+json"
XML = "application/fhir+xml"


class Bad(NamedTuple):
    """A request that must be refused: how, with which status, and a word that tells the reader where to look."""

    body: bytes
    status: int
    says: str
    type: str | None = JSON
    method: str = "POST"
    url: str = "Patient"
    headers: tuple[tuple[str, str], ...] = ()


def patient(content: str) -> bytes:
    return b'{"resourceType":"Patient",' + content.encode() + b"}"


BOMB = gzip.compress(b'{"resourceType":"Patient","name":[{"text":"' + b" " * 5_000_000 + b'"}]}')

BAD = {
    "no body": Bad(b"", 400, "empty"),
    "half a JSON": Bad(b'{"resourceType":"Patient"', 400, "line 1 column"),
    "not JSON": Bad(b"Hello", 400, "not JSON"),
    "a JSON array": Bad(b"[]", 400, "object"),
    "not UTF-8": Bad(b'{"resourceType":"Patient","name":[{"family":"\xe9"}]}', 400, "UTF-8"),
    "a property twice": Bad(patient('"active":true,"active":false'), 400, "twice"),
    "NaN": Bad(patient('"multipleBirthInteger":NaN'), 400, "not JSON"),
    "infinity": Bad(patient('"multipleBirthInteger":Infinity'), 400, "not JSON"),
    "a control character": Bad(patient('"name":[{"family":"a\\u0001b"}]'), 400, "character"),
    "a raw control character": Bad(patient('"name":[{"family":"a\x01b"}]'), 400, "control character"),
    "a lone surrogate": Bad(patient('"name":[{"family":"\\ud800"}]'), 400, "surrogate"),
    "10,000 levels": Bad(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "deeper than 200"),
    "a number of 400 digits": Bad(patient(f'"multipleBirthInteger":{"9" * 400}'), 400, "number out of bounds"),
    "an exponent of 100,000": Bad(patient('"multipleBirthInteger":1e100000'), 400, "number out of bounds"),
    "no resourceType": Bad(b'{"active":true}', 400, "resourceType"),
    "the wrong resourceType": Bad(b'{"resourceType":"Observation"}', 400, "Observation"),
    "an unknown resourceType": Bad(b'{"resourceType":"Patent"}', 400, "Patent"),
    "an unknown type in the URL": Bad(patient('"active":true'), 404, "Patent", url="Patent"),
    "an unknown element": Bad(patient('"shoeSize":42'), 422, "Patient.shoeSize"),
    "a boolean that is a string": Bad(patient('"active":"true"'), 422, "Patient.active"),
    "a day that is none": Bad(patient('"birthDate":"2023-02-30"'), 422, "Patient.birthDate"),
    "a code outside its binding": Bad(patient('"gender":"robot"'), 422, "Patient.gender"),
    "a script in the narrative": Bad(
        patient(
            '"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><script>1</script></div>"}'
        ),
        422,
        "Patient.text.div",
    ),
    "no Content-Type": Bad(patient('"active":true'), 415, "Content-Type", type=None),
    "a foreign Content-Type": Bad(patient('"active":true'), 415, "Content-Type", type="text/csv"),
    "another FHIR version": Bad(patient('"active":true'), 415, "fhirVersion", type=f"{JSON}; fhirVersion=3.0"),
    "another charset": Bad(patient('"active":true'), 415, "UTF-8", type=f"{JSON}; charset=iso-8859-1"),
    "an unknown encoding": Bad(b"x", 415, "gzip", headers=(("Content-Encoding", "br"),)),
    "gzip that is none": Bad(b"not gzip", 400, "gzip", headers=(("Content-Encoding", "gzip"),)),
    "a gzip bomb": Bad(BOMB, 413, "1000000 bytes", headers=(("Content-Encoding", "gzip"),)),
    "a body over the limit": Bad(patient(f'"name":[{{"text":"{"x" * 2_000_000}"}}]'), 413, "1000000 bytes"),
    "half an XML": Bad(b'<Patient xmlns="http://hl7.org/fhir"><active', 400, "XML", type=XML),
    "an XML of another namespace": Bad(b"<Patient/>", 400, "namespace", type=XML),
    "an XML entity": Bad(
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir">&e;</Patient>',
        400,
        "DOCTYPE",
        type=XML,
    ),
    "an id in the body that is not the one of the URL": Bad(
        patient('"id":"other"'), 400, "Patient.id", method="PUT", url="Patient/kept"
    ),
    "an update without id": Bad(patient('"active":true'), 400, "Patient.id", method="PUT", url="Patient/kept"),
    "an id that FHIR does not allow": Bad(patient('"id":"a b"'), 400, "id", method="PUT", url="Patient/a%20b"),
    "an If-Match that is no ETag": Bad(
        patient('"id":"kept"'), 400, "If-Match", method="PUT", url="Patient/kept", headers=(("If-Match", "3"),)
    ),
    "an If-Match of another version": Bad(
        patient('"id":"kept"'), 412, "If-Match", method="PUT", url="Patient/kept", headers=(("If-Match", 'W/"9"'),)
    ),
    "a patch that fails half-way": Bad(
        b'[{"op":"add","path":"/active","value":true},{"op":"remove","path":"/nothing"}]',
        422,
        "nothing",
        type="application/json-patch+json",
        method="PATCH",
        url="Patient/kept",
    ),
    "an XML patch": Bad(
        b"<diff/>", 415, "XML Patch", type="application/xml-patch+xml", method="PATCH", url="Patient/kept"
    ),
    "a method that does not go": Bad(b"", 405, "DELETE", method="DELETE", url="metadata"),
    "a query that is not percent-encoded": Bad(b"", 400, "%", method="GET", url="Patient?family=%zz"),
    "a query that is not UTF-8": Bad(b"", 400, "UTF-8", method="GET", url="Patient?family=%ff"),
    "a route that is none": Bad(b"", 404, "metadata", method="GET", url="Patient/kept/x/y/z"),
    "an operation that is none": Bad(b"", 404, "operation", method="POST", url="Patient/$mine"),
    "a format that is none": Bad(b"", 406, "_format", method="GET", url="Patient/kept?_format=text/turtle"),
    "an Accept that is none": Bad(
        b"", 406, "Accept", method="GET", url="Patient/kept", headers=(("Accept", "text/csv"),)
    ),
    "a conditional create that selects nothing": Bad(
        patient('"active":true'), 412, "", headers=(("If-None-Exist", ""),)
    ),
    "no Bundle at the base": Bad(patient('"active":true'), 400, "Bundle", url=""),
    "a Bundle of another type": Bad(b'{"resourceType":"Bundle","type":"collection"}', 400, "Bundle.type", url=""),
}


@pytest.fixture(scope="module", autouse=True)
def kept(http: httpx.Client) -> None:
    """A resource that is there before and must be the same after."""
    body = {"resourceType": "Patient", "id": "kept", "name": [{"family": "Martin"}]}
    assert http.put("Patient/kept", json=body, headers={"Content-Type": JSON}).status_code == 201


def state(http: httpx.Client) -> tuple[Any, str]:
    history = http.get("_history", params={"_count": "1000"}).json()
    return [entry.get("resource", entry["request"]) for entry in history["entry"]], http.get("Patient/kept").text


@pytest.mark.parametrize("name", BAD)
def test_is_refused_with_the_place_and_changes_nothing(http: httpx.Client, name: str) -> None:
    bad = BAD[name]
    before = state(http)
    headers = dict(bad.headers) | ({"Content-Type": bad.type} if bad.type else {})
    answer = http.request(bad.method, bad.url, content=bad.body or None, headers=headers)
    assert answer.status_code == bad.status, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert all(issue["severity"] and issue["code"] and issue["diagnostics"] for issue in outcome["issue"])
    assert bad.says in answer.text
    assert "Traceback" not in answer.text
    assert state(http) == before


def test_all_findings_come_in_one_answer(http: httpx.Client) -> None:
    body = patient('"gender":"robot","birthDate":"2023-02-30","shoeSize":42')
    answer = http.post("Patient", content=body, headers={"Content-Type": JSON})
    places = {place for issue in answer.json()["issue"] for place in issue.get("expression", [])}
    assert {"Patient.gender", "Patient.birthDate", "Patient.shoeSize"} <= places


def test_one_bad_entry_in_500_undoes_the_transaction(http: httpx.Client) -> None:
    entry = [
        {"resource": {"resourceType": "Patient", "active": True}, "request": {"method": "POST", "url": "Patient"}}
        for _ in range(500)
    ]
    entry[321]["resource"]["gender"] = "robot"
    before = state(http)
    content = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entry})
    answer = http.post("", content=content, headers={"Content-Type": JSON})
    assert answer.status_code == 422
    assert "Bundle.entry[321].resource.gender" in answer.text
    assert state(http) == before


def test_a_refusal_comes_in_the_format_that_was_asked_for(http: httpx.Client) -> None:
    answer = http.get("Patient/nobody", headers={"Accept": "application/fhir+xml"})
    assert answer.status_code == 404
    assert answer.text.startswith("<OperationOutcome") or "<OperationOutcome" in answer.text[:100]


def test_405_names_the_methods_that_go(http: httpx.Client) -> None:
    answer = http.put("metadata")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"FOO /fhir/Patient HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "not-supported"),
        (b"GET /fhir/Patient HTTP/9\r\nHost: 127.0.0.1\r\n\r\n", 400, "structure"),
        (b"GET /fhir/Patient HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n", 400, "structure"),
        (b"GET /fhir/Patient?name=" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414, "too-long"),
        # No more of it is read than is needed to see that.
        (b"GET /fhir/Patient?name=" + b"a" * 1_000_000, 414, "too-long"),
    ],
)
def test_what_is_no_http_request_is_refused_with_an_outcome(
    http: httpx.Client, request_bytes: bytes, status: int, code: str
) -> None:
    url = http.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        # What is sent after the answer is there may meet a closed connection.
        with suppress(ConnectionError):
            connection.sendall(request_bytes)
        answer = HTTPResponse(connection)
        answer.begin()
        outcome = json.loads(answer.read())
    assert answer.status == status
    assert (outcome["resourceType"], outcome["issue"][0]["code"]) == ("OperationOutcome", code)
