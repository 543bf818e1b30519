"""A platform moves in by `import-view`, its users go on where they were, and `export-view` gives it all back."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.command import Running, fhir_server
from tests.fakes.dump import (
    DOCTOR,
    MARIE,
    PASSWORDS,
    PAUL,
    PDF,
    appointment,
    clinic,
    consent,
    in_order,
    many,
    notification,
    read_dump,
    record,
    user,
    write_dump,
)

Json = dict[str, Any]


def moved_in(folder: Path, dump: Path, *more: str) -> tuple[int, str]:
    """Run import-view into the store of a folder; return its exit code and what it printed."""
    ended = fhir_server("import-view", str(dump), *more, "--store", f"sqlite:///{folder}/fhir.db", folder=folder)
    return ended.returncode, ended.stdout + ended.stderr


def moved_out(folder: Path, name: str = "out") -> Path:
    """Run export-view from the store of a folder; return the folder of the dump."""
    ended = fhir_server("export-view", name, "--store", f"sqlite:///{folder}/fhir.db", folder=folder)
    assert ended.returncode == 0, ended.stderr
    return folder / name


class Signed:
    """Somebody who has signed in with the password of the platform that moved."""

    def __init__(self, http: httpx.Client, email: str, password: str) -> None:
        answer = http.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        self._http, data = http, answer.json()["data"]
        self.id: str = data["user"]["id"]
        self._headers = {"Authorization": f"Bearer {data['tokens']['access_token']}"}

    def ask(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        whole = path if path.startswith("/") else f"/api/v1/{path}"
        return self._http.request(method, whole, json=body, headers=self._headers)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that the clinic has moved into."""
    folder = tmp_path_factory.mktemp("moving")
    code, said = moved_in(folder, write_dump(folder / "dump", clinic()))
    assert code == 0, said
    return folder


@pytest.fixture(scope="module")
def http(home: Path) -> Iterator[httpx.Client]:
    """A client of a server over a copy of that store."""
    serving = home / "serving"
    serving.mkdir()
    (serving / "fhir.db").write_bytes((home / "fhir.db").read_bytes())
    with (
        Running(["serve", "--port", "0", "--store", f"sqlite:///{serving}/fhir.db"], serving) as running,
        httpx.Client(base_url=running.root, timeout=30) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def marie(http: httpx.Client) -> Signed:
    return Signed(http, "user-17@example.org", PASSWORDS["pbkdf2"])


@pytest.fixture(scope="module")
def paul(http: httpx.Client) -> Signed:
    return Signed(http, "paul@example.org", PASSWORDS["bcrypt"])


def test_what_moved_in_comes_out_as_it_was(home: Path) -> None:
    out = moved_out(home)
    assert read_dump(out) == in_order(clinic())
    assert {each.name: each.read_bytes() for each in (out / "attachments").iterdir()} == {"7": PDF, "9": PDF}
    assert {stat.S_IMODE(each.stat().st_mode) for each in out.iterdir()} == {0o600, 0o700}
    again = home / "again"
    again.mkdir()
    assert moved_in(again, out)[0] == 0
    assert read_dump(moved_out(again)) == in_order(clinic())


def test_nothing_moves_in_twice(home: Path) -> None:
    code, said = moved_in(home, home / "dump")
    assert code == 0
    assert "0 lines in" in said
    assert not (home / "dump" / "dead-letters.jsonl").exists()


def test_users_sign_in_with_the_passwords_they_had_and_see_what_was_theirs(
    http: httpx.Client, marie: Signed, paul: Signed
) -> None:
    Signed(http, "user-19@example.org", PASSWORDS["argon2"])
    for email, password in (("user-17@example.org", "p@$$w0rd?"), ("user-20@example.org", PASSWORDS["pbkdf2"])):
        assert http.post("/api/v1/auth/login", json={"email": email, "password": password}).status_code == 401
    shown = marie.ask("GET", "medical_records").json()
    assert shown["meta"]["total"] == 2
    whole = {each["tags"][0]: each for each in shown["data"] if each["status"] == "final"}["hta"]
    meant = clinic()["medical_records"][0]
    same = ("nom", "age", "category", "priority", "status", "soap", "consultation_date", "tags", "inserted_at")
    assert {name: whole[name] for name in same} == {name: meant[name] for name in same}
    assert [each["filename"] for each in whole["attachments"]] == ["ecg 7.pdf", "ecg 9.pdf"]
    assert marie.ask("GET", "consents").json()["data"] == [
        {name: value for name, value in each.items() if name not in ("id", "user_id")}
        for each in clinic()["consents"]
        if each["user_id"] == MARIE
    ]
    assert [each["title"] for each in marie.ask("GET", "notifications").json()["data"]] == ["Rendez-vous confirmé"]
    doctor = Signed(http, "user-1@example.org", PASSWORDS["pbkdf2"])
    # The two of their own, and one of another doctor about a patient who comes to them in 2099.
    assert doctor.ask("GET", "medical_records").json()["meta"]["total"] == 3
    assert paul.ask("GET", "medical_records").json()["meta"]["total"] == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("medical_records/40", "medical_records/{}"),
        ("medical_records/40/attachments/9", "medical_records/{}/attachments/{}"),
        ("patients/17/medical_records?per_page=1", "patients/{}/medical_records?per_page=1"),
        ("appointments/1", "appointments/{}"),
        ("notifications/5", "notifications/{}"),
        ("doctors/1/slots", "doctors/{}/slots"),
    ],
)
def test_a_former_id_leads_to_where_it_is_now(marie: Signed, path: str, words: str) -> None:
    moved = marie.ask("GET", path)
    assert moved.status_code == 308
    location = moved.headers["Location"]
    head, _, tail = words.partition("{}")
    assert location.startswith(f"/api/v1/{head}")
    assert location.endswith(tail.rpartition("{}")[2])
    assert "no-store" in moved.headers["Cache-Control"]
    assert marie.ask("GET", location).status_code == 200


def test_the_method_and_the_body_go_along(marie: Signed, http: httpx.Client) -> None:
    read = marie.ask("PUT", "notifications/5/read")
    assert read.status_code == 308
    assert marie.ask("PUT", read.headers["Location"]).json()["data"]["read_at"] is not None
    doctor = Signed(http, "user-1@example.org", PASSWORDS["pbkdf2"])
    change = doctor.ask("PUT", "medical_records/40", {"medical_record": {"age": 42}})
    assert change.status_code == 308
    assert doctor.ask("GET", change.headers["Location"]).json()["data"]["age"] == 41


def test_a_former_id_of_a_user_is_known_in_filters_and_bodies(marie: Signed, paul: Signed, http: httpx.Client) -> None:
    doctor = Signed(http, "user-1@example.org", PASSWORDS["pbkdf2"])
    for signed, asked, now in (
        (doctor, f"medical_records?patient_id={MARIE}", f"medical_records?patient_id={marie.id}"),
        (marie, f"appointments?doctor_id={DOCTOR}", f"appointments?doctor_id={doctor.id}"),
        (marie, f"medical_records?doctor_id={DOCTOR}", f"medical_records?doctor_id={doctor.id}"),
    ):
        old, new = (signed.ask("GET", f"{path}&per_page=1") for path in (asked, now))
        assert old.json() == new.json()
        assert old.json()["meta"]["total"] > 0
    walked = doctor.ask("GET", f"medical_records?patient_id={MARIE}&per_page=1")
    seen = [each["id"] for each in walked.json()["data"]]
    while "next" in walked.links:
        walked = doctor.ask("GET", walked.links["next"]["url"])
        seen += [each["id"] for each in walked.json()["data"]]
    assert len(set(seen)) == len(seen) == walked.json()["meta"]["total"]
    times = {"starts_at": "2098-01-02T09:00:00Z", "ends_at": "2098-01-02T09:20:00Z"}
    ends = {"patient_id": str(MARIE), "doctor_id": str(DOCTOR)}
    booked = marie.ask("POST", "appointments", {"appointment": {**ends, "kind": "video", **times}})
    assert booked.status_code == 201, booked.text
    note = {"medical_record": {**ends, "consultation_date": "2098-01-02T09:00:00Z"}}
    made = doctor.ask("POST", "medical_records", note)
    for each in (booked, made):
        shown = each.json()["data"]
        assert (shown["patient_id"], shown["doctor_id"]) == (marie.id, doctor.id)
    again = doctor.ask("PUT", f"medical_records/{made.json()['data']['id']}", note)
    assert again.status_code == 200, again.text
    # Who is out of reach is not known by a former id either.
    assert paul.ask("GET", f"medical_records?patient_id={MARIE}").json()["data"] == []
    unknown = {"appointment": {"patient_id": str(MARIE), "doctor_id": str(DOCTOR), "kind": "video", **times}}
    assert list(paul.ask("POST", "appointments", unknown).json()["error"]["fields"]) == ["patient_id"]


def test_a_record_is_exported_by_its_former_id_too(marie: Signed, paul: Signed) -> None:
    wanted = {"medical_record_id": "40"}
    assert paul.ask("POST", "fhir/export_mes", wanted).status_code == 404
    assert marie.ask("POST", "fhir/export_mes", wanted).status_code == 403
    assert marie.ask("POST", "consents/mes_export").status_code == 201
    assert marie.ask("POST", "fhir/export_mes", wanted).json()["data"]["type"] == "document"


@pytest.mark.parametrize(
    "path",
    [
        "medical_records/40",
        "medical_records/40/attachments/9",
        "medical_records/41/attachments/9",
        "patients/17/medical_records",
        "appointments/1",
        "notifications/5",
        "medical_records/4711",
    ],
)
def test_what_is_out_of_reach_is_not_there_under_its_former_id_either(
    paul: Signed, http: httpx.Client, path: str
) -> None:
    there, nowhere = paul.ask("GET", path), paul.ask("GET", path.replace("40", "x").replace("17", "x"))
    assert there.status_code == 404 == nowhere.status_code
    assert "location" not in there.headers
    assert set(there.json()) == {"error"}
    assert http.get(f"/api/v1/{path}").status_code == 401


def test_the_former_ids_are_identifiers_in_fhir(marie: Signed) -> None:
    system = "urn:fhir-health-server:telemed/former"
    for type, kind, id in (
        ("Patient", "user", MARIE),
        ("Appointment", "appointment", 1),
        ("Communication", "notification", 5),
    ):
        found = marie.ask("GET", f"/fhir/{type}?identifier={system}/{kind}|{id}").json()
        assert len(found["entry"]) == 1, type
    asked = f"/fhir/Composition?encounter:Encounter.identifier={system}/medical-record|40"
    assert len(marie.ask("GET", asked).json()["entry"]) == 1
    assert "entry" not in marie.ask("GET", f"/fhir/Patient?identifier={system}/user|{PAUL}").json()


def with_faults() -> dict[str, list[Json]]:
    """Return a dump with every sort of bad lines."""
    soap = {"subjective": "fine", "objective": " ", "assessment": None, "plan": "bell \x07"}
    busy = {"status": "confirmed", "starts_at": "2099-03-02T09:00:00Z", "ends_at": "2099-03-02T10:00:00Z"}
    return {
        "users": [
            user(DOCTOR, "doctor"), user(MARIE), user(30, email="USER-17@example.org"), user(31, role="nurse"),
            user(32, password_hash="5f4dcc3b5aa765d61d8327deb882cf99"),
            user(33, birth_date="14/05/1985", inserted_at="9999-12-31T23:59:60-03:30"),
        ],
        "consents": [consent(1, MARIE), consent(2, MARIE, version="2025-01"), consent(3, DOCTOR)],
        "appointments": [appointment(1, MARIE, **busy), appointment(2, MARIE, **busy), appointment(3, 30)],
        "medical_records": [
            record(1, MARIE, MARIE, soap=soap), record(2, MARIE, age="41", secret="x"), record(3, MARIE),
            record(3, MARIE, age=7), record(4, MARIE, files=(8,)), record(5, MARIE, files=(7,)),
        ],
        "notifications": [notification(1, MARIE, kind="news"), notification(2, MARIE, read_at="1999-01-01T00:00:00Z")],
    }  # fmt: skip


REFUSED = [
    ("users", 3, 30, ["email"]),
    ("users", 4, 31, ["role"]),
    ("users", 5, 32, ["password_hash"]),
    ("users", 6, 33, ["birth_date", "inserted_at"]),
    ("users", 8, None, ["line"]),
    ("users", 9, None, ["line"]),
    ("consents", 2, 2, ["type"]),
    ("consents", 3, 3, ["user_id"]),
    ("appointments", 2, 2, ["starts_at"]),
    ("appointments", 3, 3, ["patient_id"]),
    ("medical_records", 1, 1, ["doctor_id", "soap.objective", "soap.plan"]),
    ("medical_records", 2, 2, ["age", "secret"]),
    ("medical_records", 4, 3, ["id"]),
    ("medical_records", 5, 4, ["attachments[0].url"]),
    ("medical_records", 6, 5, ["attachments[0].url"]),
    ("notifications", 1, 1, ["kind"]),
    ("notifications", 2, 2, ["read_at"]),
]
"""The lines of that dump that are refused: file, number, id, fields."""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_bad_lines_are_told_of_by_number_field_and_rule_and_the_others_move_in(tmp_path: Path, jobs: str) -> None:
    folder = write_dump(tmp_path / "dump", with_faults())
    (folder / "attachments" / "8").unlink()
    (folder / "attachments" / "7").write_bytes(b"")
    with (folder / "users.jsonl").open("a", encoding="utf-8") as users:
        users.write('\n{"id": 40, "id": 41}\nno JSON\n')
    letters = tmp_path / "letters.jsonl"
    code, said = moved_in(tmp_path, folder, "--dead-letters", str(letters), "--jobs", jobs)
    assert code == 1
    assert "17 lines were refused" in said
    text = letters.read_text(encoding="utf-8")
    for secret in ("fine", "bell", "14/05", "nurse", "5f4dcc", "USER-17", '"x"'):
        assert secret not in text
        assert secret not in said
    told = [json.loads(line) for line in text.splitlines()]
    found = [
        (each["file"].partition(".")[0], each["line"], each["id"], [r["field"] for r in each["reasons"]])
        for each in told
    ]
    assert found == REFUSED
    rules = {(each["file"], each["line"]): each["reasons"][0]["rule"] for each in told}
    assert rules["users.jsonl", 3] == "is taken"
    assert rules["appointments.jsonl", 2].startswith("The doctor has another appointment at that time.")
    assert "blanks only" in next(each for each in told if each["line"] == 1 and each["id"] == 1)["reasons"][1]["rule"]
    out = read_dump(moved_out(tmp_path))
    assert {name: [each["id"] for each in lines] for name, lines in out.items()} == {
        "users": [DOCTOR, MARIE],
        "consents": [1],
        "appointments": [1],
        "medical_records": [3],
        "notifications": [],
    }


def test_a_number_of_the_register_moves_in_with_one_doctor_only(tmp_path: Path) -> None:
    number = {"rpps": "10101201234"}
    dump = {
        "users": [
            user(1, "doctor", status="pending", **number), user(2, "doctor", **number), user(3, "doctor", **number),
            user(4, "doctor", status="disabled", **number), user(5, "doctor", status="pending", **number),
        ],
    }  # fmt: skip
    folder = write_dump(tmp_path / "dump", dump)
    code, said = moved_in(tmp_path, folder)
    assert code == 1, said
    assert "Traceback" not in said
    text = (folder / "dead-letters.jsonl").read_text(encoding="utf-8")
    assert number["rpps"] not in text + said
    told = [json.loads(line) for line in text.splitlines()]
    assert [(each["line"], each["id"], [r["field"] for r in each["reasons"]]) for each in told] == [
        (3, 3, ["rpps"]),
        (4, 4, ["rpps"]),
    ]
    assert told[0]["reasons"][0]["rule"].startswith("is the number of a doctor who is in already")
    # Who only claims it waits for an administrator, as after a registration.
    assert [each["id"] for each in read_dump(moved_out(tmp_path))["users"]] == [1, 2, 5]


def test_a_corrected_line_moves_in_at_the_next_run(tmp_path: Path) -> None:
    dump = many(3)
    dump["users"][1]["email"] = "nobody"
    folder = write_dump(tmp_path / "dump", dump)
    assert moved_in(tmp_path, folder)[0] == 1
    assert len((folder / "dead-letters.jsonl").read_text().splitlines()) == 5
    mended = write_dump(tmp_path / "mended", many(3))
    code, said = moved_in(tmp_path, mended)
    assert code == 0, said
    assert "5 lines in" in said
    assert read_dump(moved_out(tmp_path)) == in_order(many(3))


@pytest.mark.parametrize("name", ["users.json", "patients.jsonl", None])
def test_a_folder_that_is_no_dump_is_refused_with_what_one_is(tmp_path: Path, name: str | None) -> None:
    dump = tmp_path / "dump"
    dump.mkdir()
    if name:
        (dump / name).write_text("{}\n")
    code, said = moved_in(tmp_path, dump)
    assert code == 2
    assert "medical_records.jsonl" in said
