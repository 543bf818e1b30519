"""Medical records over the JSON API: who may do what, pages, files, and no lost update."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fakes.practice import Person, Practice, open_practice

Json = dict[str, Any]
RECORD: Json = {
    "nom": "Marie Curie",
    "age": 41,
    "category": "cardiologie",
    "priority": "high",
    "status": "draft",
    "soap": {"subjective": " a < b\r\n🫀", "objective": "", "assessment": None, "plan": "Holter"},
    "consultation_date": "2026-03-02T09:30:00.000001+01:00",
    "follow_up_date": "2026-04-02",
    "tags": ["hta", " à revoir "],
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with open_practice(tmp_path_factory.mktemp("records")) as opened:
        yield opened


@pytest.fixture(scope="module")
def doctor(clinic: Practice) -> Person:
    return clinic.doctor("doc@clinic.example", "10101201234")


def in_care_of(clinic: Practice, doctor: Person, email: str) -> Person:
    """Return a patient who has an appointment with the doctor."""
    patient = clinic.register(email)
    taking = [
        {"actor": {"reference": each}, "status": "accepted"}
        for each in (f"Patient/{patient.id}", f"Practitioner/{doctor.id}")
    ]
    booked = {"resourceType": "Appointment", "status": "proposed", "participant": taking}
    assert patient.ask("POST", "/fhir/Appointment", booked).status_code == 201
    return patient


def written(doctor: Person, patient: Person, **more: Any) -> Json:
    record = RECORD | {"patient_id": patient.id} | more
    made = doctor.ask("POST", "medical_records", {"medical_record": record})
    assert made.status_code == 201, made.text
    shown: Json = made.json()["data"]
    assert {name: shown[name] for name in record} == record
    return shown


def test_a_doctor_writes_and_the_patient_reads_and_nobody_else(clinic: Practice, doctor: Person) -> None:
    patient, other = in_care_of(clinic, doctor, "a@clinic.example"), clinic.register("b@clinic.example")
    made = written(doctor, patient)
    assert (made["doctor_id"], made["attachments"]) == (doctor.id, [])
    path = f"medical_records/{made['id']}"
    assert patient.ask("GET", path).json()["data"] == made
    assert patient.ask("GET", "medical_records").json()["meta"] == {"page": 1, "per_page": 20, "total": 1}
    assert other.ask("GET", path).status_code == 404
    assert other.ask("GET", "medical_records").json()["data"] == []
    assert other.ask("GET", f"patients/{patient.id}/medical_records").status_code == 404
    for who in (patient, other):
        assert who.ask("POST", "medical_records", {"medical_record": RECORD}).status_code == 403
    assert patient.ask("PUT", path, {"medical_record": {"age": 3}}).status_code == 403
    assert patient.ask("DELETE", path).status_code == 403
    assert clinic.admin.ask("GET", path).status_code == 403
    stranger = RECORD | {"patient_id": other.id}
    assert doctor.ask("POST", "medical_records", {"medical_record": stranger}).status_code == 403


@pytest.mark.parametrize(("kind", "place"), [("office", "AMB"), ("video", "VR"), (None, "VR")])
def test_a_record_is_of_a_visit_where_the_appointment_was_at_the_office(
    clinic: Practice, doctor: Person, kind: str | None, place: str
) -> None:
    patient = in_care_of(clinic, doctor, f"{kind}@clinic.example")
    day = "2050-03-02" if kind == "office" else "2050-03-03"
    for hour, booked in (8, "video" if kind == "office" else "office"), (9, kind):
        if kind is not None:
            times = {"starts_at": f"{day}T{hour:02}:00:00Z", "ends_at": f"{day}T{hour:02}:30:00Z"}
            body = {"doctor_id": doctor.id, "kind": booked, **times}
            assert patient.ask("POST", "appointments", {"appointment": body}).status_code == 201
    made = written(doctor, patient, consultation_date=f"{day}T10:05:00+01:00")
    composition = doctor.ask("GET", f"/fhir/Composition/{made['id']}").json()
    encounter = doctor.ask("GET", f"/fhir/{composition['encounter']['reference']}").json()
    assert encounter["class"]["code"] == place
    loinc = next(each for each in composition["type"]["coding"] if each["system"] == "http://loinc.org")
    assert loinc["code"] == ("11488-4" if place == "AMB" else "85208-7")


@pytest.mark.parametrize("before", [True, False])
def test_a_consultation_ends_as_its_completed_appointment_does(clinic: Practice, doctor: Person, before: bool) -> None:
    patient = in_care_of(clinic, doctor, f"end{before}@clinic.example")
    day = "2020-03-02" if before else "2020-03-03"
    times = {"starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T09:30:00Z"}
    body = {"patient_id": patient.id, "kind": "video", **times}
    visit = f"appointments/{doctor.ask('POST', 'appointments', {'appointment': body}).json()['data']['id']}"
    made = None if before else written(doctor, patient, consultation_date=f"{day}T10:05:00+01:00")
    for way in ("confirm", "complete"):
        assert doctor.ask("POST", f"{visit}/{way}").status_code == 200
    made = made or written(doctor, patient, consultation_date=f"{day}T10:05:00+01:00")
    composition = doctor.ask("GET", f"/fhir/Composition/{made['id']}").json()
    encounter = doctor.ask("GET", f"/fhir/{composition['encounter']['reference']}").json()
    assert encounter["period"] == {"start": f"{day}T10:05:00+01:00", "end": f"{day}T09:30:00Z"}
    assert encounter["appointment"] == [{"reference": f"Appointment/{visit.partition('/')[2]}"}]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60-14:00"])
def test_the_first_and_the_last_moment_can_be_those_of_a_consultation(
    clinic: Practice, doctor: Person, moment: str
) -> None:
    written(doctor, in_care_of(clinic, doctor, f"at{moment[:4]}@clinic.example"), consultation_date=moment)


NOTE: Json = {
    "resourceType": "Composition",
    "status": "final",
    "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
    "date": "2026-03-02",
    "title": "Progress note",
    "section": [
        {
            "title": "Plan",
            "code": {"coding": [{"system": "http://loinc.org", "code": "18776-5"}]},
            "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Rest.</p></div>'},
        }
    ],
}
"""A note as other systems write it: no Encounter, nothing of ours."""


def test_a_note_of_another_system_is_a_record_too_and_can_be_changed(clinic: Practice, doctor: Person) -> None:
    patient = in_care_of(clinic, doctor, "foreign@clinic.example")
    whose = {"subject": {"reference": f"Patient/{patient.id}"}, "author": [{"reference": f"Practitioner/{doctor.id}"}]}
    made = doctor.ask("POST", "/fhir/Composition", NOTE | whose)
    assert made.status_code == 201, made.text
    (shown,) = patient.ask("GET", "medical_records").json()["data"]
    assert (shown["id"], shown["soap"]["plan"], shown["status"]) == (made.json()["id"], "Rest.", "final")
    assert (shown["consultation_date"], shown["priority"]) == ("2026-03-02T00:00:00Z", "normal")
    assert (shown["patient_id"], shown["doctor_id"], shown["tags"]) == (patient.id, doctor.id, [])
    changed = doctor.ask("PUT", f"medical_records/{shown['id']}", {"medical_record": {"soap": {"plan": "Rest more."}}})
    assert (changed.status_code, changed.json()["data"]["soap"]["plan"]) == (200, "Rest more.")
    now = changed.json()["data"]
    moved = {name for name in now if now[name] != shown[name]}
    assert moved == {"soap", "updated_at"}
    assert doctor.ask("GET", f"/fhir/Composition/{shown['id']}").json()["title"] == "Progress note"


ACT = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"


@pytest.mark.parametrize(
    ("priority", "code"), [("normal", None), ("normal", "R"), ("normal", "CR"), ("high", "A"), ("urgent", "EM")]
)
def test_a_note_of_another_system_is_found_under_what_it_is_shown_as(
    clinic: Practice, doctor: Person, priority: str, code: str | None
) -> None:
    patient = in_care_of(clinic, doctor, f"{priority}-{code}@clinic.example")
    whose = {"subject": {"reference": f"Patient/{patient.id}"}}
    stay: Json = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, **whose}
    if code:
        stay["priority"] = {"coding": [{"system": ACT, "code": code}]}
    made = doctor.ask("POST", "/fhir/Encounter", stay)
    assert made.status_code == 201, made.text
    more = {
        "author": [{"reference": f"PractitionerRole/{doctor.id}"}],
        "encounter": {"reference": f"Encounter/{made.json()['id']}"},
    }
    note = doctor.ask("POST", "/fhir/Composition", NOTE | whose | more)
    assert note.status_code == 201, note.text
    (shown,) = patient.ask("GET", "medical_records").json()["data"]
    assert (shown["priority"], shown["doctor_id"]) == (priority, doctor.id)
    for each in ("normal", "high", "urgent"):
        found = patient.ask("GET", f"medical_records?priority={each}").json()
        assert found["meta"]["total"] == len(found["data"]) == (1 if each == priority else 0)
    for id in (doctor.id, patient.id):
        found = patient.ask("GET", f"medical_records?doctor_id={id}").json()
        assert found["meta"]["total"] == (1 if id == doctor.id else 0)


def test_who_is_in_nobody_s_care_is_told_as_a_patient_there_is_not(clinic: Practice, doctor: Person) -> None:
    stranger = clinic.register("stranger@clinic.example")
    answers = [
        doctor.ask("POST", "medical_records", {"medical_record": RECORD | {"patient_id": id}})
        for id in (stranger.id, "nobody")
    ]
    assert [each.status_code for each in answers] == [403, 403]
    assert answers[0].json() == answers[1].json()
    assert "no patient with that id in your care" in answers[0].json()["error"]["message"]


def test_of_two_writers_one_is_refused_and_nothing_is_lost(clinic: Practice, doctor: Person) -> None:
    path = f"medical_records/{written(doctor, in_care_of(clinic, doctor, 'c@clinic.example'))['id']}"
    seen = doctor.ask("GET", path).headers["etag"]
    first = doctor.ask("PUT", path, {"medical_record": {"age": 42}}, if_match=seen)
    assert (first.status_code, first.json()["data"]["age"]) == (200, 42)
    assert first.headers["etag"] != seen
    assert doctor.ask("PUT", path, {"medical_record": {"priority": "urgent"}}, if_match=seen).status_code == 412
    assert doctor.ask("DELETE", path, if_match=seen).status_code == 412
    same = doctor.ask("PUT", path, {"medical_record": {"age": 42}}, if_match=first.headers["etag"])
    assert same.headers["etag"] == first.headers["etag"]
    after = doctor.ask("GET", path).json()["data"]
    assert (after["age"], after["priority"]) == (42, "high")


def test_pages_are_one_walk_by_number_and_by_link(clinic: Practice, doctor: Person) -> None:
    patient = in_care_of(clinic, doctor, "d@clinic.example")
    made = [written(doctor, patient, consultation_date=f"2026-03-0{day}T09:00:00Z")["id"] for day in range(1, 6)]
    path = f"patients/{patient.id}/medical_records?per_page=2"
    numbered = [patient.ask("GET", f"{path}&page={page}") for page in (1, 2, 3, 4)]
    assert [[each["id"] for each in page.json()["data"]] for page in numbered] == [
        [made[4], made[3]], [made[2], made[1]], [made[0]], []
    ]  # fmt: skip
    assert {page.json()["meta"]["total"] for page in numbered} == {5}
    page, walked = patient.ask("GET", f"{path}&sort=consultation_date"), []
    while True:
        walked += [each["id"] for each in page.json()["data"]]
        if "next" not in page.links:
            break
        page = patient.ask("GET", page.links["next"]["url"])
    assert walked == made
    for wrong in ("page=0", "per_page=101", "sort=age", "colour=red", "page=502"):
        refused = patient.ask("GET", f"{path}&{wrong}")
        assert refused.status_code == 422
        assert list(refused.json()["error"]["fields"]) == [wrong.partition("=")[0]]
    assert patient.ask("GET", f"{path}&page=2&cursor=abc").status_code == 400


def test_lists_are_narrowed_by_every_filter(clinic: Practice, doctor: Person) -> None:
    patient = in_care_of(clinic, doctor, "e@clinic.example")
    written(doctor, patient)
    found = ("category=cardiologie", "priority=high", "status=draft", "tag=hta", "from=2026-03-02", "to=2026-03-02")
    not_found = (
        "category=dermatologie",
        "priority=urgent",
        "status=final",
        "tag=x",
        "from=2026-03-04",
        "to=2026-03-01",
    )
    for filters, number in ((found, 1), (not_found, 0)):
        for each in filters:
            answer = doctor.ask("GET", f"medical_records?patient_id={patient.id}&{each}")
            assert answer.json()["meta"]["total"] == number, each


def test_files_come_back_byte_by_byte_and_go_with_the_record(clinic: Practice, doctor: Person) -> None:
    patient = in_care_of(clinic, doctor, "f@clinic.example")
    path = f"medical_records/{written(doctor, patient)['id']}"
    large = bytes(range(256)) * 8192
    for name, content, type in (
        ("ecg é.pdf", b"%PDF-1.7", "application/pdf"),
        ('a "b"/c\\d.txt', b"\xe9t\xe9", "text/plain"),
        ("scan.pdf", large, "application/pdf"),
    ):
        sent = doctor.send(f"{path}/attachments", name, content, type)
        assert sent.status_code == 201, sent.text
        shown = sent.json()["data"]["attachments"][-1]
        assert (shown["filename"], shown["content_type"], shown["size"]) == (name, type, len(content))
        got = patient.ask("GET", shown["url"])
        assert (got.content, got.headers["content-type"]) == (content, type)
        assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert patient.send(f"{path}/attachments", "a.txt", b"a", "text/plain").status_code == 403
    assert patient.ask("GET", f"{path}/attachments/none").status_code == 404
    assert doctor.ask("DELETE", path).status_code == 204
    assert patient.ask("GET", path).status_code == 404
    assert patient.ask("GET", shown["url"]).status_code == 404
    kept = patient.ask("GET", f"/fhir/Composition/{path.rpartition('/')[2]}/_history").json()
    assert kept["entry"][0]["resource"]["status"] == "entered-in-error"


def test_files_that_are_sent_at_once_are_all_added(clinic: Practice, doctor: Person) -> None:
    path = f"medical_records/{written(doctor, in_care_of(clinic, doctor, 'many@clinic.example'))['id']}"
    names = [f"{number}.txt" for number in range(5)]

    def send(name: str) -> int:
        return doctor.send(f"{path}/attachments", name, name.encode(), "text/plain").status_code

    with ThreadPoolExecutor(len(names)) as at_once:
        assert list(at_once.map(send, names)) == [201] * len(names)
    shown = doctor.ask("GET", path).json()["data"]["attachments"]
    assert sorted(each["filename"] for each in shown) == names
    assert {doctor.ask("GET", each["url"]).text for each in shown} == set(names)


PDF = ("a.pdf", b"%PDF-1.7", "application/pdf")
FORMS: list[tuple[Json, str]] = [
    ({"files": {"file": ("a.pdf", b"", "application/pdf")}}, "must not be empty"),
    ({"files": {"file": (" ", b"x", "application/pdf")}}, "must have a name"),
    ({"files": {"file": ("a.pdf", b"x", "pdf")}}, "must have a media type"),
    ({"files": {"file": ("", b"x", "application/pdf")}}, "is needed: one file"),
    ({"files": {"upload": PDF}}, "is needed: one file"),
    ({"files": [("file", PDF), ("file", PDF)]}, "is needed: one file"),
    ({"data": {"file": "a.pdf"}}, "is needed: one file"),
    ({"json": {"file": "a.pdf"}}, "is needed: one file"),
    ({}, "is needed: one file"),
]


@pytest.mark.parametrize(("form", "fault"), FORMS, ids=str)
def test_what_is_wrong_with_a_form_is_told_of_its_file(
    clinic: Practice, doctor: Person, noted: str, form: Json, fault: str
) -> None:
    headers = {"Authorization": f"Bearer {doctor.token}"}
    answer = clinic.http.post(f"/api/v1/{noted}/attachments", headers=headers, **form)
    assert answer.status_code == 422, answer.text
    ((field, (told,)),) = answer.json()["error"]["fields"].items()
    assert (field, told[: len(fault)]) == ("file", fault)
    assert doctor.ask("GET", noted).json()["data"]["attachments"] == []


@pytest.fixture(scope="module")
def noted(clinic: Practice, doctor: Person) -> str:
    """The path of a record without files."""
    return f"medical_records/{written(doctor, in_care_of(clinic, doctor, 'noted@clinic.example'))['id']}"


@pytest.mark.parametrize(
    ("query", "field"),
    [("status=draft&status=final", "status"), ("page=1&page=2", "page"), ("tag=a&tag=b", "tag")],
)
def test_a_parameter_that_is_there_twice_is_refused(doctor: Person, query: str, field: str) -> None:
    answer = doctor.ask("GET", f"medical_records?{query}")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, [field])


def test_a_list_is_not_narrowed_by_what_its_path_says(clinic: Practice, doctor: Person) -> None:
    patient, other = in_care_of(clinic, doctor, "one@clinic.example"), in_care_of(clinic, doctor, "two@clinic.example")
    for path, name in (
        (f"patients/{patient.id}/medical_records?patient_id={other.id}", "patient_id"),
        (f"doctors/{doctor.id}/slots?doctor_id={doctor.id}", "doctor_id"),
    ):
        answer = doctor.ask("GET", path)
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, [name])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"attachments": [{"id": "a"}]}, "attachments"),
        ({"attachments": "ecg.pdf"}, "attachments"),
        ({"soap": {"plan": " \t"}}, "soap.plan"),
        ({"nom": "a\x0b"}, "nom"),
        ({"nom": "\ud800"}, "nom"),
        ({"\ud800": 1}, "?"),
        ({"priority": "low"}, "priority"),
        ({"age": 41.5}, "age"),
        ({"colour": "red"}, "colour"),
        ({"doctor_id": "another"}, "doctor_id"),
        ({"consultation_date": None}, "consultation_date"),
    ],
    ids=ascii,
)
def test_what_cannot_be_is_told_by_field(clinic: Practice, doctor: Person, wrong: Json, field: str) -> None:
    content = json.dumps({"medical_record": RECORD | {"patient_id": "p"} | wrong})
    headers = {"Authorization": f"Bearer {doctor.token}"}
    refused = clinic.http.post("/api/v1/medical_records", content=content, headers=headers)
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field])


def test_what_is_no_body_is_refused(clinic: Practice, doctor: Person) -> None:
    assert doctor.ask("POST", "medical_records", []).status_code == 422
    assert doctor.ask("POST", "medical_records", {"medical_record": "x"}).status_code == 422
    headers = {"Authorization": f"Bearer {doctor.token}"}
    for wrong in (
        b"{",
        b"[" * 100_000,
        b'{"medical_record": NaN}',
        b'{"a": 1, "a": 2}',
        b"\xff",
        b"1E+99999999999999999999",
    ):
        assert clinic.http.post("/api/v1/medical_records", content=wrong, headers=headers).status_code == 400
    assert clinic.http.get("/api/v1/medical_records").status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/medical_records/", "/api/v1/auth/login/", "/admin/users/", "/health/"])
def test_no_answer_takes_its_host_from_the_request(doctor: Person, path: str) -> None:
    answer = doctor.ask("GET", path, host="elsewhere.example")
    assert (answer.status_code, answer.headers.get("location")) == (404, None)
    assert "elsewhere" not in answer.text
