"""How often a stranger may try: secrets of apps, registrations, authorization requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clinic import Clinic, clinic_in
from tests.fakes.visitor import Pkce


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A clinic whose rates are a twentieth: 5 failures of apps, 3 authorization requests, 1 registration."""
    settings = {"FHIR_SERVER_RATE_FACTOR": "0.05", "FHIR_SERVER_CLIENT_REGISTRATION": "true"}
    with clinic_in(Path(tmp_path_factory.mktemp("rates")), **settings) as clinic:
        yield clinic


def test_who_does_not_prove_itself_is_soon_heard_no_more(clinic: Clinic) -> None:
    app = clinic.app(token_endpoint_auth_method="client_secret_basic")
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    right = (app["client_id"], app["client_secret"])
    assert clinic.token(right, **form).json()["error"] == "invalid_grant"
    answers = [clinic.token((app["client_id"], f"wrong-{number}"), **form) for number in range(6)]
    assert [each.status_code for each in answers] == [401] * 5 + [429]
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["retry-after"]) > 0
    for path in ("introspect", "revoke"):
        assert clinic.http.post(f"/auth/{path}", data={"token": "x"}, auth=right).status_code == 429


def test_nobody_registers_apps_by_the_dozen(clinic: Clinic) -> None:
    said = {"client_name": "X", "redirect_uris": ["https://app.example/"], "scope": "patient/*.rs"}
    answers = [clinic.http.post("/auth/register", json=said) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 429]
    assert answers[-1].json()["error"] == "temporarily_unavailable"


def test_nobody_fills_the_store_with_requests(clinic: Clinic) -> None:
    app = clinic.app()
    answers = [clinic.http.get(clinic.authorization(app, Pkce())) for _ in range(4)]
    assert [each.status_code for each in answers] == [303, 303, 303, 429]
    assert "Trop de tentatives" in answers[-1].text
