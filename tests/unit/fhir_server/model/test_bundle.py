"""Bundles assembled from stored bytes."""

from __future__ import annotations

from fhir_server.model import bundle
from fhir_server.model.fhir_json import parse
from profiles.issues import Issue

BODY = b'{"resourceType":"Basic","id":"1","n":1.10}'


def test_a_searchset_embeds_bodies_byte_by_byte() -> None:
    entries = [
        *bundle.search_entries("http://s/fhir", [("Basic", "1")], [BODY]),
        *bundle.search_entries("http://s/fhir", [("Basic", "b.2-B")], [BODY], "include"),
        bundle.outcome_entry([Issue("warning", "incomplete", "cut")]),
    ]
    content = bundle.searchset(7, [("self", "http://s/fhir/Basic?a=b&c=d")], entries)
    assert content.count(BODY) == 2
    read = parse(content)
    assert {k: read[k] for k in ("resourceType", "type", "total", "link")} == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 7,
        "link": [{"relation": "self", "url": "http://s/fhir/Basic?a=b&c=d"}],
    }
    assert [each["search"]["mode"] for each in read["entry"]] == ["match", "include", "outcome"]
    assert read["entry"][1]["fullUrl"] == "http://s/fhir/Basic/b.2-B"
    assert read["entry"][2]["resource"]["issue"][0]["code"] == "incomplete"
    assert "fullUrl" not in read["entry"][2]


def test_an_empty_searchset_has_neither_entry_nor_unknown_total() -> None:
    """Empty arrays are not legal in FHIR JSON."""
    assert parse(bundle.searchset(None, [], [])) == {"resourceType": "Bundle", "type": "searchset"}
    assert parse(bundle.searchset(0, [], [])) == {"resourceType": "Bundle", "type": "searchset", "total": 0}


def test_history_entries_tell_request_and_response() -> None:
    base, time = "http://s/fhir", 1_706_702_400_000_000
    entries = [
        bundle.history_entry(base, "Basic", "1", 3, time, "DELETE", b""),
        bundle.history_entry(base, "Basic", "1", 2, time, "PUT", BODY),
        bundle.history_entry(base, "Basic", "1", 1, time, "POST", BODY),
    ]
    deleted, updated, created = parse(bundle.history(3, [], entries))["entry"]
    assert deleted == {
        "fullUrl": "http://s/fhir/Basic/1",
        "request": {"method": "DELETE", "url": "Basic/1"},
        "response": {"status": "204 No Content", "etag": 'W/"3"', "lastModified": "2024-01-31T12:00:00.000Z"},
    }
    assert updated["resource"]["id"] == "1"
    assert (updated["request"], updated["response"]["status"]) == ({"method": "PUT", "url": "Basic/1"}, "200 OK")
    assert (created["request"], created["response"]["status"]) == ({"method": "POST", "url": "Basic"}, "201 Created")


def test_a_transaction_response_answers_each_entry() -> None:
    url, location = "http://s/fhir/Basic/1", "Basic/1/_history/1"
    entries = [
        bundle.response_entry(201, full_url=url, location=location, version="1", time=0),
        bundle.response_entry(200, body=BODY),
        bundle.response_entry(404, outcome={"resourceType": "OperationOutcome", "issue": []}),
    ]
    content = parse(bundle.response("transaction-response", entries))
    assert content["type"] == "transaction-response"
    assert content["entry"][0] == {
        "fullUrl": "http://s/fhir/Basic/1",
        "response": {
            "status": "201 Created",
            "location": "Basic/1/_history/1",
            "etag": 'W/"1"',
            "lastModified": "1970-01-01T00:00:00.000Z",
        },
    }
    assert content["entry"][1] == {"resource": parse(BODY), "response": {"status": "200 OK"}}
    assert content["entry"][2]["response"]["outcome"]["resourceType"] == "OperationOutcome"


def test_a_url_gets_its_parameters_escaped_and_repeated() -> None:
    parameters = [("code", "http://loinc.org|1 2"), ("date", "ge2020"), ("date", "lt2021"), ("name:exact", "é&=")]
    assert bundle.url_with("http://s/fhir/Observation", parameters) == (
        "http://s/fhir/Observation?code=http://loinc.org%7C1%202&date=ge2020&date=lt2021&name:exact=%C3%A9%26%3D"
    )
    assert bundle.url_with("http://s/fhir/Observation", []) == "http://s/fhir/Observation"
