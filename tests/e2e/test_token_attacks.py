"""Attacks on sign-in and tokens over real HTTP, against a server with the rates and the registration of production."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from auth.throttle import RATES
from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.mailbox import Mailbox, mailbox

OWNER = "owner@clinic.example"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Mailbox) -> Iterator[Running]:
    """A server behind a proxy that it trusts, so that a test can come from anywhere."""
    folder = Path(tmp_path_factory.mktemp("attacks"))
    store = ("--store", f"sqlite:///{folder}/fhir.db")
    added = fhir_server("user", "add", OWNER, *store, folder=folder, FHIR_USER_PASSWORD=PASSWORD)
    assert added.returncode == 0
    settings = {
        "FHIR_SERVER_REGISTRATION": "verified",
        "FHIR_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        "FHIR_SERVER_SMTP_HOST": "127.0.0.1",
        "FHIR_SERVER_SMTP_PORT": str(box.port),
        "FHIR_SERVER_SMTP_SECURITY": "none",
    }
    with Running(["serve", "--port", "0", *store], folder, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.root, timeout=30) as client:
        yield client


def login(http: httpx.Client, address: str, password: str = PASSWORD, email: str = OWNER) -> httpx.Response:
    credentials = {"email": email, "password": password}
    return http.post("/api/v1/auth/login", json=credentials, headers={"X-Forwarded-For": address})


@pytest.fixture(scope="module")
def tokens(http: httpx.Client) -> dict[str, Any]:
    return dict(login(http, "192.0.2.1").json()["data"]["tokens"])


def altered(token: str, header: dict[str, Any], claims: dict[str, Any], signature: str | None = None) -> str:
    """Return the token with other header fields and claims, and its signature or another one."""

    def part(text: str, more: dict[str, Any]) -> str:
        found = json.loads(base64.urlsafe_b64decode(text + "=="))
        return base64.urlsafe_b64encode(json.dumps(found | more).encode()).rstrip(b"=").decode()

    head, body, signed = token.split(".")
    return f"{part(head, header)}.{part(body, claims)}.{signed if signature is None else signature}"


@pytest.mark.parametrize(
    ("header", "claims", "signature"),
    [
        ({"alg": "none"}, {}, ""),
        ({"alg": "None"}, {}, ""),
        ({"alg": "HS256"}, {}, None),
        ({"kid": "../../dev/null"}, {}, None),
        ({"jku": "http://127.0.0.1:9/keys"}, {"sub": "x"}, None),
        ({}, {"sub": "somebody-else"}, None),
        ({}, {"exp": 4_000_000_000}, None),
        ({}, {"aud": "http://other.example/fhir"}, None),
        ({"typ": "JWT"}, {}, None),
    ],
    ids=str,
)
def test_a_token_that_was_changed_opens_nothing(
    http: httpx.Client, tokens: dict[str, Any], header: dict[str, Any], claims: dict[str, Any], signature: str | None
) -> None:
    forged = altered(tokens["access_token"], header, claims, signature)
    for path in ("/fhir/Patient", "/api/v1/me"):
        answer = http.get(path, headers={"Authorization": f"Bearer {forged}"})
        assert answer.status_code == 401
        assert "invalid_token" in answer.headers["www-authenticate"]


def test_one_kind_of_token_does_not_do_for_another(http: httpx.Client, tokens: dict[str, Any]) -> None:
    refresh = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    assert http.get("/fhir/Patient", headers=refresh).status_code == 401
    for token in (tokens["access_token"], tokens["refresh_token"][:-1]):
        assert http.post("/api/v1/auth/refresh", json={"refresh_token": token}).status_code == 401
    reset = {"token": tokens["refresh_token"], "password": "mélèze ouragan 77 citron"}
    assert http.post("/api/v1/auth/reset_password", json=reset).status_code == 422


def test_no_host_that_a_request_names_gets_into_a_link(
    http: httpx.Client, server: Running, tokens: dict[str, Any]
) -> None:
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "Host": "evil.example", "X-Forwarded-Host": "evil"}
    answer = http.get("/fhir/Patient", headers=headers)
    assert answer.json()["link"][0]["url"].startswith(f"{server.root}/fhir/")
    assert "evil" not in answer.text


def test_guessing_is_stopped_and_the_owner_comes_in_all_the_same(http: httpx.Client) -> None:
    pair = RATES["failure-pair"].amount
    answers = [login(http, "203.0.113.7", f"guess {n}").status_code for n in range(pair + 3)]
    assert answers == [401] * pair + [429] * 3
    stopped = login(http, "203.0.113.7")
    assert stopped.status_code == 429
    assert int(stopped.headers["retry-after"]) > 0
    assert login(http, "192.0.2.1").status_code == 200


def test_a_client_that_is_no_proxy_does_not_choose_its_address(http: httpx.Client) -> None:
    # The last address of the chain is what our own proxy has seen; what comes before it is the client's own word.
    pair = RATES["failure-pair"].amount
    chains = [f"198.51.100.{n}, 203.0.113.8" for n in range(pair + 1)]
    assert [login(http, chain, "guess").status_code for chain in chains] == [401] * pair + [429]


def test_registering_does_not_tell_who_has_an_account(http: httpx.Client, box: Mailbox) -> None:
    answers = [
        http.post("/api/v1/auth/register", json={"user": {"email": email, "password": PASSWORD}})
        for email in (OWNER, "newcomer@clinic.example")
    ]
    assert len({(each.status_code, each.content) for each in answers}) == 1
    assert answers[0].status_code == 201
    assert "en a déjà un" in box.take(OWNER)
    code = box.take("newcomer@clinic.example").split("\n\n")[1].strip()
    assert login(http, "192.0.2.3", email="newcomer@clinic.example").status_code == 401
    assert http.post("/api/v1/auth/verify_email", json={"token": code}).status_code == 200
    assert login(http, "192.0.2.3", email="newcomer@clinic.example").status_code == 200


def test_what_is_secret_is_in_no_log(server: Running, tokens: dict[str, Any]) -> None:
    server.process.send_signal(signal.SIGTERM)
    assert server.process.stdout is not None
    said = server.said + server.process.stdout.read().decode()
    for secret in (PASSWORD, tokens["access_token"], tokens["refresh_token"], OWNER, "newcomer"):
        assert secret not in said
