"""Clients that others wrote, in Python: `fhirclient` as an app, Authlib as a service and as a judge of our tokens."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.fakes.clinic import SCOPE, Clinic, observation
from tests.fakes.visitor import CALLBACK, Visitor


def fhirclient_of(clinic: Clinic, **more: Any) -> FHIRClient:
    """Return an app of the PyPI package; it reads where to go in the CapabilityStatement."""
    settings = {"app_id": "?", "api_base": clinic.base, "redirect_uri": CALLBACK, "scope": SCOPE}
    return FHIRClient(settings=settings | more)


def test_fhirclient_signs_a_patient_in_reads_and_searches(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    id = clinic.id_of(email)
    clinic.http.post("/fhir/Observation", json=observation(id), headers=clinic.login(email)).raise_for_status()
    smart = fhirclient_of(clinic, app_id=app["client_id"])
    with Visitor(clinic.root, email) as visitor:
        smart.handle_callback(visitor.leave(smart.authorize_url))
    assert smart.ready
    assert (smart.patient.id, smart.patient_id) == (id, id)
    found = list(Observation.where({"code": "http://loinc.org|29463-7"}).perform_resources_iter(smart.server))
    assert [each.valueQuantity.value for each in found] == [70]
    assert smart.reauthorize()
    assert next(Observation.where({}).perform_resources_iter(smart.server)).subject.reference == f"Patient/{id}"


def test_fhirclient_opens_with_a_launch_and_a_secret(clinic: Clinic) -> None:
    more = {"launch_uris": ["http://127.0.0.1:9/launch"], "token_endpoint_auth_method": "client_secret_basic"}
    app, email = clinic.app(**more), clinic.patient()
    asked = {"client_id": app["client_id"], "patient": clinic.id_of(email)}
    opened = clinic.http.post("/auth/launch", json=asked, headers=clinic.login(email)).json()["data"]
    smart = fhirclient_of(
        clinic,
        app_id=app["client_id"],
        app_secret=app["client_secret"],
        scope="launch openid fhirUser patient/Patient.rs",
        launch_token=opened["launch"],
    )
    with Visitor(clinic.root, email) as visitor:
        smart.handle_callback(visitor.leave(smart.authorize_url))
    assert smart.patient.id == asked["patient"]


def test_authlib_finds_our_tokens_in_order(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    tokens = clinic.granted(app, email, nonce="n-0S6_WzA2Mj")
    said = clinic.http.get("/fhir/.well-known/openid-configuration").json()
    keys = KeySet.import_key_set(httpx.get(said["jwks_uri"]).json())
    identity = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    options = {
        "iss": {"essential": True, "value": said["issuer"]},
        "aud": {"essential": True, "value": app["client_id"]},
    }
    claims = CodeIDToken(identity.claims, identity.header, options, {"nonce": "n-0S6_WzA2Mj"})
    claims.validate()
    assert claims["fhirUser"] == f"{clinic.base}/Patient/{claims['sub']}"
    access = jwt.decode(tokens["access_token"], keys, algorithms=["RS256"])
    assert access.header["typ"] == "at+jwt"
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": said["issuer"]},
        aud={"essential": True, "value": clinic.base},
        exp={"essential": True},
        sub={"essential": True, "value": claims["sub"]},
        client_id={"essential": True, "value": app["client_id"]},
        jti={"essential": True},
    )
    rules.validate(access.claims)


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSAKey.generate_key(2048), "RS384"), (ECKey.generate_key("P-384"), "ES384")]
)
def test_authlib_gets_a_token_for_a_service(clinic: Clinic, key: RSAKey | ECKey, algorithm: str) -> None:
    public = key.as_dict(private=False) | {"kid": "authlib"}
    app = clinic.service(jwks={"keys": [public]}, scope="system/Patient.rs")
    address = f"{clinic.root}/auth/token"
    # What Authlib says by itself, an hour, is more than SMART allows.
    claims = {"exp": int(time.time()) + 240}
    proof = PrivateKeyJWT(address, claims=claims, headers={"kid": "authlib"}, alg=algorithm)
    with OAuth2Session(
        app["client_id"], key, token_endpoint_auth_method="private_key_jwt", scope="system/Patient.rs"
    ) as it:
        it.register_client_auth_method(proof)
        token = it.fetch_token(address, grant_type="client_credentials")
        assert (token["expires_in"], token["scope"]) == (300, "system/Patient.rs")
        assert it.get(f"{clinic.base}/Patient?_count=1").json()["resourceType"] == "Bundle"
        assert it.get(f"{clinic.base}/Observation").status_code == 403
