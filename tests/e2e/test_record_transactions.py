"""Records written by their mapping through a real server: one transaction, one search for a list, no lost update."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from fhir_server.model.fhir_json import parse
from mappings.documents.document import document, wanted
from mappings.transactions.act import Act
from mappings.transactions.record import File, create_record, update_record
from mappings.views.gather import gather
from mappings.views.me import TYPES
from mappings.views.medical_record import VIEW
from mappings.views.registry import VIEWS
from mappings.views.searching import search
from mappings.views.show import show
from mappings.views.view import Parts
from tests.fakes.foreign_notes import note, section

Json = dict[str, Any]
MOMENT = "2026-03-02T10:01:02.123456+01:00"
RECORD: Json = {
    "nom": "  Marie\r\nCurie ",
    "age": 41,
    "category": "cardiologie",
    "priority": "high",
    "status": "final",
    "soap": {"subjective": " a < b\r\n🫀", "objective": "", "assessment": None, "plan": "Holter"},
    "consultation_date": "2026-03-02T09:30:00.000001+01:00",
    "follow_up_date": "2026-04-02",
    "tags": ["hta", " à revoir, vite ", "hta"],
    "doctor_id": "dr",
}


def act(moment: str = MOMENT) -> Act:
    return Act("Practitioner/dr", moment, lambda: str(uuid.uuid4()))


def send(http: httpx.Client, bundle: Json) -> httpx.Response:
    return http.post("", json=bundle)


@pytest.fixture
def patient(http: httpx.Client) -> str:
    assert http.put("Practitioner/dr", json={"resourceType": "Practitioner", "id": "dr"}).status_code in (200, 201)
    made = http.post("Patient", json={"resourceType": "Patient", "name": [{"text": "Marie"}]})
    return str(made.json()["id"])


def listed(http: httpx.Client, patient: str, **filters: str) -> list[Parts]:
    """Return the records of a patient by the one search that the view asks for."""
    answer = http.get("Composition", params=search(VIEW, {"patient_id": patient} | filters))
    assert answer.status_code == 200, answer.text
    return gather(VIEW, [each["resource"] for each in parse(answer.content).get("entry", ())])


def test_a_record_is_written_listed_and_shown_as_it_was_sent(http: httpx.Client, patient: str) -> None:
    record = RECORD | {"patient_id": patient}
    done = send(http, create_record(record, act(), [File("ecg.pdf", "application/pdf", b"%PDF-1.7")]))
    assert done.status_code == 200, done.text
    (parts,) = listed(http, patient, tag=" à revoir, vite ", category="cardiologie", **{"from": "2026-03-02"})
    shown = show(VIEW, parts)
    assert {name: shown[name] for name in record} == record
    assert [(each["filename"], each["size"]) for each in shown["attachments"]] == [("ecg.pdf", 8)]
    assert len(listed(http, patient, status="final", priority="high")) == 1
    assert listed(http, patient, status="archived") == []
    assert listed(http, patient, priority="normal") == []
    assert listed(http, patient, tag="autre") == []
    assert listed(http, patient, to="2026-03-01") == []


def test_of_two_writers_one_is_refused(http: httpx.Client, patient: str) -> None:
    send(http, create_record(RECORD | {"patient_id": patient}, act()))
    (parts,) = listed(http, patient)
    one = update_record({"soap": {"plan": "Repos"}}, parts, act("2026-03-02T11:00:00Z"))
    other = update_record({"priority": "urgent"}, parts, act("2026-03-02T11:00:01Z"))
    assert [send(http, each).status_code for each in (one, other)] == [200, 412]
    (after,) = listed(http, patient)
    assert (show(VIEW, after)["soap"]["plan"], show(VIEW, after)["priority"]) == ("Repos", "high")


def test_a_record_becomes_a_document_that_the_server_accepts(http: httpx.Client, patient: str) -> None:
    send(http, create_record(RECORD | {"patient_id": patient}, act(), [File("a.txt", "text/plain", b"a")]))
    (parts,) = listed(http, patient)
    composition = parts["Composition"][0]
    found: list[Json] = []
    while missing := wanted(composition, found):
        found += [parse(http.get(each, headers={"Accept": "application/fhir+json"}).content) for each in missing]
    bundle = document(
        composition, found, identifier=str(uuid.uuid4()), moment=MOMENT, base=str(http.base_url).rstrip("/")
    )
    assert {each["resource"]["resourceType"] for each in bundle["entry"]} == {
        *("Composition", "Patient", "Encounter", "Practitioner", "DocumentReference", "Binary")
    }
    stored = http.post("Bundle", json=bundle)
    assert stored.status_code == 201, stored.text


def test_an_archived_record_is_found_as_that_and_not_as_final(http: httpx.Client, patient: str) -> None:
    send(http, create_record(RECORD | {"patient_id": patient, "status": "archived"}, act()))
    assert len(listed(http, patient, status="archived")) == 1
    assert listed(http, patient, status="final") == []


def test_notes_of_others_are_listed_and_other_compositions_are_not(http: httpx.Client, patient: str) -> None:
    author = {"author": [{"reference": "Practitioner/dr"}], "subject": {"reference": f"Patient/{patient}"}}
    for made in (note(section("10164-2", "Cough"), **author), note(section("48765-2", "None"), **author)):
        assert http.post("Composition", json=made).status_code == 201
    (parts,) = listed(http, patient)
    assert show(VIEW, parts)["soap"]["subjective"] == "Cough"


ASKED = {
    "medical_record": {"doctor_id": "dr", "category": "Astrologie, médicale", "priority": "high", "status": "draft"},
    "appointment": {"patient_id": "p", "doctor_id": "dr", "status": "cancelled", "from": MOMENT, "to": "2030-01-01"},
    "slot": {"doctor_id": "dr", "status": "busy", "from": MOMENT, "to": MOMENT},
    "notification": {"user": "Patient/p", "unread": "true", "kind": "password_reset"},
    "consent": {"patient_id": "p", "type": "research"},
    **{f"me/{type}": {} for type in TYPES},
}


@pytest.mark.parametrize("name", VIEWS)
def test_the_server_answers_the_search_of_every_view_with_every_filter(http: httpx.Client, name: str) -> None:
    view = VIEWS[name]
    assert ASKED[name].keys() >= view.filters.keys() - {"patient_id", "tag", "from", "to"}
    answer = http.get(view.root, params=search(view, ASKED[name]))
    assert answer.status_code == 200, answer.text
