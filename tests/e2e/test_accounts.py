"""Accounts over real HTTP: a server in required mode, from registration to sign-out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.brought import others
from tests.fakes.command import Running, fhir_server
from tests.fakes.mailbox import Mailbox, mailbox

ADMIN = "root@clinic.example"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    """The mail server that the server hands its letters to."""
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Mailbox) -> Iterator[Running]:
    """A server with an administrator, on a store of its own."""
    folder = Path(tmp_path_factory.mktemp("accounts"))
    store = f"sqlite:///{folder}/fhir.db"
    added = fhir_server(
        *("user", "add", ADMIN, "--role", "admin", "--store", store), folder=folder, FHIR_USER_PASSWORD=PASSWORD
    )
    assert (added.returncode, added.stderr) == (0, "")
    settings = {
        "FHIR_SERVER_CORS_ORIGINS": "https://app.example",
        "FHIR_SERVER_APP_URL": "https://app.example",
        "FHIR_SERVER_RATE_FACTOR": "1000",
        "FHIR_SERVER_SMTP_HOST": "127.0.0.1",
        "FHIR_SERVER_SMTP_PORT": str(box.port),
        "FHIR_SERVER_SMTP_SECURITY": "none",
    }
    with Running(["serve", "--port", "0", "--store", store], folder, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.root, timeout=30) as client:
        yield client


def register(http: httpx.Client, email: str, role: str = "patient", **more: Any) -> dict[str, Any]:
    """Register, and return what `data` has."""
    user = {"email": email, "password": PASSWORD, "role": role, **more}
    answer = http.post("/api/v1/auth/register", json={"user": user})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


def login(http: httpx.Client, email: str) -> dict[str, Any]:
    answer = http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def bearer(data: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {data['tokens']['access_token']}"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "Patient"),
        ("GET", "Patient/1"),
        ("GET", "Patient/1/_history/1"),
        ("GET", "_history"),
        ("POST", "Patient"),
        ("POST", "Patient/_search"),
        ("PUT", "Patient/1"),
        ("PATCH", "Patient/1"),
        ("DELETE", "Patient/1"),
        ("POST", ""),
        ("GET", "Patient/1/Observation"),
        ("GET", "ValueSet/$expand"),
        ("POST", "$reindex"),
        ("GET", "nothing/like/this"),
    ],
)
def test_without_a_token_there_is_nothing(http: httpx.Client, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic cm9vdDpyb290"}):
        answer = http.request(method, f"/fhir/{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert answer.json()["issue"][0]["code"] == "login"


def test_what_the_server_can_do_is_open_to_all(http: httpx.Client) -> None:
    assert http.get("/fhir/metadata").json()["resourceType"] == "CapabilityStatement"
    assert http.get("/health").status_code == 200


def test_a_patient_registers_reads_the_own_record_and_leaves(http: httpx.Client) -> None:
    data = register(http, "Marie@Curie.example")
    user, tokens = data["user"], data["tokens"]
    assert user.keys() == {"id", "email", "role", "status", "confirmed_at", "inserted_at"}
    assert (user["email"], user["role"], user["status"]) == ("marie@curie.example", "patient", "active")
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    mine = bearer(data)
    assert http.get(f"/fhir/Patient/{user['id']}", headers=mine).json()["id"] == user["id"]
    assert http.get("/fhir/Consent", headers=mine).json()["total"] == 2
    assert http.get("/api/v1/me", headers=mine).json()["data"]["id"] == user["id"]
    other = register(http, "pierre@curie.example")
    assert http.get(f"/fhir/Patient/{other['user']['id']}", headers=mine).status_code == 404
    assert http.get("/fhir/Patient", headers=mine).json()["total"] == 1
    assert http.post("/api/v1/auth/logout", headers=mine).status_code == 200
    # The very next request.
    assert http.get(f"/fhir/Patient/{user['id']}", headers=mine).status_code == 401
    assert http.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 401


def test_the_presented_refresh_token_stays_unless_rotation_is_asked_for(http: httpx.Client) -> None:
    register(http, "ref@resh.example")
    data = login(http, "ref@resh.example")
    asked = {"refresh_token": data["tokens"]["refresh_token"]}
    for _ in range(2):
        again = http.post("/api/v1/auth/refresh", json=asked).json()["data"]
        assert again.keys() == {"access_token", "user", "token_type", "expires_in"}
        assert again["user"] == data["user"]
        assert http.get("/api/v1/me", headers={"Authorization": f"Bearer {again['access_token']}"}).status_code == 200
    rotated = http.post("/api/v1/auth/refresh", json=asked | {"rotate": True}).json()["data"]
    assert rotated["refresh_token"] != asked["refresh_token"]
    for wrong in ("x", rotated["access_token"], ""):
        assert http.post("/api/v1/auth/refresh", json={"refresh_token": wrong}).status_code == 401


def test_errors_have_one_shape(http: httpx.Client) -> None:
    wrong = http.post("/api/v1/auth/login", json={"email": "no@body.example", "password": "x"})
    assert (wrong.status_code, wrong.json().keys()) == (401, {"error"})
    refused = http.post("/api/v1/auth/register", json={"user": {"email": "x", "password": "y", "role": "admin"}})
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"].keys() == {"role"}
    for body in ({}, {"user": 5}, {"user": {"email": 5}}, []):
        answer = http.post("/api/v1/auth/register", json=body)
        assert (answer.status_code, "fields" in answer.json()["error"]) == (422, True)
    for content in (b"{", b"[" * 100_000, b"\xff\xfe", b""):
        answer = http.post("/api/v1/auth/login", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.json()["error"]["message"]
    assert http.post("/api/v1/auth/login", content=b"x" * 2_000_000).status_code == 413
    assert "/fhir/metadata" in http.get("/api/v1/nothing").json()["error"]["message"]
    assert http.get("/api/v1/me").headers["www-authenticate"] == "Bearer"


def test_a_wrong_password_and_no_account_are_answered_alike(http: httpx.Client) -> None:
    register(http, "known@clinic.example")
    answers = [
        http.post("/api/v1/auth/login", json={"email": email, "password": "wrong wrong wrong"})
        for email in ("known@clinic.example", "unknown@clinic.example")
    ]
    assert len({(each.status_code, each.content) for each in answers}) == 1
    names = [sorted(set(each.headers) - {"date", "x-request-id"}) for each in answers]
    assert names[0] == names[1]


def test_roles_are_not_taken_but_given(http: httpx.Client) -> None:
    for more in ({"status": "active", "role": "doctor"}, {"role": "patient", "admin": True, "is_admin": 1}):
        data = register(http, f"mass{len(more)}@clinic.example", **{"role": "patient", **more})
        assert data["user"]["status"] == ("pending" if more["role"] == "doctor" else "active")
        assert http.get("/admin/users", headers=bearer(data)).status_code == 403
    assert http.get("/admin/users").status_code == 401


def test_a_doctor_sees_no_patient_before_and_after_confirmation_by_an_administrator(http: httpx.Client) -> None:
    patient = register(http, "seen@clinic.example")
    data = register(http, "doc@clinic.example", "doctor", rpps="10101201234")
    id = data["user"]["id"]
    assert data["user"]["status"] == "pending"
    assert http.get(f"/fhir/Practitioner/{id}", headers=bearer(data)).json()["active"] is False
    admin = bearer(login(http, ADMIN))
    for who in (bearer(data), admin):
        for path in (f"Patient/{patient['user']['id']}", "Patient", "Consent"):
            assert http.get(f"/fhir/{path}", headers=who).status_code == 403
    everything = http.get("/fhir?_count=1000", headers=admin).json()["entry"]
    directory = {"Practitioner", "PractitionerRole"}
    assert {each["resourceType"] for each in others(each["resource"] for each in everything)} <= directory
    waiting = http.get("/admin/users?role=doctor&status=pending", headers=admin).json()["data"]
    assert id in [each["id"] for each in waiting]
    for wrong in ("role=nurse", "status=closed"):
        refused = http.get(f"/admin/users?{wrong}", headers=admin)
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [wrong.partition("=")[0]])
    confirmed = http.post(f"/admin/users/{id}/confirm", headers=admin)
    assert confirmed.json()["data"]["status"] == "active"
    assert http.post(f"/admin/users/{id}/confirm", headers=admin).status_code == 409
    assert http.get(f"/fhir/Practitioner/{id}", headers=bearer(data)).json()["active"] is True
    assert http.get(f"/fhir/Patient/{patient['user']['id']}", headers=bearer(data)).status_code == 404


def test_an_administrator_disables_an_account_at_once_and_enables_it_again(http: httpx.Client) -> None:
    data = register(http, "bye@clinic.example")
    admin = bearer(login(http, ADMIN))
    assert http.get("/api/v1/me", headers=bearer(data)).status_code == 200
    assert http.post(f"/admin/users/{data['user']['id']}/disable", headers=admin).json()["data"]["status"] == "disabled"
    assert http.get("/api/v1/me", headers=bearer(data)).status_code == 401
    assert http.post("/admin/users/nobody/disable", headers=admin).status_code == 404
    enabling = f"/admin/users/{data['user']['id']}/enable"
    assert http.post(enabling, headers=bearer(register(http, "other@clinic.example"))).status_code == 403
    assert http.post(enabling, headers=admin).json()["data"]["status"] == "active"
    assert http.post(enabling, headers=admin).status_code == 409
    assert http.get("/api/v1/me", headers=bearer(data)).status_code == 401
    assert http.get("/api/v1/me", headers=bearer(login(http, "bye@clinic.example"))).status_code == 200


def test_sessions_are_listed_and_ended(http: httpx.Client) -> None:
    register(http, "two@clinic.example")
    here, there = (bearer(login(http, "two@clinic.example")) for _ in range(2))
    listed = http.get("/api/v1/auth/sessions", headers=here).json()["data"]
    assert len(listed) == 3
    assert sum(each["current"] for each in listed) == 1
    other = http.get("/api/v1/auth/sessions", headers=there).json()["data"]
    id = next(each["id"] for each in other if each["current"])
    assert http.delete(f"/api/v1/auth/sessions/{id}", headers=here).status_code == 204
    assert http.get("/api/v1/me", headers=there).status_code == 401
    assert http.delete("/api/v1/auth/sessions/nothing", headers=here).status_code == 404


def test_a_foreign_page_cannot_sign_anybody_in_and_a_listed_one_can(http: httpx.Client) -> None:
    credentials = {"email": ADMIN, "password": PASSWORD}
    evil = http.post("/api/v1/auth/login", json=credentials, headers={"Origin": "https://evil.example"})
    assert evil.status_code == 403
    assert "access-control-allow-origin" not in evil.headers
    listed = {"Origin": "https://app.example"}
    assert (
        http.post("/api/v1/auth/login", json=credentials, headers=listed).headers["access-control-allow-origin"]
        == "https://app.example"
    )
    asking = listed | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for path in ("/fhir/Patient", "/api/v1/me"):
        preflight = http.options(path, headers=asking)
        assert preflight.status_code == 204
        assert "authorization" in preflight.headers["access-control-allow-headers"]


def test_keys_rotate_without_anybody_noticing(http: httpx.Client) -> None:
    before = bearer(login(http, ADMIN))
    (first,) = http.get("/admin/keys", headers=before).json()["data"]
    assert http.post("/admin/keys/rotate", headers=before).status_code == 201
    keys = http.get("/admin/keys", headers=bearer(login(http, ADMIN))).json()["data"]
    assert next(each["kid"] for each in keys) == first["kid"]
    assert len(keys) == 2
    assert keys[0]["verifies_until"] is not None


def test_a_forgotten_password_is_set_by_the_code_of_a_letter(http: httpx.Client, box: Mailbox) -> None:
    data = register(http, "for@got.example")
    assert "#token=" in box.take("for@got.example")
    said = [
        http.post("/api/v1/auth/forgot_password", json={"email": email})
        for email in ("for@got.example", "nobody@got.example")
    ]
    assert len({(each.status_code, each.content) for each in said}) == 1
    assert said[0].status_code == 200
    letter = box.take("for@got.example")
    code = letter.partition("https://app.example/reset-password#token=")[2].split()[0]
    fresh = {"token": code, "password": "mélèze ouragan 77 citron"}
    assert http.post("/api/v1/auth/reset_password", json=fresh).status_code == 200
    assert http.get("/api/v1/me", headers=bearer(data)).status_code == 401
    assert http.post("/api/v1/auth/reset_password", json=fresh).json()["error"]["fields"].keys() == {"token"}
    again = http.post("/api/v1/auth/login", json={"email": "for@got.example", "password": fresh["password"]})
    assert again.json()["data"]["user"]["confirmed_at"] is not None
    assert "mot de passe" in box.take("for@got.example")


def test_an_address_is_confirmed_and_a_password_changed(http: httpx.Client, box: Mailbox) -> None:
    data = register(http, "con@firm.example", locale="en")
    code = box.take("con@firm.example").partition("#token=")[2].split()[0]
    assert http.post("/api/v1/auth/verify_email", json={"token": code}).json()["data"]["confirmed_at"] is not None
    assert http.get("/api/v1/me", headers=bearer(data)).json()["data"]["confirmed_at"] is not None
    change = {"password": "wrong", "new_password": "mélèze ouragan 77 citron"}
    assert http.post("/api/v1/auth/change_password", json=change, headers=bearer(data)).status_code == 401
    change["password"] = PASSWORD
    assert http.post("/api/v1/auth/change_password", json=change, headers=bearer(data)).status_code == 200
    assert http.get("/api/v1/me", headers=bearer(data)).status_code == 200
    assert http.post("/api/v1/auth/login", json={"email": "con@firm.example", "password": PASSWORD}).status_code == 401


def test_a_second_factor_is_asked_for_once_it_is_confirmed(http: httpx.Client) -> None:
    data = register(http, "two@factor.example")
    mine = bearer(data)
    assert http.post("/api/v1/auth/totp", json={"password": "wrong"}, headers=mine).status_code == 401
    begun = http.post("/api/v1/auth/totp", json={"password": PASSWORD}, headers=mine).json()["data"]
    now = pyotp.TOTP(begun["secret"])
    codes = http.post("/api/v1/auth/totp/confirm", json={"code": now.now()}, headers=mine).json()["data"]
    due = http.post("/api/v1/auth/login", json={"email": "two@factor.example", "password": PASSWORD})
    assert (due.status_code, due.json()["error"]["methods"]) == (401, ["totp", "recovery"])
    with_code = {"email": "two@factor.example", "password": PASSWORD, "code": codes["recovery_codes"][0]}
    assert http.post("/api/v1/auth/login", json=with_code).status_code == 200
    assert http.post("/api/v1/auth/login", json=with_code).status_code == 401
    assert http.get("/api/v1/me", headers=mine).json()["data"]["second_factor"] is True
    assert http.post("/api/v1/auth/totp/remove", json={"password": PASSWORD}, headers=mine).status_code == 200
    login(http, "two@factor.example")


def test_the_person_behind_the_account_is_shown_and_changed(http: httpx.Client) -> None:
    data = register(http, "me@person.example")
    mine, id = bearer(data), data["user"]["id"]
    wanted = {
        "name": "Zoé Martin",
        "phone": "+33 1 99 00 00 99",
        "birth_date": "1985-05-14",
        "locale": "en",
    }
    risen = http.put("/api/v1/me", json=wanted | {"role": "admin"}, headers=mine)
    assert (risen.status_code, [*risen.json()["error"]["fields"]]) == (422, ["role"])
    for strange in ({"user": wanted}, wanted | {"nom": "Marie"}):
        assert http.put("/api/v1/me", json=strange, headers=mine).status_code == 422
    changed = http.put("/api/v1/me", json=wanted, headers=mine).json()["data"]
    assert {name: changed[name] for name in (*wanted, "role")} == wanted | {"role": "patient"}
    patient = http.get(f"/fhir/Patient/{id}", headers=mine).json()
    assert (patient["name"], patient["birthDate"]) == ([{"text": "Zoé Martin"}], "1985-05-14")
    assert [each["value"] for each in patient["telecom"]] == ["me@person.example", "+33 1 99 00 00 99"]
    assert patient["meta"]["versionId"] == "2"
    assert http.put("/api/v1/me", json={"phone": None}, headers=mine).json()["data"]["phone"] is None
    refused = http.put("/api/v1/me", json={"name": "\u0000", "birth_date": "soon", "locale": "tlh"}, headers=mine)
    assert refused.json()["error"]["fields"].keys() == {"name", "birth_date", "locale"}
    for proof in ({}, {"json": {"password": "wrong"}}):
        stays = http.request("DELETE", "/api/v1/me", headers=mine, **proof)
        assert (stays.status_code, "password" in stays.json()["error"]["message"]) == (401, True)
    assert http.request("DELETE", "/api/v1/me", headers=mine, json={}).json()["error"]["fields"].keys() == {"password"}
    assert http.get("/api/v1/me", headers=mine).status_code == 200
    left = http.request("DELETE", "/api/v1/me", headers=mine, json={"password": PASSWORD})
    assert (left.status_code, "article 17" in left.json()["data"]["message"]) == (200, True)
    assert http.get("/api/v1/me", headers=mine).status_code == 401
    assert http.post("/api/v1/auth/login", json={"email": "me@person.example", "password": PASSWORD}).status_code == 401


def test_the_commands_refuse_while_the_server_holds_the_store(server: Running, tmp_path: Path) -> None:
    store = next(line.split()[-1] for line in server.said.splitlines() if line.startswith("Store"))
    for words in (("user", "list"), ("keys", "rotate")):
        asked = fhir_server(*words, "--store", store, folder=tmp_path)
        assert asked.returncode == 1
        assert "open for writing in another process" in asked.stderr


def events(http: httpx.Client, who: dict[str, str], query: str = "") -> list[dict[str, Any]]:
    answer = http.get(f"/fhir/AuditEvent?_count=1000{query}", headers=who)
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def test_a_patient_sees_who_opened_the_own_record_and_nothing_of_others(http: httpx.Client) -> None:
    ada, bea = register(http, "ada@audit.example"), register(http, "bea@audit.example")
    doctor = register(http, "dan@audit.example", "doctor", rpps_number="10101010101")
    mine, yours = ada["user"]["id"], bea["user"]["id"]
    # Two who may not look at the record of ada have tried.
    for other in (bea, doctor):
        assert http.get(f"/fhir/Patient/{mine}", headers=bearer(other)).status_code in (403, 404)
    assert http.get(f"/fhir/Patient/{mine}", headers=bearer(ada)).status_code == 200
    seen = events(http, bearer(ada))
    said = [(each["outcome"], each["agent"][-1]["who"].get("reference")) for each in seen if each["action"] == "R"]
    assert said[:3] == [
        ("0", f"Patient/{mine}"),
        ("4", f"Practitioner/{doctor['user']['id']}"),
        ("4", f"Patient/{yours}"),
    ]
    patients = {e["what"]["reference"] for each in seen for e in each.get("entity", ()) if e["type"]["code"] == "1"}
    assert f"Patient/{mine}" in patients
    assert patients <= {f"Patient/{mine}"}
    # The events of bea are not there for ada: neither found nor read nor counted.
    for event in events(http, bearer(bea)):
        named = {e["what"].get("reference") for e in event.get("entity", ()) if "what" in e}
        if f"Patient/{mine}" not in named:
            assert http.get(f"/fhir/AuditEvent/{event['id']}", headers=bearer(ada)).status_code == 404
    counted = http.get(f"/fhir/AuditEvent?patient={yours}&_summary=count", headers=bearer(ada)).json()
    about_me = [each for each in seen if f"Patient/{yours}" in str(each["agent"])]
    assert counted["total"] == len(about_me)
    assert http.get("/fhir/AuditEvent", headers=bearer(doctor)).status_code == 403
    admin = bearer(login(http, ADMIN))
    everything = events(http, admin)
    assert {each["id"] for each in seen} < {each["id"] for each in everything}
    assert {"110122", "read"} <= {each["subtype"][0]["code"] for each in everything if "subtype" in each}
    assert events(http, admin, f"&patient={mine}&action=R&outcome=4")


def test_who_comes_without_a_token_is_in_the_trail(http: httpx.Client) -> None:
    admin = bearer(login(http, ADMIN))
    refused = {"X-Request-Id": "without-a-token"}
    assert http.get("/fhir/Patient/1", headers=refused).status_code == 401
    (event,) = [
        each
        for each in events(http, admin, "&outcome=4")
        if each["entity"][0]["what"]["identifier"]["value"] == "without-a-token"
    ]
    assert event["outcomeDesc"] == "HTTP 401"
    assert event["agent"][0]["network"]["address"] == "127.0.0.1"
