"""Sign-in at a real OpenID provider, over real HTTP."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import oidc_provider_mock
import pytest

from tests.fakes.command import Running


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_professional_signs_in_at_an_external_provider(tmp_path: Path) -> None:
    with oidc_provider_mock.run_server_in_thread() as provider:
        issuer = f"http://localhost:{provider.server_port}"
        claims = {"SubjectNameID": "810101201234", "acr": "eidas1", "family_name": "Garnier", "given_name": "Hélène"}
        assert httpx.put(f"{issuer}/users/hg", json=claims).status_code == 204
        settings = {
            "FHIR_SERVER_OIDC_ISSUER": issuer,
            "FHIR_SERVER_OIDC_CLIENT_ID": "clinic",
            "FHIR_SERVER_OIDC_CLIENT_SECRET": "secret",
            "FHIR_SERVER_OIDC_REDIRECT": "https://app.example/back",
            "FHIR_SERVER_OIDC_SCOPE": "openid profile",
            "FHIR_SERVER_OIDC_ACR_VALUES": "eidas1",
            "FHIR_SERVER_OIDC_SUBJECT": "SubjectNameID",
            "FHIR_SERVER_OIDC_ROLE": "doctor",
        }
        store = ("--store", f"sqlite:///{tmp_path}/fhir.db")
        with (
            Running(["serve", "--port", "0", *store], tmp_path, **settings) as running,
            httpx.Client(base_url=running.root, timeout=30) as http,
        ):
            assert http.get("/api/v1/auth/external").json() == {"data": [{"name": "external"}]}
            begun = http.post("/api/v1/auth/external/begin").json()["data"]
            back = httpx.post(begun["url"], data={"sub": "hg"}).headers["location"]
            asked = {"session": begun["session"], **dict(parse_qsl(urlsplit(back).query))}
            data = http.post("/api/v1/auth/external/finish", json=asked).json()["data"]
            assert (data["user"]["role"], data["user"]["status"]) == ("doctor", "active")
            signed = {"Authorization": f"Bearer {data['tokens']['access_token']}"}
            mine = http.get(f"/fhir/Practitioner/{data['user']['id']}", headers=signed).json()
            assert mine["name"][0]["family"] == "Garnier"
            assert http.post("/api/v1/auth/external/finish", json=asked).status_code == 401
            # There is no password to ask for: having signed in just now is proof enough to close the account.
            assert http.delete("/api/v1/me", headers=signed).status_code == 200
            assert http.get("/api/v1/me", headers=signed).status_code == 401
