"""Sign-in at a real OpenID provider, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import oidc_provider_mock
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CLAIMS = {"SubjectNameID": "810101201234", "acr": "eidas1", "family_name": "Garnier", "given_name": "Hélène"}


@contextmanager
def serving(folder: Path) -> Iterator[httpx.Client]:
    """Run a provider that knows one person, and a server whose users may sign in there."""
    with oidc_provider_mock.run_server_in_thread() as provider:
        issuer = f"http://localhost:{provider.server_port}"
        assert httpx.put(f"{issuer}/users/hg", json=CLAIMS).status_code == 204
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
        store = ("--store", f"sqlite:///{folder}/fhir.db")
        with (
            Running(["serve", "--port", "0", *store], folder, **settings) as running,
            httpx.Client(base_url=running.root, timeout=30) as http,
        ):
            yield http


def back(http: httpx.Client) -> dict[str, str]:
    """Sign in at the provider; return what the browser brings back."""
    begun = http.post("/api/v1/auth/external/begin").json()["data"]
    answer = httpx.post(begun["url"], data={"sub": "hg"}).headers["location"]
    return {"session": begun["session"], **dict(parse_qsl(urlsplit(answer).query))}


def test_a_professional_signs_in_at_an_external_provider(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        assert http.get("/api/v1/auth/external").json() == {"data": [{"name": "external"}]}
        asked = back(http)
        data = http.post("/api/v1/auth/external/finish", json=asked).json()["data"]
        assert (data["user"]["role"], data["user"]["status"]) == ("doctor", "active")
        signed = {"Authorization": f"Bearer {data['tokens']['access_token']}"}
        mine = http.get(f"/fhir/Practitioner/{data['user']['id']}", headers=signed).json()
        assert mine["name"][0]["family"] == "Garnier"
        assert http.post("/api/v1/auth/external/finish", json=asked).status_code == 401
        # There is no password to ask for: having signed in just now is proof enough to close the account.
        assert http.post("/api/v1/auth/passkeys/begin", headers=signed).status_code == 200
        assert http.delete("/api/v1/me", headers=signed).status_code == 200
        assert http.get("/api/v1/me", headers=signed).status_code == 401


def test_an_identity_is_linked_by_who_knows_the_password(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        user = {"email": "hg@clinic.example", "password": PASSWORD, "role": "patient"}
        id = http.post("/api/v1/auth/register", json={"user": user}).json()["data"]["user"]["id"]
        tokens = http.post("/api/v1/auth/login", json=user).json()["data"]["tokens"]
        signed = {"Authorization": f"Bearer {tokens['access_token']}"}
        for wrong in ({}, {"password": "another"}):
            refused = http.post("/api/v1/auth/external/link", json=back(http) | wrong, headers=signed)
            assert refused.status_code == 401
            assert "password" in refused.json()["error"]["message"]
        asked = back(http) | {"password": PASSWORD}
        assert http.post("/api/v1/auth/external/link", json=asked, headers=signed).status_code == 200
        entered = http.post("/api/v1/auth/external/finish", json=back(http)).json()["data"]
        assert entered["user"]["id"] == id
