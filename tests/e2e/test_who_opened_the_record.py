"""The trail with real accounts: what is done leaves its event, refused or not, and patients see who opened theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.e2e.test_json_records import RECORD, in_care_of
from tests.fakes.authority import PASSWORD
from tests.fakes.practice import Person, Practice, open_practice

Json = dict[str, Any]
WRONG = "not the right password"
JSON_PATCH = [{"op": "add", "path": "/language", "value": "fr"}]


class Told(NamedTuple):
    """An event, as far as it matters here: interaction or code, action, outcome, who, and what it was about."""

    what: str
    action: str
    outcome: str
    who: str
    about: frozenset[str]


class Day(NamedTuple):
    """Who was there."""

    clinic: Practice
    ann: Person
    other: Person
    doctor: Person
    stranger: Person
    made: str


def glass(patient: str, password: str = PASSWORD) -> Json:
    return {"patient": patient, "reason": "found unconscious in the street", "password": password}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Do one of everything."""
    with open_practice(tmp_path_factory.mktemp("trail")) as clinic:
        doctor, stranger = (
            clinic.doctor("doc@clinic.example", "10101201234"),
            clinic.doctor("e@x.example", "10101201235"),
        )
        ann, other = in_care_of(clinic, doctor, "ann@clinic.example"), clinic.register("other@clinic.example")
        weight = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}}
        about_ann = weight | {"subject": {"reference": f"Patient/{ann.id}"}}
        made = doctor.ask("POST", "/fhir/Observation", about_ann).json()
        path = f"/fhir/Observation/{made['id']}"
        statuses = [
            doctor.ask("GET", f"/fhir/Patient/{ann.id}").status_code,
            doctor.ask("GET", f"{path}/_history/1").status_code,
            doctor.ask("GET", f"{path}/_history").status_code,
            doctor.ask("GET", f"/fhir/Observation?patient={ann.id}").status_code,
            doctor.ask("PUT", path, made).status_code,
            doctor.ask("PATCH", path, JSON_PATCH, Content_Type="application/json-patch+json").status_code,
            doctor.ask("DELETE", path).status_code,
            stranger.ask("GET", f"/fhir/Patient/{ann.id}").status_code,
            stranger.ask("PUT", f"/fhir/Patient/{ann.id}", {"resourceType": "Patient", "id": ann.id}).status_code,
            stranger.ask("POST", "/fhir/Observation", about_ann).status_code,
        ]
        assert statuses == [200, 200, 200, 200, 200, 200, 403, 404, 405, 403]
        record = doctor.ask("POST", "medical_records", {"medical_record": RECORD | {"patient_id": ann.id}}).json()[
            "data"
        ]
        assert other.ask("GET", f"medical_records/{record['id']}").status_code == 404
        assert other.ask("POST", "medical_records", {"medical_record": RECORD}).status_code == 403
        asked = {"medical_record_id": record["id"]}
        assert ann.ask("POST", "fhir/export_mes", asked).status_code == 403
        assert ann.ask("POST", "consents/mes_export").status_code == 201
        assert ann.ask("POST", "fhir/export_mes", asked).status_code == 200
        assert other.ask("GET", "/admin/users").status_code == 403
        for who, asked, status in (
            (other, glass(ann.id), 403),
            (stranger, glass(ann.id, WRONG), 401),
            (stranger, glass(ann.id), 201),
        ):
            assert who.ask("POST", "auth/break-glass", asked).status_code == status
        for password, status in ((WRONG, 401), (PASSWORD, 200)):
            signed = clinic.http.post("/api/v1/auth/login", json={"email": "ann@clinic.example", "password": password})
            assert signed.status_code == status
        for path in ("/fhir/Patient", "/api/v1/medical_records", "/admin/users"):
            assert clinic.http.get(path).status_code == 401
        admin = {"user": {"email": "me@x.example", "password": PASSWORD, "role": "admin"}}
        assert clinic.http.post("/api/v1/auth/register", json=admin).status_code == 422
        assert stranger.ask("POST", "auth/logout").status_code in (200, 204)
        yield Day(clinic, ann, other, doctor, stranger, made["id"])


def told(who: Person, query: str) -> list[Told]:
    """Return the events that `who` finds, the oldest first."""
    answer = who.ask("GET", f"/fhir/AuditEvent?{query}&_sort=date&_count=1000")
    assert answer.status_code == 200, answer.text
    found = []
    for entry in answer.json().get("entry", ()):
        event = entry["resource"]
        names = [each["who"].get("reference") or each["who"]["identifier"]["value"] for each in event["agent"]]
        about = [each["what"].get("reference", "") for each in event["entity"] if "what" in each]
        about += [each["name"] for each in event["entity"] if "name" in each]
        code = event["subtype"][0]["code"] if "subtype" in event else event["type"]["code"]
        who_did = names[-1] if len(names) == 3 else names[0]
        found.append(Told(code, event["action"], event["outcome"], who_did, frozenset(filter(None, about))))
    return found


def of(events: list[Told], **wanted: str) -> list[Told]:
    return [each for each in events if all(getattr(each, name) == value for name, value in wanted.items())]


def test_a_patient_sees_who_opened_the_record_and_who_tried(day: Day) -> None:
    doctor, stranger = f"Practitioner/{day.doctor.id}", f"Practitioner/{day.stranger.id}"
    seen = told(day.ann, f"patient=Patient/{day.ann.id}")
    by_doctor = [(each.what, each.action, each.outcome) for each in of(seen, who=doctor)]
    assert by_doctor[:7] == [
        ("create", "C", "0"),
        ("read", "R", "0"),
        ("vread", "R", "0"),
        ("history", "R", "0"),
        ("search", "E", "0"),
        ("update", "U", "0"),
        ("patch", "U", "0"),
    ]
    tried = [(each.what, each.action, each.outcome) for each in of(seen, who=stranger)]
    # 110127: an emergency override was started (DICOM), refused at first.
    assert tried[:4] == [("read", "R", "4"), ("update", "U", "4"), ("110127", "E", "4"), ("110127", "E", "0")]
    assert of(seen, what="110106", who=f"Patient/{day.ann.id}", outcome="0"), "an export"
    assert [each.outcome for each in of(seen, what="110127", who=f"Patient/{day.other.id}")] == ["4"]
    assert [each.outcome for each in of(seen, what="110122")][-2:] == ["4", "0"]


def test_nobody_sees_what_was_done_with_the_record_of_another(day: Day) -> None:
    seen = told(day.other, f"patient=Patient/{day.ann.id}")
    # What they have tried themselves is theirs.
    assert {each.who for each in seen} <= {f"Patient/{day.other.id}"}
    assert told(day.other, f"agent=Practitioner/{day.doctor.id}") == []
    mine = told(day.doctor, f"patient=Patient/{day.ann.id}")
    assert {each.who for each in mine} == {f"Practitioner/{day.doctor.id}"}


def test_an_administrator_finds_events_by_patient_agent_date_action_and_outcome(day: Day) -> None:
    admin, doctor = day.clinic.admin, f"Practitioner/{day.doctor.id}"
    by_doctor = told(admin, f"agent={doctor}")
    assert {each.who for each in by_doctor} == {doctor}
    refused = told(admin, f"agent={doctor}&outcome=4")
    assert [(each.what, each.about) for each in refused] == [("delete", frozenset({f"Observation/{day.made}"}))]
    assert refused == [each for each in by_doctor if each.outcome == "4"]
    for letter in "CRUE":
        found = told(admin, f"agent={doctor}&action={letter}")
        assert found == [each for each in by_doctor if each.action == letter] != []
    assert told(admin, f"agent={doctor}&date=gt2100-01-01") == []
    assert told(admin, f"agent={doctor}&date=gt2020-01-01") == by_doctor
    about = told(admin, f"patient=Patient/{day.ann.id}&agent={doctor}&action=U")
    assert [each.what for each in about][:2] == ["update", "patch"]


def test_every_refusal_is_in_the_trail_whatever_it_was_asked_of(day: Day) -> None:
    refused = told(day.clinic.admin, "outcome=4")
    other = f"Patient/{day.other.id}"
    for expected in (
        Told("create", "C", "4", f"Practitioner/{day.stranger.id}", frozenset()),
        Told("read", "R", "4", other, frozenset({"/api/v1/medical_records/{id}"})),
        Told("create", "C", "4", other, frozenset({"/api/v1/medical_records"})),
        Told("create", "C", "4", f"Patient/{day.ann.id}", frozenset({"/api/v1/fhir/export_mes"})),
        Told("read", "R", "4", other, frozenset({"/admin/users"})),
        Told("110114", "E", "4", "unknown", frozenset()),
        Told("110114", "E", "4", "unknown", frozenset({"/api/v1/medical_records"})),
        Told("110114", "E", "4", "unknown", frozenset({"/admin/users"})),
        Told("110137", "C", "4", "anonymous", frozenset()),
    ):
        assert [bare(each) for each in refused].count(bare(expected)) == 1, expected


def bare(event: Told) -> Told:
    """Return an event without the ids of requests."""
    return event._replace(about=frozenset(each for each in event.about if each.startswith(("/", "Patient/"))))
