"""Attacks on authorizations over real HTTP, each with the answer it must get."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.clinic import SCOPE, Clinic, bearer, words
from tests.fakes.visitor import CALLBACK, Pkce, Visitor, answered

STATE = "a-state-that-nobody-guesses"


def lost(clinic: Clinic, address: str, **headers: str) -> httpx.Response:
    """Ask for an authorization that must not lead anywhere; return the page."""
    answer = clinic.http.get(address, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8"), answer.text
    assert "location" not in answer.headers
    return answer


def refused(answer: httpx.Response, code: str, status: int = 400) -> None:
    """Demand a refusal in the words of OAuth."""
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example/callback",
        "http://127.0.0.1@evil.example/callback",
        "http://127.0.0.1:9.evil.example/callback",
        f"{CALLBACK}/../evil",
        f"{CALLBACK}#x",
        f"{CALLBACK}?x=1",
        CALLBACK.upper(),
        CALLBACK.replace("callback", "%63allback"),
        CALLBACK.replace("/callback", "%2fcallback"),
        f"{CALLBACK}/",
        f"{CALLBACK}\r\nSet-Cookie: fhir=x",
        "javascript:alert(1)",
        "*",
        "",
    ],
)
def test_an_answer_goes_only_to_a_registered_address(clinic: Clinic, address: str) -> None:
    app = clinic.app()
    for kind in ("code", "token"):
        page = lost(clinic, clinic.authorization(app, Pkce(), redirect_uri=address, response_type=kind))
        assert "evil" not in page.text


def test_nobody_is_sent_anywhere_by_doubled_parameters(clinic: Clinic) -> None:
    app = clinic.app()
    address = clinic.authorization(app, Pkce())
    lost(clinic, f"{address}&redirect_uri={quote('https://evil.example/')}")
    lost(clinic, f"{address}&client_id=other")
    lost(clinic, f"{clinic.root}/auth/authorize?" + "&".join(f"a{n}=1" for n in range(60)))
    for name in ("state", "scope", "code_challenge", "aud", "response_type"):
        told = answered(clinic.http.get(f"{address}&{name}=x"))
        assert (told["error"], told["iss"]) == ("invalid_request", clinic.base)
    form = "grant_type=authorization_code&grant_type=refresh_token&code=x&client_id=y"
    type = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(clinic.http.post("/auth/token", content=form, headers=type), "invalid_request")


@pytest.mark.parametrize(
    "audience",
    ["https://evil.example/fhir", "{base}.evil.example", "{base}/Patient", "{root}", "{base}?x", "{base}//", None],
)
def test_a_request_for_another_server_never_gets_a_code(clinic: Clinic, audience: str | None) -> None:
    aud = audience and audience.format(base=clinic.base, root=clinic.root)
    told = answered(clinic.http.get(clinic.authorization(clinic.app(), Pkce(), aud=aud)))
    assert (told["error"], told["state"]) == ("invalid_request", STATE)


def test_what_is_said_back_is_said_as_it_was_and_breaks_nothing(clinic: Clinic) -> None:
    state = '"><script>alert(1)</script>&code=forged\r\nX: y'
    app, email = clinic.app(client_name='<img src=x onerror="alert(1)">'), clinic.patient()
    with Visitor(clinic.root, email) as visitor:
        page = visitor.open(clinic.authorization(app, Pkce(), state=state))
        assert "<script" not in page.text
        assert "<img" not in page.text
        told = visitor.grant(str(page.request.url))
    assert (told["state"], told["code"] != "forged") == (state, True)


def test_a_page_cannot_be_framed_cached_or_scripted_and_names_nobody_in_its_address(clinic: Clinic) -> None:
    with Visitor(clinic.root, clinic.patient()) as visitor:
        page = visitor.open(clinic.authorization(clinic.app(), Pkce()))
        policies = page.headers.get_list("content-security-policy")
        assert len(policies) == 1
        assert "frame-ancestors 'none'" in policies[0]
        assert "default-src 'none'" in policies[0]
        assert "script-src" not in policies[0]
        assert (page.headers["x-frame-options"], page.headers["cache-control"]) == ("DENY", "no-store")
        assert page.headers.get_list("referrer-policy") == ["same-origin"]
        cookie = visitor.http.get(clinic.authorization(clinic.app(), Pkce())).headers.get("set-cookie", "")
        assert cookie == "" or ("HttpOnly" in cookie and "SameSite=lax" in cookie)


def test_a_poisoned_host_changes_no_address(clinic: Clinic) -> None:
    poison = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    for path in ("/fhir/.well-known/smart-configuration", "/fhir/.well-known/openid-configuration", "/fhir/metadata"):
        answer = clinic.http.get(path, headers=poison)
        assert "evil" not in answer.text
    answer = clinic.http.get(clinic.authorization(clinic.app(), Pkce()), headers=poison)
    assert (answer.status_code, answer.headers["location"].startswith("/auth/authorize/")) == (303, True)


def test_nobody_is_signed_in_or_made_to_agree_by_another_site(clinic: Clinic) -> None:
    app = clinic.app(redirect_uris=["https://registered.example/back", CALLBACK])
    email, body = clinic.patient(), {"email": "", "password": PASSWORD}
    with Visitor(clinic.root, email) as visitor:
        page = visitor.open(clinic.authorization(app, Pkce()))
        step = str(page.request.url)
        for origin in ("https://evil.example", "https://registered.example", "null"):
            for path in (f"{step}/login", f"{clinic.root}/auth/apps/login", f"{clinic.root}/auth/apps"):
                answer = visitor.http.post(path, data=body | {"email": email}, headers={"Origin": origin})
                assert answer.status_code in (400, 403), answer.text
                assert "set-cookie" not in answer.headers
        crossed = {"Origin": clinic.root, "Sec-Fetch-Site": "cross-site"}
        answer = visitor.http.post(f"{step}/login", data=body | {"email": email}, headers=crossed)
        assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)


def test_a_request_belongs_to_the_browser_it_began_in_and_signing_in_changes_its_secret(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    with Visitor(clinic.root, email) as visitor, Visitor(clinic.root, email) as other:
        page = visitor.open(clinic.authorization(app, Pkce()))
        step, fixed = str(page.request.url), visitor.http.cookies["fhir"]
        assert other.http.get(step).status_code == 400
        page = visitor.submit(page, "/login", email=email, password=PASSWORD)
        assert visitor.http.cookies["fhir"] != fixed
        other.http.cookies.set("fhir", fixed)
        for path in ("", "/decision"):
            answer = other.http.request(
                "POST" if path else "GET", step + path, data={"decision": "allow", "scope": "openid"}
            )
            assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_a_user_grants_nothing_that_was_not_asked_for(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    pkce = Pkce()
    asked = clinic.authorization(app, pkce, scope="openid patient/Observation.rs")
    also = ("patient/*.cruds", "user/*.cruds", "system/*.cruds", "patient/Observation.cruds", "offline_access")
    with Visitor(clinic.root, email) as visitor:
        code = visitor.grant(asked, also=also)["code"]
    assert words(clinic.exchange(app, code, pkce).json()["scope"]) <= words(
        "openid launch/patient patient/Observation.rs"
    )


def test_a_decision_counts_once(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    with Visitor(clinic.root, email) as visitor:
        page = visitor.submit(visitor.open(clinic.authorization(app, Pkce())), "/login", email=email, password=PASSWORD)
        step, said = f"{page.request.url}/decision", {"decision": "allow", "scope": SCOPE.split()}
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda _: visitor.http.post(step, data=said), range(5)))
    assert sorted(each.status_code for each in answers) == [303, 400, 400, 400, 400]


def test_a_code_counts_once_and_its_second_use_ends_what_it_gave(clinic: Clinic) -> None:
    app, email, pkce = clinic.app(), clinic.patient(), Pkce()
    code = clinic.code(app, email, pkce)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: clinic.exchange(app, code, pkce), range(4)))
    given = [each.json() for each in answers if each.status_code == 200]
    assert len(given) == 1
    assert {each.json()["error"] for each in answers if each.status_code != 200} == {"invalid_grant"}
    assert clinic.fhir(given[0]["access_token"], "Observation").status_code == 401
    refresh = {"refresh_token": given[0]["refresh_token"], "client_id": app["client_id"]}
    refused(clinic.token(grant_type="refresh_token", **refresh), "invalid_grant")


def test_a_code_is_for_its_app_its_address_and_its_verifier(clinic: Clinic) -> None:
    app, other, email = clinic.app(), clinic.app(), clinic.patient()
    pkce = Pkce()
    code = clinic.code(app, email, pkce)
    refused(clinic.exchange(other, code, pkce), "invalid_grant")
    assert clinic.exchange(app, code, pkce).status_code == 200, "another app's attempt does not spoil a code"
    for changes in (
        {"code_verifier": ""},
        {"code_verifier": "x" * 43},
        {"code_verifier": "x" * 42},
        {"code_verifier": "x" * 129},
        {"code_verifier": pkce.challenge},
        {"redirect_uri": f"{CALLBACK}2"},
        {"redirect_uri": ""},
    ):
        pkce = Pkce()
        code = clinic.code(app, email, pkce)
        refused(clinic.exchange(app, code, pkce, **changes), "invalid_grant")
        refused(clinic.exchange(app, code, pkce), "invalid_grant")


@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "x" * 42},
        {"code_challenge": None, "code_challenge_method": None},
    ],
)
def test_no_app_goes_without_pkce(clinic: Clinic, method: str, changes: dict[str, Any]) -> None:
    app = clinic.app(token_endpoint_auth_method=method)
    told = answered(clinic.http.get(clinic.authorization(app, Pkce(), **changes)))
    assert told["error"] == "invalid_request"


def test_a_launch_is_for_one_app_one_user_and_once(clinic: Clinic) -> None:
    app, other = (clinic.app(launch_uris=["http://127.0.0.1:9/launch"]) for _ in range(2))
    email, somebody = clinic.patient(), clinic.patient()
    asked = {"client_id": app["client_id"], "patient": clinic.id_of(email)}
    scope = "launch openid patient/Patient.rs"

    def opened() -> str:
        answer = clinic.http.post("/auth/launch", json=asked, headers=clinic.login(email))
        return str(answer.json()["data"]["launch"])

    theirs = clinic.http.post("/auth/launch", json=asked, headers=clinic.login(somebody))
    assert theirs.status_code == 404
    for client, user, handle in ((other, email, opened()), (app, somebody, opened()), (app, email, "forged")):
        with Visitor(clinic.root, user) as visitor:
            told = visitor.grant(clinic.authorization(client, Pkce(), scope=scope, launch=handle))
            assert told["error"] == "invalid_request"
    handle = opened()
    with Visitor(clinic.root, email) as visitor:
        address = clinic.authorization(app, Pkce(), scope=scope, launch=handle)
        assert "code" in visitor.grant(address)
        assert visitor.grant(address)["error"] == "invalid_request"


def test_refresh_tokens_rotate_once_and_a_replay_ends_all(clinic: Clinic) -> None:
    app, other, email = clinic.app(), clinic.app(), clinic.patient()
    first = clinic.granted(app, email)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    refused(clinic.token(client_id=other["client_id"], **form), "invalid_grant")
    refused(clinic.token(client_id=app["client_id"], scope=f"{SCOPE} patient/Condition.rs", **form), "invalid_scope")
    refused(
        clinic.token(client_id=app["client_id"], **form | {"refresh_token": first["access_token"]}), "invalid_grant"
    )
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: clinic.token(client_id=app["client_id"], **form), range(5)))
    assert [each.status_code for each in answers] == [200] * 5
    assert sum("refresh_token" in each.json() for each in answers) == 1


def test_a_client_proves_itself_in_its_own_way_alone(clinic: Clinic) -> None:
    public, email = clinic.app(), clinic.patient()
    secretive = clinic.app(token_endpoint_auth_method="client_secret_basic")
    form = {"grant_type": "authorization_code", "code": "x", "code_verifier": "x" * 43, "redirect_uri": CALLBACK}
    refused(clinic.token((public["client_id"], "anything"), **form), "invalid_client", 401)
    refused(clinic.token(client_id=public["client_id"], client_secret="anything", **form), "invalid_client", 401)
    refused(clinic.token(client_id=secretive["client_id"], **form), "invalid_client", 401)
    wrong = clinic.token((secretive["client_id"], "wrong"), **form)
    refused(wrong, "invalid_client", 401)
    assert wrong.headers["www-authenticate"].startswith("Basic")
    both = {"client_id": secretive["client_id"], "client_secret": secretive["client_secret"]}
    refused(clinic.token(**both, **form), "invalid_client", 401)
    refused(clinic.token((secretive["client_id"], secretive["client_secret"]), **both, **form), "invalid_request")
    tokens = clinic.granted(secretive, email)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refused(clinic.token(client_id=secretive["client_id"], **refresh), "invalid_client", 401)
    refused(clinic.token(**refresh), "invalid_client", 401)


def test_only_the_right_kind_of_token_opens_anything(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    tokens = clinic.granted(app, email)
    header, body, signature = tokens["access_token"].split(".")
    forged = [
        tokens["id_token"],
        tokens["refresh_token"],
        f"{header}.{body}.",
        f"{header}.{body}.{signature[:-6]}AAAAAA",
        jwt.encode(jwt.decode(tokens["access_token"], options={"verify_signature": False}), "k" * 32, "HS256"),
    ]
    for each in forged:
        assert clinic.fhir(each, "Observation").status_code == 401
        assert clinic.http.get("/auth/userinfo", headers=bearer(each)).status_code == 401


def test_an_app_learns_nothing_of_the_tokens_of_another(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    other = clinic.app(token_endpoint_auth_method="client_secret_post")
    tokens, proof = (
        clinic.granted(app, email),
        {"client_id": other["client_id"], "client_secret": other["client_secret"]},
    )
    for kind in ("access_token", "refresh_token"):
        asked = clinic.http.post("/auth/introspect", data={"token": tokens[kind], **proof})
        assert asked.json() == {"active": False}
        assert clinic.http.post("/auth/revoke", data={"token": tokens[kind], **proof}).status_code == 200
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 200


def test_an_assertion_counts_once_and_for_five_minutes(clinic: Clinic) -> None:
    service, type = clinic.service(), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs", "client_assertion_type": type}
    once = clinic.assertion(service["client_id"])
    assert clinic.token(**form, client_assertion=once).status_code == 200
    refused(clinic.token(**form, client_assertion=once), "invalid_client", 401)
    for claims in (
        {"exp": 0},
        {"exp": 4_000_000_000},
        {"aud": "https://evil.example"},
        {"iss": "other"},
        {"sub": "other"},
    ):
        refused(
            clinic.token(**form, client_assertion=clinic.assertion(service["client_id"], **claims)),
            "invalid_client",
            401,
        )


def test_a_disabled_app_and_a_disabled_account_end_at_once(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    tokens = clinic.granted(app, email)
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 200
    clinic.http.post(f"/admin/clients/{app['client_id']}/disable", headers=clinic.admin).raise_for_status()
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 401
    lost(clinic, clinic.authorization(app, Pkce()))
    refused(clinic.token(grant_type="authorization_code", code="x", client_id=app["client_id"]), "invalid_client", 401)
    app = clinic.app()
    tokens, id = clinic.granted(app, email), clinic.id_of(email)
    clinic.http.post(f"/admin/users/{id}/disable", headers=clinic.admin).raise_for_status()
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 401
    refresh = {"refresh_token": tokens["refresh_token"], "client_id": app["client_id"]}
    refused(clinic.token(grant_type="refresh_token", **refresh), "invalid_grant")


def test_bodies_that_are_none_are_refused_in_the_words_of_oauth(clinic: Clinic) -> None:
    for path in ("token", "introspect", "revoke"):
        refused(clinic.http.post(f"/auth/{path}", json={"grant_type": "authorization_code"}), "invalid_request")
        refused(clinic.http.post(f"/auth/{path}", data={"x": "y" * 70_000}), "invalid_request")
    for body in ("[]", "{", '"x"', ""):
        answer = clinic.http.post("/auth/register", content=body, headers={"Content-Type": "application/json"})
        refused(answer, "invalid_client_metadata")
    big = clinic.http.post("/auth/token", content=b"x" * 2_000_000)
    assert (big.status_code, big.json()["error"]) == (413, "invalid_request")
    assert clinic.http.get("/auth/token").json()["error"] == "invalid_request"
    assert clinic.http.get("/auth/nothing").status_code == 404


def test_nobody_registers_a_service_an_ehr_or_an_address_of_ours(clinic: Clinic) -> None:
    said = {"client_name": "X", "redirect_uris": [CALLBACK], "scope": "patient/*.rs"}
    answer = clinic.http.post("/auth/register", json=said | {"ehr": True, "refresh_days": 3650})
    assert (answer.status_code, answer.json()["ehr"], answer.json()["refresh_days"]) == (201, False, 90)
    service = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt"}
    keys = {"jwks_uri": "https://keys.example/", "scope": "system/*.rs"}
    refused(clinic.http.post("/auth/register", json=said | service | keys), "invalid_client_metadata")
    evil = [
        "http://evil.example/",
        "https://ok@evil.example/",
        "https://*.evil.example/",
        "https://x;frame-ancestors/",
        "data:x",
    ]
    for each in evil:
        refused(clinic.http.post("/auth/register", json=said | {"redirect_uris": [each]}), "invalid_redirect_uri")


def test_an_app_breaks_no_glass_and_the_trail_tells_that_it_tried(clinic: Clinic) -> None:
    app, doctor, patient = clinic.app(), clinic.doctor(), clinic.id_of(clinic.patient())
    token = clinic.granted(app, doctor, scope="openid user/*.rs")["access_token"]
    asked = {"patient": patient, "reason": "unconscious in the emergency room", "password": PASSWORD}
    refused = clinic.http.post("/api/v1/auth/break-glass", json=asked, headers=bearer(token))
    assert refused.status_code == 403
    found = clinic.http.get("/fhir/AuditEvent?outcome=4&_sort=-date&_count=1", headers=clinic.admin).json()
    (event,) = [each["resource"] for each in found["entry"]]
    assert "/api/v1/auth/break-glass" in [each.get("name") for each in event["entity"]]
    assert app["client_id"] in [each["who"].get("identifier", {}).get("value") for each in event["agent"]]
    assert f"Practitioner/{clinic.id_of(doctor)}" in [each["who"].get("reference") for each in event["agent"]]
