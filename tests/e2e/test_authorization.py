"""Authorization over real HTTP with real tokens: from booking to break-glass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server

ADMIN = "root@clinic.example"
HL7 = "http://terminology.hl7.org/CodeSystem"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = Path(tmp_path_factory.mktemp("authorization"))
    store = f"sqlite:///{folder}/fhir.db"
    added = fhir_server(
        *("user", "add", ADMIN, "--role", "admin", "--store", store), folder=folder, FHIR_USER_PASSWORD=PASSWORD
    )
    assert added.returncode == 0
    with (
        Running(["serve", "--port", "0", "--store", store], folder, FHIR_SERVER_RATE_FACTOR="1000") as running,
        httpx.Client(base_url=running.root, timeout=30) as client,
    ):
        yield client


class Person:
    """Somebody who has signed in."""

    def __init__(self, http: httpx.Client, data: Json) -> None:
        self._http = http
        self.id = data["user"]["id"]
        self.token = data["tokens"]["access_token"]

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        if path.startswith("/"):
            return self._http.request(method, path, json=body, headers=headers)
        kind = "application/json-patch+json" if isinstance(body, list) else "application/fhir+json"
        return self._http.request(method, f"/fhir/{path}", json=body, headers=headers | {"Content-Type": kind})


def register(http: httpx.Client, email: str, role: str = "patient", **more: str) -> Person:
    user = {"email": email, "password": PASSWORD, "role": role, **more}
    return Person(http, http.post("/api/v1/auth/register", json={"user": user}).json()["data"])


@pytest.fixture(scope="module")
def admin(http: httpx.Client) -> Person:
    signed = http.post("/api/v1/auth/login", json={"email": ADMIN, "password": PASSWORD})
    return Person(http, signed.json()["data"])


@pytest.fixture(scope="module")
def doctor(http: httpx.Client, admin: Person) -> Person:
    found = register(http, "doc@clinic.example", "doctor", rpps="10101201234")
    assert admin.ask("POST", f"/admin/users/{found.id}/confirm").status_code == 200
    return found


def observation(patient: Person) -> Json:
    subject = {"reference": f"Patient/{patient.id}"}
    return {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}, "subject": subject}


def appointment(*who: str) -> Json:
    taking = [{"actor": {"reference": each}, "status": "accepted"} for each in who]
    return {"resourceType": "Appointment", "status": "proposed", "participant": taking}


def test_a_booking_opens_the_record_at_once_and_cancelling_closes_it(
    http: httpx.Client, doctor: Person, admin: Person
) -> None:
    patient, other = register(http, "a@clinic.example"), register(http, "b@clinic.example")
    made = patient.ask("POST", "Observation", observation(patient))
    assert made.status_code == 201
    path = f"Observation/{made.json()['id']}"
    assert doctor.ask("GET", path).status_code == 404
    booked = patient.ask("POST", "Appointment", appointment(f"Patient/{patient.id}", f"Practitioner/{doctor.id}"))
    assert booked.status_code == 201, booked.text
    assert doctor.ask("GET", path).status_code == 200
    assert doctor.ask("GET", f"Observation?patient={patient.id}").json()["total"] == 1
    for who in (other, admin):
        assert who.ask("GET", path).status_code in (403, 404)
    assert other.ask("GET", "Observation").json()["total"] == 0
    cancelled = booked.json() | {"status": "cancelled"}
    assert patient.ask("PUT", f"Appointment/{booked.json()['id']}", cancelled).status_code == 200
    assert doctor.ask("GET", path).status_code == 404


def test_a_doctor_grants_nothing_to_themselves(http: httpx.Client, doctor: Person) -> None:
    patient = register(http, "c@clinic.example")
    subject = {"reference": f"Patient/{patient.id}"}
    member = [{"member": {"reference": f"Practitioner/{doctor.id}"}}]
    team = {"resourceType": "CareTeam", "status": "active", "subject": subject, "participant": member}
    for resource in (team, appointment(f"Patient/{patient.id}", f"Practitioner/{doctor.id}"), observation(patient)):
        type = resource["resourceType"]
        assert doctor.ask("POST", type, resource).status_code == 403
        assert doctor.ask("PUT", f"{type}/mine", resource | {"id": "mine"}).status_code == 405
        inside = {"resource": resource, "request": {"method": "POST", "url": type}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [inside]}
        assert doctor.ask("POST", "", bundle).status_code == 403
    assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 404


def test_the_glass_is_broken_with_a_reason_for_one_patient_and_the_patient_is_told(
    http: httpx.Client, doctor: Person
) -> None:
    patient, other = register(http, "d@clinic.example"), register(http, "e@clinic.example")
    where = "/api/v1/auth/break-glass"
    asked = {"patient": patient.id, "reason": "unconscious in the emergency room", "password": PASSWORD}
    assert patient.ask("POST", where, asked).status_code == 403
    assert doctor.ask("POST", where, asked | {"password": "another-password"}).status_code == 401
    for wrong in ({"reason": "no"}, {"seconds": 3601}, {"seconds": 0}, {"patient": "no id!"}):
        assert doctor.ask("POST", where, asked | wrong).status_code == 422
    assert doctor.ask("POST", where, asked | {"patient": "nobody"}).status_code == 404
    broken = doctor.ask("POST", where, asked)
    assert broken.status_code == 201, broken.text
    data = broken.json()["data"]
    assert (data["purpose"], data["patient"], data["expires_in"]) == ("BTG", patient.id, 3600)
    token = data["access_token"]
    assert doctor.ask("GET", f"Patient/{patient.id}", token=token).status_code == 200
    assert doctor.ask("GET", f"Patient/{other.id}", token=token).status_code == 404
    assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 404
    assert doctor.ask("DELETE", f"Patient/{patient.id}", token=token).status_code == 403
    (told,) = patient.ask("GET", "Communication").json()["entry"]
    assert "unconscious" in told["resource"]["payload"][0]["contentString"]
    assert told["resource"]["sender"]["reference"] == f"Practitioner/{doctor.id}"


def test_a_token_of_break_glass_opens_a_record_and_nothing_of_the_account(
    http: httpx.Client, admin: Person, doctor: Person
) -> None:
    patient = register(http, "m@clinic.example")
    asked = {"patient": patient.id, "reason": "unconscious in the emergency room", "password": PASSWORD}
    for who in (doctor, admin):
        token = who.ask("POST", "/api/v1/auth/break-glass", asked).json()["data"]["access_token"]
        account: list[tuple[str, str, Any]] = [
            ("GET", "/api/v1/me", None),
            ("PUT", "/api/v1/me", {"name": "Eve"}),
            ("DELETE", "/api/v1/me", None),
            ("GET", "/api/v1/auth/sessions", None),
            ("POST", "/api/v1/auth/totp", {"password": PASSWORD}),
            ("POST", "/api/v1/auth/change_password", {"password": PASSWORD, "new_password": "violet anchor tulip 43"}),
            ("GET", "/api/v1/auth/passkeys", None),
            ("POST", "/api/v1/socket/ticket", None),
            ("POST", "/auth/launch", {"client_id": "x", "patient": patient.id}),
            ("GET", "/admin/users", None),
            ("POST", f"/admin/users/{doctor.id}/disable", None),
            ("GET", "/admin/clients", None),
            ("POST", "/api/v1/auth/break-glass", asked),
        ]
        for method, path, body in account:
            refused = who.ask(method, path, body, token=token)
            assert (refused.status_code, method, path) == (403, method, path)
        assert who.ask("GET", f"Patient/{patient.id}", token=token).status_code == 200
        if who is doctor:
            records = f"/api/v1/medical_records?patient_id={patient.id}"
            assert who.ask("GET", records, token=token).status_code == 200
        assert who.ask("POST", "/api/v1/auth/logout", token=token).status_code == 200
        assert who.ask("GET", f"Patient/{patient.id}", token=token).status_code == 401
        assert who.ask("GET", "/api/v1/me").status_code == 200


def test_an_administrator_reads_a_record_by_break_glass_and_writes_nothing(http: httpx.Client, admin: Person) -> None:
    patient, other = register(http, "k@clinic.example"), register(http, "l@clinic.example")
    asked = {"patient": patient.id, "reason": "a complaint about what is written", "password": PASSWORD}
    assert admin.ask("GET", f"Patient/{patient.id}").status_code == 403
    broken = admin.ask("POST", "/api/v1/auth/break-glass", asked)
    assert broken.status_code == 201, broken.text
    token = broken.json()["data"]["access_token"]
    found = admin.ask("GET", f"Patient/{patient.id}", token=token)
    assert found.status_code == 200
    assert admin.ask("PUT", f"Patient/{patient.id}", found.json(), token=token).status_code == 403
    assert admin.ask("GET", f"Patient/{other.id}", token=token).status_code == 404
    (told,) = (each["resource"] for each in patient.ask("GET", "Communication").json()["entry"])
    assert "complaint" in told["payload"][0]["contentString"]
    assert f"Person/{admin.id}" in told["sender"]["display"]


def test_who_has_broken_the_glass_waits_for_an_administrator_to_look(
    http: httpx.Client, doctor: Person, admin: Person
) -> None:
    patient = register(http, "i@clinic.example")
    reason = "unconscious in the waiting room"
    asked = {"patient": patient.id, "reason": reason, "password": PASSWORD}
    assert doctor.ask("POST", "/api/v1/auth/break-glass", asked).status_code == 201

    def waiting() -> list[Json]:
        queue = admin.ask("GET", "/admin/break-glass?waiting=true").json()["data"]
        return [each for each in queue if each["patient"] == f"Patient/{patient.id}"]

    (found,) = waiting()
    assert (found["by"], found["reason"], found["reviewer"]) == (f"Practitioner/{doctor.id}", reason, None)
    look = f"/admin/break-glass/{found['id']}/review"
    assert doctor.ask("POST", look).status_code == doctor.ask("GET", "/admin/break-glass").status_code == 403
    seen = admin.ask("POST", look)
    assert (seen.status_code, seen.json()["data"]["reviewer"]) == (200, f"Person/{admin.id}")
    assert admin.ask("POST", look).status_code == 409
    assert admin.ask("POST", "/admin/break-glass/none/review").status_code == 404
    assert waiting() == []
    assert found["id"] in [each["id"] for each in admin.ask("GET", "/admin/break-glass").json()["data"]]


def test_an_objection_is_the_patients_and_care_goes_on(http: httpx.Client, doctor: Person) -> None:
    patient = register(http, "f@clinic.example")
    patient.ask("POST", "Appointment", appointment(f"Patient/{patient.id}", f"Practitioner/{doctor.id}"))
    found = [each["resource"] for each in patient.ask("GET", "Consent").json()["entry"]]
    kinds = {each["category"][1]["coding"][0]["code"]: each for each in found}
    for kind, sees in (("data_processing", 200), ("telemedicine_usage", 404)):
        assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 200
        revoked = kinds[kind] | {"status": "inactive"}
        assert patient.ask("PUT", f"Consent/{revoked['id']}", revoked).status_code == 200
        assert doctor.ask("GET", f"Patient/{patient.id}").status_code == sees


def test_whoever_objects_is_told_what_the_law_keeps(http: httpx.Client) -> None:
    patient = register(http, "g@clinic.example")
    found = [each["resource"] for each in patient.ask("GET", "Consent").json()["entry"]]
    (given,) = (each for each in found if each["category"][1]["coding"][0]["code"] == "data_processing")
    headers = {"Authorization": f"Bearer {patient.token}", "Prefer": "return=OperationOutcome"}
    for status, told in (("inactive", True), ("active", False)):
        answer = http.put(f"/fhir/Consent/{given['id']}", json=given | {"status": status}, headers=headers)
        assert answer.status_code == 200
        assert ("GDPR article 9(2)(h)" in answer.text) is told


def test_what_is_refused_to_an_organization_is_refused_to_who_works_there(
    http: httpx.Client, doctor: Person, admin: Person
) -> None:
    patient = register(http, "h@clinic.example")
    employer = {"resourceType": "Organization", "id": "clinic", "name": "Clinic"}
    assert admin.ask("PUT", "Organization/clinic", employer).status_code == 201
    patient.ask("POST", "Appointment", appointment(f"Patient/{patient.id}", f"Practitioner/{doctor.id}"))
    assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 200
    clinic = {"reference": "Organization/clinic"}
    refusal = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"text": "refusal"}],
        "patient": {"reference": f"Patient/{patient.id}"},
        "policyRule": {"coding": [{"system": f"{HL7}/v3-ActCode", "code": "OPTOUT"}]},
        "provision": {"type": "deny", "actor": [{"role": {"text": "recipient"}, "reference": clinic}]},
    }
    assert patient.ask("POST", "Consent", refusal).status_code == 201
    assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 200
    role = doctor.ask("GET", f"PractitionerRole/{doctor.id}").json()
    assert doctor.ask("PUT", f"PractitionerRole/{doctor.id}", role | {"organization": clinic}).status_code == 200
    # The very next request knows, whose token was in use a moment ago; and no write of their own lets them out again.
    assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 404
    assert doctor.ask("PUT", f"PractitionerRole/{doctor.id}", role).status_code == 200
    assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 404
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": role, "request": {"method": "PUT", "url": f"PractitionerRole/{doctor.id}"}}],
    }
    assert admin.ask("POST", "", bundle).status_code == 200
    assert doctor.ask("GET", f"Patient/{patient.id}").status_code == 200


def test_a_refusal_with_an_exception_for_an_organization_is_not_left_by_ones_own_word(
    http: httpx.Client, admin: Person
) -> None:
    patient = register(http, "excepting@clinic.example")
    joining = register(http, "joining@clinic.example", "doctor", rpps="10101201242")
    assert admin.ask("POST", f"/admin/users/{joining.id}/confirm").status_code == 200
    hospital = {"reference": "Organization/hospital"}
    made = {"resourceType": "Organization", "id": "hospital", "name": "Hospital"}
    assert admin.ask("PUT", "Organization/hospital", made).status_code == 201
    patient.ask("POST", "Appointment", appointment(f"Patient/{patient.id}", f"Practitioner/{joining.id}"))
    assert joining.ask("GET", f"Patient/{patient.id}").status_code == 200
    exception = {"type": "permit", "actor": [{"role": {"text": "recipient"}, "reference": hospital}]}
    refusal = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"text": "only the hospital"}],
        "patient": {"reference": f"Patient/{patient.id}"},
        "policyRule": {"coding": [{"system": f"{HL7}/v3-ActCode", "code": "OPTOUT"}]},
        "provision": {"type": "deny", "provision": [exception]},
    }
    assert patient.ask("POST", "Consent", refusal).status_code == 201
    assert joining.ask("GET", f"Patient/{patient.id}").status_code == 404
    role = joining.ask("GET", f"PractitionerRole/{joining.id}").json() | {"organization": hospital}
    assert joining.ask("PUT", f"PractitionerRole/{joining.id}", role).status_code == 200
    another = {name: value for name, value in role.items() if name not in ("id", "meta")}
    assert joining.ask("POST", "PractitionerRole", another).status_code == 201
    assert joining.ask("GET", f"Patient/{patient.id}").status_code == 404
    assert admin.ask("PUT", f"PractitionerRole/{joining.id}", role).status_code == 200
    assert joining.ask("GET", f"Patient/{patient.id}").status_code == 200


def test_nobody_confirms_themselves_in_the_directory(http: httpx.Client, admin: Person, doctor: Person) -> None:
    register_of = "https://rpps.esante.gouv.fr"
    waiting = register(http, "waiting@clinic.example", "doctor", rpps="10101209999")
    for who, active in ((waiting, False), (doctor, True)):
        path = f"Practitioner/{who.id}"
        own = who.ask("GET", path).json()
        assert own["active"] is active
        claimed = [{"system": register_of, "value": "10101208888"}]
        for changed in (
            own | {"active": not active},
            {name: value for name, value in own.items() if name != "active"},
            own | {"identifier": claimed},
            own | {"identifier": [*own["identifier"], *claimed]},
            {name: value for name, value in own.items() if name != "identifier"},
        ):
            inside = {"resource": changed, "request": {"method": "PUT", "url": path}}
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [inside]}
            for answer in (who.ask("PUT", path, changed), who.ask("POST", "", bundle)):
                assert answer.status_code == 403, answer.text
                assert "Administrators" in answer.json()["issue"][0]["diagnostics"]
        patch = [{"op": "replace", "path": "/active", "value": not active}]
        assert who.ask("PATCH", path, patch).status_code == 403
        more = {"name": [{"family": "Curie"}], "identifier": [{"system": "urn:own", "value": "1"}, *own["identifier"]]}
        assert who.ask("PUT", path, own | more).status_code == 200
        assert admin.ask("PUT", path, own | {"active": not active, "identifier": claimed}).status_code == 200
        assert admin.ask("PUT", path, own).status_code == 200
    found = doctor.ask("GET", f"Practitioner?identifier={register_of}|10101208888").json()
    assert found["total"] == 0


def rewritings(who: Person, stored: Json, changed: Json) -> Iterator[httpx.Response]:
    """Yield the answers to every form of update of `stored` by `who`, one after the other."""
    type, id = stored["resourceType"], stored["id"]
    yield who.ask("PUT", f"{type}/{id}", changed)
    yield who.ask("PUT", f"{type}?_id={id}", changed)
    yield who.ask("PATCH", f"{type}/{id}", [{"op": "replace", "path": "/subject", "value": changed["subject"]}])
    yield who.ask("PATCH", f"{type}?_id={id}", [{"op": "replace", "path": "/subject", "value": changed["subject"]}])
    for url in (f"{type}/{id}", f"{type}?_id={id}"):
        inside = {"resource": changed, "request": {"method": "PUT", "url": url}}
        yield who.ask("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [inside]})


@pytest.mark.parametrize("type", ["Observation", "DocumentReference"])
def test_a_patient_changes_what_the_patient_wrote_and_not_what_a_doctor_did(
    http: httpx.Client, doctor: Person, type: str
) -> None:
    patient, other = (register(http, f"{each}-{type}@clinic.example".lower()) for each in ("m", "n"))
    patient.ask("POST", "Appointment", appointment(f"Patient/{patient.id}", f"Practitioner/{doctor.id}"))
    resource = observation(patient)
    if type == "DocumentReference":
        content = [{"attachment": {"title": "letter", "contentType": "text/plain", "data": "YQ=="}}]
        resource = {"resourceType": type, "status": "current", "subject": resource["subject"], "content": content}
    own, the_doctors = (who.ask("POST", type, resource).json() for who in (patient, doctor))
    for stored, answered in ((own, 200), (the_doctors, 403)):
        for answer in rewritings(patient, stored, stored | {"language": "fr"}):
            assert answer.status_code == answered, answer.text
        for answer in rewritings(patient, stored, stored | {"subject": {"reference": f"Patient/{other.id}"}}):
            assert answer.status_code == 403, answer.text
    assert doctor.ask("GET", f"{type}/{the_doctors['id']}").json() == the_doctors
    assert patient.ask("DELETE", f"{type}/{the_doctors['id']}").status_code == 403
    assert other.ask("GET", type).json()["total"] == 0
    # What a doctor amends is the doctor's from then on; the patient is told so, keeps the own words in the history, and
    # can say more in a resource of their own.
    amended = doctor.ask("PUT", f"{type}/{own['id']}", own | {"language": "de"}).json()
    for answer in rewritings(patient, own, own):
        assert answer.status_code == 403
        assert f"Somebody else wrote the current version of {type}/{own['id']}" in answer.text
    assert patient.ask("GET", f"{type}/{own['id']}").json() == amended
    assert patient.ask("GET", f"{type}/{own['id']}/_history/1").json() == own
    assert patient.ask("POST", type, resource).status_code == 201


def test_who_reads_a_message_does_not_become_its_author(http: httpx.Client, doctor: Person) -> None:
    patient = register(http, "o@clinic.example")
    subject = {"reference": f"Patient/{patient.id}"}
    patient.ask("POST", "Appointment", appointment(subject["reference"], f"Practitioner/{doctor.id}"))
    said = {"subject": subject, "recipient": [subject], "payload": [{"contentString": "Come fasting."}]}
    message = doctor.ask("POST", "Communication", {"resourceType": "Communication", "status": "completed"} | said)
    path = f"Communication/{message.json()['id']}"
    read = patient.ask("PUT", f"/api/v1/notifications/{message.json()['id']}/read")
    assert read.status_code == 200, read.text
    marked = patient.ask("GET", path).json()
    assert (marked["meta"]["versionId"], "received" in marked) == ("2", True)
    changed = marked | {"payload": [{"contentString": "Eat well."}]}
    assert patient.ask("PUT", path, changed).status_code == 403
