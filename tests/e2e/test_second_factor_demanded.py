"""A server where doctors reach data by two factors only, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pyotp
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.clinic import Clinic, bearer, clinic_in
from tests.fakes.visitor import Pkce, Visitor, answered

USER = "openid fhirUser user/Patient.rs"
MULTIPLE = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with clinic_in(tmp_path_factory.mktemp("sure"), FHIR_SERVER_SECOND_FACTOR="doctor") as clinic:
        yield clinic


def signed(clinic: Clinic, email: str, **more: str) -> dict[str, Any]:
    answer = clinic.http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def authenticator(clinic: Clinic, who: dict[str, str]) -> list[str]:
    """Give an account an authenticator; return its recovery codes."""
    begun = clinic.http.post("/api/v1/auth/totp", json={"password": PASSWORD}, headers=who).json()["data"]
    code = {"code": pyotp.TOTP(begun["secret"]).now()}
    return list(clinic.http.post("/api/v1/auth/totp/confirm", json=code, headers=who).json()["data"]["recovery_codes"])


def is_told(answer: httpx.Response) -> None:
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert f'acr_values="{MULTIPLE}"' in challenge
    assert "second factor" in answer.text


def test_one_factor_opens_nothing_but_the_way_to_two(clinic: Clinic) -> None:
    email = clinic.doctor()
    weak = signed(clinic, email)
    one = bearer(weak["tokens"]["access_token"])
    for path in ("/fhir/Patient", "/fhir/Practitioner", "/api/v1/me", "/api/v1/medical_records"):
        is_told(clinic.http.get(path, headers=one))
    for path in ("/api/v1/socket/ticket", "/auth/launch", "/api/v1/auth/break-glass"):
        assert clinic.http.post(path, json={}, headers=one).status_code in (401, 422)
    form = {"refresh_token": weak["tokens"]["refresh_token"]}
    again = clinic.http.post("/api/v1/auth/refresh", json=form).json()["data"]
    is_told(clinic.http.get("/fhir/Patient", headers=bearer(again["access_token"])))

    codes = authenticator(clinic, one)
    is_told(clinic.http.get("/fhir/Patient", headers=one))
    # Whoever has the password alone does not get a second factor of their own by it, nor the first one away.
    is_told(clinic.http.post("/api/v1/auth/passkeys/begin", headers=one))
    is_told(clinic.http.post("/api/v1/auth/totp", json={"password": PASSWORD}, headers=one))
    is_told(clinic.http.post("/api/v1/auth/totp/remove", json={"password": PASSWORD}, headers=one))
    is_told(clinic.http.delete("/api/v1/auth/passkeys/any", headers=one))
    two = bearer(signed(clinic, email, code=codes[0])["tokens"]["access_token"])
    for path in ("/fhir/Patient", "/fhir/Practitioner", "/api/v1/me", "/api/v1/medical_records"):
        assert clinic.http.get(path, headers=two).status_code == 200
    # A token alone adds none either.
    for proof, status in (({}, 401), ({"json": {"password": "another"}}, 401), ({"json": {"password": PASSWORD}}, 200)):
        assert clinic.http.post("/api/v1/auth/passkeys/begin", headers=two, **proof).status_code == status


def test_an_administrator_helps_who_has_lost_the_second_factor(clinic: Clinic) -> None:
    email = clinic.doctor()
    id = signed(clinic, email)["user"]["id"]
    one = clinic.login(email)
    assert authenticator(clinic, one)
    assert clinic.http.post(f"/admin/users/{id}/forget-factors", headers=one).status_code == 401
    helped = clinic.http.post(f"/admin/users/{id}/forget-factors", headers=clinic.admin)
    assert helped.status_code == 200, helped.text
    again = clinic.login(email)
    is_told(clinic.http.get("/fhir/Patient", headers=again))
    assert clinic.http.post("/api/v1/auth/totp", json={"password": PASSWORD}, headers=again).status_code == 201


def test_whose_role_is_not_named_goes_on_with_one(clinic: Clinic) -> None:
    one = clinic.login(clinic.patient())
    assert clinic.http.get("/fhir/Patient", headers=one).status_code == 200
    assert clinic.http.get("/admin/users", headers=clinic.admin).status_code == 200


def test_no_app_gets_by_one_factor_what_a_session_does_not(clinic: Clinic) -> None:
    app, pkce, email = clinic.app(), Pkce(), clinic.doctor()
    with Visitor(clinic.root, email) as visitor:
        page = visitor.open(clinic.authorization(app, pkce, scope=USER))
        told = answered(visitor.submit(page, "/login", email=email, password=PASSWORD))
    assert told["error"] == "unmet_authentication_requirements"
    assert "code" not in told


def test_an_app_asks_for_a_second_factor_of_whose_role_needs_none(clinic: Clinic) -> None:
    described = clinic.http.get("/fhir/.well-known/openid-configuration").json()
    assert described["acr_values_supported"] == [MULTIPLE]
    app, email = clinic.app(), clinic.patient()
    with Visitor(clinic.root, email) as visitor:
        claims: list[dict[str, Any]] = []
        codes: list[str] = []
        for asked in (None, MULTIPLE, MULTIPLE):
            pkce = Pkce()
            page = visitor.open(clinic.authorization(app, pkce, scope=USER, acr_values=asked))
            if "/login" in page.text:
                page = visitor.submit(page, "/login", email=email, password=PASSWORD)
            if 'name="code"' in page.text:
                page = visitor.submit(page, "/login", password=PASSWORD, code=codes.pop())
            given = answered(visitor.submit(page, "/decision", decision="allow"))
            tokens = clinic.exchange(app, given["code"], pkce).json()
            claims.append(jwt.decode(tokens["id_token"], options={"verify_signature": False}))
            if len(claims) == 2:
                codes = authenticator(clinic, clinic.login(email))
    assert [each.get("acr") for each in claims] == [None, None, MULTIPLE]
    assert [each["amr"] for each in claims] == [["pwd"], ["pwd"], ["pwd", "kba", "mfa"]]
    told = clinic.http.post("/auth/introspect", data={"token": tokens["access_token"]}, headers=clinic.admin).json()
    assert (told["acr"], told["auth_time"]) == (MULTIPLE, claims[2]["auth_time"])
