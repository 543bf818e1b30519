"""What the server logs while apps come and go: no code, token, secret, cookie or search value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clinic import Clinic, clinic_in
from tests.fakes.visitor import Pkce, Visitor


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """A clinic that logs each request."""
    with clinic_in(tmp_path, FHIR_SERVER_LOG_REQUESTS="true") as clinic:
        yield clinic


def test_no_secret_and_nothing_of_a_patient_stands_in_the_log(clinic: Clinic) -> None:
    app, email, pkce = clinic.app(token_endpoint_auth_method="client_secret_basic"), clinic.patient(), Pkce()
    with Visitor(clinic.root, email) as visitor:
        code = visitor.grant(clinic.authorization(app, pkce, state="state-of-the-log-test"))["code"]
        browser = visitor.http.cookies["fhir"]
    tokens = clinic.exchange(app, code, pkce).json()
    assert clinic.fhir(tokens["access_token"], "Observation?code=of-the-log-test").status_code == 200
    clinic.exchange(app, code, pkce)
    printed = clinic.printed()
    assert "status=200" in printed
    secret = (code, pkce.verifier, browser, app["client_secret"], "of-the-log-test")
    for each in (*secret, tokens["access_token"], tokens["refresh_token"], tokens["id_token"]):
        assert each not in printed
