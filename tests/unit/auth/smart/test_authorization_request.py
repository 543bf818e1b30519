"""What an app may ask of a user, where the answer goes, and how a wrong request is told."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from auth.clients import Client
from auth.scopes import parse_scopes
from auth.smart.authorization_request import AuthorizationRequest, Return, client_id, judge, where
from auth.smart.errors import Refusal, Stray

BASE = "https://fhir.example/fhir"
CALLBACK = "https://app.example/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The challenge of RFC 7636, appendix B."""
ASKED = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "scope": "launch/patient openid fhirUser patient/Observation.rs",
    "state": "af0ifjsldkj-af0ifjsldkj",
    "aud": BASE,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def known(type: str, name: str) -> bool:
    return (type, name) == ("Observation", "category")


def app(scope: str = "launch launch/patient openid fhirUser offline_access patient/*.rs user/*.rs") -> Client:
    scopes, refused = parse_scopes(scope, known)
    assert refused == ()
    return Client("app", "App", "none", ("authorization_code",), (CALLBACK,), scopes=scopes)


def ask(client: Client | None = None, **changes: str | None) -> AuthorizationRequest:
    pairs = [(name, value) for name, value in {**ASKED, **changes}.items() if value is not None]
    used = client or app()
    return judge(pairs, used, where(pairs, used), BASE, known)


def test_a_whole_request_is_read() -> None:
    found = ask(nonce="n1", prompt="login consent", max_age="60", acr_values="gold  silver")
    assert (found.redirect_uri, found.state, found.challenge) == (CALLBACK, ASKED["state"], CHALLENGE)
    assert str(found.scopes) == "launch/patient openid fhirUser patient/Observation.rs"
    assert (found.nonce, found.launch, found.prompt, found.max_age) == ("n1", None, {"login", "consent"}, 60)
    assert (found.acr_values, ask().acr_values) == ({"gold", "silver"}, set())


@pytest.mark.parametrize("aud", [BASE, BASE + "/"])
def test_the_audience_is_this_server(aud: str) -> None:
    assert ask(aud=aud).state == ASKED["state"]
    assert ask(aud=None, resource=aud).state == ASKED["state"]


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"response_type": "token"}, "unsupported_response_type", "must be code"),
        ({"response_type": "code id_token"}, "unsupported_response_type", "must be code"),
        ({"response_type": None}, "unsupported_response_type", "must be code"),
        ({"response_mode": "fragment"}, "invalid_request", "in the query"),
        ({"request": "eyJ"}, "invalid_request", "in the query"),
        ({"request_uri": "https://evil.example"}, "invalid_request", "in the query"),
        ({"state": None}, "invalid_request", "state"),
        ({"state": ""}, "invalid_request", "state"),
        ({"state": "x" * 2049}, "invalid_request", "state"),
        ({"code_challenge": None}, "invalid_request", "PKCE"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request", "PKCE"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request", "PKCE"),
        ({"code_challenge_method": "plain"}, "invalid_request", "PKCE"),
        ({"code_challenge_method": None}, "invalid_request", "PKCE"),
        ({"aud": None}, "invalid_request", "aud"),
        ({"aud": "https://fhir.example/fhir.evil.example"}, "invalid_request", "aud"),
        ({"aud": "https://evil.example/fhir"}, "invalid_request", "aud"),
        ({"aud": BASE + "//"}, "invalid_request", "aud"),
        ({"aud": BASE.upper()}, "invalid_request", "aud"),
        ({"scope": None}, "invalid_scope", "scope is needed"),
        ({"scope": "x" * 10_001}, "invalid_scope", "scope is needed"),
        ({"scope": "patient/Observation.sr"}, "invalid_scope", "patient/Observation.sr must say"),
        ({"scope": "user/*.d"}, "invalid_scope", "Nothing"),
        ({"scope": "launch openid"}, "invalid_request", "launch handle"),
        ({"prompt": "none login"}, "invalid_request", "prompt"),
        ({"prompt": "create"}, "invalid_request", "prompt"),
        ({"max_age": "-1"}, "invalid_request", "max_age"),
        ({"max_age": "soon"}, "invalid_request", "max_age"),
    ],
)
def test_what_is_wrong_is_told_to_the_app(changes: dict[str, str | None], code: str, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        ask(**changes)
    assert caught.value.code == code
    assert reason in caught.value.description


def test_a_client_without_the_grant_type_is_refused() -> None:
    service = Client("app", "App", "private_key_jwt", ("client_credentials",), (CALLBACK,))
    with pytest.raises(Refusal) as caught:
        ask(service)
    assert caught.value.code == "unauthorized_client"


def test_a_parameter_that_comes_twice_is_refused() -> None:
    pairs = [*ASKED.items(), ("aud", BASE)]
    with pytest.raises(Refusal, match="more than once"):
        judge(pairs, app(), where(pairs, app()), BASE, known)


def test_system_scopes_are_not_for_users() -> None:
    with pytest.raises(Refusal) as caught:
        ask(app("system/*.rs openid"), scope="openid system/Patient.r")
    assert caught.value.code == "invalid_scope"


def test_scopes_beyond_the_registration_fall_away() -> None:
    asked = "openid offline_access patient/Observation.cruds user/Patient.rs"
    assert str(ask(app("openid patient/*.rs"), scope=asked).scopes) == "openid launch/patient patient/Observation.rs"


def test_a_patient_scope_brings_the_patient_context() -> None:
    assert "launch/patient" in ask(scope="patient/Observation.rs").scopes.words
    assert "launch/patient" not in ask(scope="user/Observation.rs").scopes.words
    assert "launch/patient" not in ask(scope="launch patient/Observation.rs", launch="h1").scopes.words


def test_an_encounter_brings_its_patient_and_nothing_else_is_chosen() -> None:
    client = app("launch launch/patient launch/encounter launch/location openid patient/*.rs")
    assert ask(client, scope="launch/encounter").scopes.words == ("launch/encounter", "launch/patient")
    assert ask(client, scope="launch/location launch/encounter openid").scopes.words == (
        *("launch/encounter", "openid"),
        "launch/patient",
    )
    assert ask(client, scope="launch launch/encounter", launch="h1").scopes.words == ("launch", "launch/encounter")


@pytest.mark.parametrize(
    "uri", ["https://evil.example/", "//evil.example", CALLBACK + "/", CALLBACK + "?x=1", CALLBACK + "#", ""]
)
def test_an_address_that_is_not_registered_is_never_gone_to(uri: str) -> None:
    with pytest.raises(Stray):
        where([("client_id", "app"), ("redirect_uri", uri)], app())


def test_a_second_address_or_app_is_not_chosen_from() -> None:
    with pytest.raises(Stray):
        where([("redirect_uri", CALLBACK), ("redirect_uri", "https://evil.example/")], app())
    with pytest.raises(Stray):
        client_id([("client_id", "app"), ("client_id", "other")])
    with pytest.raises(Stray):
        client_id([])


def test_an_app_that_is_unknown_or_disabled_is_not_answered() -> None:
    pairs = [("client_id", "app"), ("redirect_uri", CALLBACK)]
    disabled = Client("app", "App", "none", ("authorization_code",), (CALLBACK,), disabled=True)
    for client in (None, disabled):
        with pytest.raises(Stray, match="unknown_app"):
            where(pairs, client)


def test_the_answer_repeats_the_state_and_keeps_the_query_of_the_address() -> None:
    state = "a&b=<script> é"
    address = Return("https://app.example/callback?tenant=1", state).address(BASE, code="c1")
    assert address.startswith("https://app.example/callback?tenant=1&")
    assert parse_qs(urlsplit(address).query) == {"tenant": ["1"], "code": ["c1"], "state": [state], "iss": [BASE]}
    assert "state" not in Return(CALLBACK, None).address(BASE, error="access_denied")
