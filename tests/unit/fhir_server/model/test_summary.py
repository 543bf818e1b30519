"""_summary and _elements."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.model.summary import SUBSETTED, elements, known_elements, summarize

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "1",
    "meta": {"versionId": "3", "tag": [{"code": "t"}]},
    "implicitRules": "http://rules",
    "text": {"status": "generated", "div": "<div/>"},
    "contained": [{"resourceType": "Basic", "id": "c"}],
    "extension": [{"url": "http://x", "valueCode": "x"}],
    "modifierExtension": [{"url": "http://m", "valueCode": "m"}],
    "name": [{"id": "n", "family": "F", "extension": [{"url": "http://x", "valueCode": "x"}]}],
    "birthDate": "1970",
    "_birthDate": {"extension": [{"url": "http://x", "valueCode": "x"}]},
    "photo": [{"data": "AAAA"}],
    "maritalStatus": {"text": "M"},
}
META = {"versionId": "3", "tag": [{"code": "t"}, SUBSETTED]}


def test_true_shows_the_elements_marked_as_summary_at_every_level() -> None:
    assert summarize(PATIENT, "true") == {
        "resourceType": "Patient",
        "id": "1",
        "meta": META,
        "implicitRules": "http://rules",
        "modifierExtension": [{"url": "http://m", "valueCode": "m"}],
        "name": [{"family": "F"}],
        "birthDate": "1970",
        "_birthDate": {"extension": [{"url": "http://x", "valueCode": "x"}]},
    }
    assert PATIENT["meta"]["tag"] == [{"code": "t"}]


def test_true_looks_inside_elements_and_data_types() -> None:
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"contentType": "text/plain", "data": "AAAA"}}],
    }
    assert summarize(document, "true")["content"] == [{"attachment": {"contentType": "text/plain"}}]


def test_true_keeps_mandatory_elements_that_are_not_marked() -> None:
    appointment = {
        "resourceType": "Appointment",
        "status": "booked",
        "participant": [{"status": "accepted"}],
        "comment": "c",
    }
    summary = summarize(appointment, "true")
    assert summary["participant"] == [{"status": "accepted"}]
    assert "comment" not in summary


def test_text_shows_narrative_and_mandatory_elements() -> None:
    observation = {
        "resourceType": "Observation",
        "id": "1",
        "text": {"status": "generated", "div": "<div/>"},
        "status": "final",
        "code": {"text": "c"},
        "issued": "2020-01-01T00:00:00Z",
    }
    assert list(summarize(observation, "text")) == ["resourceType", "id", "meta", "text", "status", "code"]


def test_data_shows_all_but_the_narrative() -> None:
    expected = {name: value for name, value in PATIENT.items() if name != "text"}
    assert summarize(PATIENT, "data") == {**expected, "meta": META}


def test_count_shows_the_identity_and_false_everything() -> None:
    assert summarize(PATIENT, "count") == {"resourceType": "Patient", "id": "1", "meta": META}
    assert summarize(PATIENT, "false") == PATIENT


def test_an_unknown_mode_is_an_error() -> None:
    with pytest.raises(ValueError, match="most"):
        summarize(PATIENT, "most")


def test_elements_keeps_what_is_asked_what_is_mandatory_and_what_modifies() -> None:
    assert elements(PATIENT, ["birthDate"]) == {
        "resourceType": "Patient",
        "id": "1",
        "meta": META,
        "implicitRules": "http://rules",
        "modifierExtension": [{"url": "http://m", "valueCode": "m"}],
        "birthDate": "1970",
        "_birthDate": {"extension": [{"url": "http://x", "valueCode": "x"}]},
    }
    observation = {"resourceType": "Observation", "status": "final", "code": {}, "valueString": "x", "issued": "i"}
    assert list(elements(observation, ("value",))) == ["resourceType", "meta", "status", "code", "valueString"]
    assert "valueString" in elements(observation, ("valueString",))


def test_a_resource_is_tagged_once() -> None:
    once = summarize(PATIENT, "data")
    assert summarize(once, "data")["meta"]["tag"] == [{"code": "t"}, SUBSETTED]


def test_known_elements_name_choices_both_ways() -> None:
    assert {"value", "valueQuantity", "code", "id"} <= known_elements("Observation")
    assert "birthDate" not in known_elements("Observation")
