"""A server in required mode with accounts and apps, on a store of its own."""

from __future__ import annotations

import json
import os
import re
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.visitor import CALLBACK, Pkce, Visitor

ADMIN = "root@clinic.example"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"
MAY = (
    "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access "
    "patient/*.cruds user/*.cruds patient/*.read patient/*.*"
)
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
Json = dict[str, Any]


class Clinic:
    """The running server, and what tests do with it again and again."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.root = server.root
        self.base = f"{server.root}/fhir"
        self.http = httpx.Client(base_url=server.root, timeout=30)
        self.admin = self.login(ADMIN)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def printed(self) -> str:
        """Return what the server has printed since the last look."""
        assert self.server.process.stdout is not None
        pipe, found = self.server.process.stdout.fileno(), b""
        while select.select([pipe], [], [], 0.5)[0] and (more := os.read(pipe, 65536)):
            found += more
        return found.decode()

    def patient(self) -> str:
        """Register a patient; return the e-mail address."""
        email = f"p{uuid4().hex[:12]}@example.org"
        user = {"email": email, "password": PASSWORD, "role": "patient"}
        answer = self.http.post("/api/v1/auth/register", json={"user": user})
        assert answer.status_code == 201, answer.text
        return email

    def doctor(self) -> str:
        """Open the account of a doctor who is confirmed; return the e-mail address."""
        email = f"d{uuid4().hex[:12]}@example.org"
        asked = {"email": email, "password": PASSWORD, "role": "doctor", "rpps": f"1{uuid4().int % 10**10:010}"}
        answer = self.http.post("/admin/users", json=asked, headers=self.admin)
        assert answer.status_code == 201, answer.text
        return email

    def book(self, patient: str, doctor: str) -> str:
        """Have a patient book a doctor, each by the address; return the path of the appointment."""
        start = datetime.now(UTC) + timedelta(days=2)
        times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=20)).isoformat()}
        asked = {"appointment": {"doctor_id": self.id_of(doctor), "kind": "video", **times}}
        answer = self.http.post("/api/v1/appointments", json=asked, headers=self.login(patient))
        assert answer.status_code == 201, answer.text
        return f"/api/v1/appointments/{answer.json()['data']['id']}"

    def login(self, email: str) -> dict[str, str]:
        """Sign in to the platform; return the headers of a request."""
        answer = self.http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return bearer(answer.json()["data"]["tokens"]["access_token"])

    def id_of(self, email: str) -> str:
        """Return the id of an account, which is that of its Patient."""
        return str(self.http.get("/api/v1/me", headers=self.login(email)).json()["data"]["id"])

    def app(self, **more: Any) -> Json:
        """Register an app; return it as registered, with its secret if it has one."""
        said = {"client_name": "Growth chart", "redirect_uris": [CALLBACK], "scope": MAY} | more
        answer = self.http.post("/admin/clients", json=said, headers=self.admin)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    def service(self, scope: str = "system/*.cruds", **more: Any) -> Json:
        """Register a backend service that signs with `assertion`."""
        key = {**json.loads(RSAAlgorithm.to_jwk(self._key.public_key())), "kid": "k1"}
        said = {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"]}
        return self.app(**said | {"redirect_uris": [], "scope": scope, "jwks": {"keys": [key]}, "ehr": True} | more)

    def assertion(self, client: str, **claims: Any) -> str:
        """Return what a service signs to prove who it is."""
        now = int(time.time())
        said = {"iss": client, "sub": client, "aud": f"{self.root}/auth/token", "exp": now + 240, "jti": uuid4().hex}
        return jwt.encode(said | claims, self._key, "RS384", {"kid": "k1"})

    def token(self, auth: tuple[str, str] | None = None, **form: str) -> httpx.Response:
        """Ask the token endpoint."""
        return self.http.post("/auth/token", data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)

    def served(self, client: Json, scope: str) -> httpx.Response:
        """Ask for a token as a service."""
        form = {"client_assertion_type": ASSERTION, "client_assertion": self.assertion(client["client_id"])}
        return self.token(grant_type="client_credentials", scope=scope, **form)

    def authorization(self, client: Json, pkce: Pkce, **changes: str | None) -> str:
        """Return the address of an authorization request."""
        said: dict[str, str | None] = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "a-state-that-nobody-guesses",
            "aud": self.base,
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
        }
        kept = {name: value for name, value in (said | changes).items() if value is not None}
        return f"{self.root}/auth/authorize?{urlencode(kept)}"

    def code(self, client: Json, email: str, pkce: Pkce, **changes: str | None) -> str:
        """Have a user grant all that is asked for; return the code."""
        with Visitor(self.root, email) as visitor:
            return visitor.grant(self.authorization(client, pkce, **changes))["code"]

    def exchange(self, client: Json, code: str, pkce: Pkce, **changes: str) -> httpx.Response:
        """Exchange a code as a public app, or with the secret of a confidential one."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        form["code_verifier"] = pkce.verifier
        secret = client.get("client_secret")
        if secret is None:
            form["client_id"] = client["client_id"]
        return self.token((client["client_id"], secret) if secret else None, **form | changes)

    def granted(self, client: Json, email: str, **changes: str | None) -> Json:
        """Return the token response of a whole authorization."""
        pkce = Pkce()
        answer = self.exchange(client, self.code(client, email, pkce, **changes), pkce)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def fhir(self, token: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """Ask the FHIR API with an access token."""
        return self.http.request(method, f"/fhir/{path}", headers=bearer(token), **more)


def bearer(token: str) -> dict[str, str]:
    """Return the header of a request with a token."""
    return {"Authorization": f"Bearer {token}"}


def observation(patient: str, category: str = "laboratory", value: int = 70) -> Json:
    """Return a measurement of a patient."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "valueQuantity": {"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


def encounter(patient: str) -> Json:
    """Return a consultation of a patient."""
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR", "display": "virtual"},
        "type": [{"text": "Follow-up"}],
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:20:00Z"},
    }


@contextmanager
def clinic_in(folder: Path, **settings: str) -> Iterator[Clinic]:
    """Run a server with an administrator."""
    store = f"sqlite:///{folder}/fhir.db"
    command = ("user", "add", ADMIN, "--role", "admin", "--store", store)
    added = fhir_server(*command, folder=folder, FHIR_USER_PASSWORD=PASSWORD)
    assert (added.returncode, added.stderr) == (0, ""), added.stderr
    usual = {"FHIR_SERVER_RATE_FACTOR": "1000"}
    with Running(["serve", "--port", "0", "--store", store], folder, **usual | settings) as running:
        yield Clinic(running)


def words(text: str) -> set[str]:
    """Return the scopes of a token response."""
    return set(re.split(r"\s+", text.strip()))
