"""An authorization server over a store of choice, its apps, and the steps of an authorization in short."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from auth.accounts import Account
from auth.clients import Client
from auth.scopes import parse_scopes
from auth.smart import browser
from auth.smart.assertion import TYPE
from auth.smart.browser import SignedIn
from auth.smart.context import Encounter, Person
from auth.smart.discovery import Endpoints
from auth.smart.flow import Go, Show
from auth.smart.registry import keep, with_secret
from auth.smart.smart import Smart, open_smart
from fhir_server.fetching import Fetched
from tests.fakes.authority import HERE, Authority

ROOT = "http://example.org"
CALLBACK = "https://app.example/callback"
SCOPE = "launch/patient openid fhirUser offline_access patient/Observation.rs patient/Patient.rs"
MAY = "launch launch/patient openid fhirUser offline_access online_access patient/*.cruds user/*.cruds"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
"""The verifier of RFC 7636, appendix B."""
KEYS_URL = "https://keys.example/jwks.json"

_PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = {**json.loads(RSAAlgorithm.to_jwk(_PRIVATE.public_key())), "kid": "k1"}


def known(type: str, name: str) -> bool:
    return name in ("category", "code") and type in ("Observation", "Condition")


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Folk:
    """Patients by the account that may see them, and encounters by their patient."""

    seen: dict[str, list[Person]] = field(default_factory=dict)
    visits: dict[str, list[Encounter]] = field(default_factory=dict)

    async def search(self, account: Account, text: str) -> Sequence[Person]:
        return [each for each in self.seen.get(account.id, []) if each.name.startswith(text)]

    async def person(self, account: Account, id: str) -> Person | None:
        return next((each for each in self.seen.get(account.id, []) if each.id == id), None)

    async def encounters(self, account: Account, patient: str) -> Sequence[Encounter]:
        return self.visits.get(patient, []) if await self.person(account, patient) else []

    async def encounter(self, account: Account, id: str, patient: str | None) -> Encounter | None:
        return next((each for each in await self.encounters(account, patient or "") if each.id == id), None)


@dataclass
class Web:
    """Other servers: what each address answers, and how often it was asked."""

    answers: dict[str, Fetched | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> Fetched | None:
        self.asked.append(url)
        return self.answers.get(url)


@dataclass
class Apps:
    """The authorization server with its surroundings."""

    authority: Authority
    smart: Smart
    folk: Folk
    web: Web

    async def client(self, id: str = "app", **more: Any) -> Client:
        """Keep an app, public unless said otherwise."""
        made: dict[str, Any] = {
            "id": id,
            "name": "App",
            "method": "none",
            "grant_types": ("authorization_code", "refresh_token"),
            "redirect_uris": (CALLBACK,),
            "scopes": MAY,
        }
        values = made | more
        values["scopes"] = parse_scopes(values["scopes"], known)[0]
        return await self.authority.store.write(lambda tx: keep(tx, Client(**values)))

    async def service(self, **more: Any) -> Client:
        """Keep a backend service that signs with `assertion`."""
        values = {"method": "private_key_jwt", "grant_types": ("client_credentials",), "redirect_uris": ()}
        return await self.client("service", **values | {"scopes": "system/*.rs", "keys": (KEY,)} | more)

    async def confidential(self, method: str = "client_secret_basic") -> tuple[Client, str]:
        """Keep an app that has a secret; return both."""
        made, secret = with_secret(await self.client(method=method))
        return await self.authority.store.write(lambda tx: keep(tx, made)), secret

    async def signed_in(self, email: str = "ann@example.org") -> tuple[SignedIn, str]:
        """Sign in; return who, and the browser's secret."""
        signed = await self.authority.login(email)
        who = SignedIn(signed.account, signed.grant)
        return who, await self.authority.store.write(lambda tx: browser.remember(tx, who))

    def asked(self, **changes: str | None) -> list[tuple[str, str]]:
        """Return an authorization request."""
        said: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "a-state-of-the-app",
            "aud": f"{ROOT}/fhir",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
        }
        return [(name, value) for name, value in (said | changes).items() if value is not None]

    async def begin(self, secret: str, **changes: str | None) -> Show | Go:
        """Ask for an authorization in the browser; return the first step."""
        begun = await self.smart.flow.begin(self.asked(**changes), secret)
        return begun if begun.id is None else await self.smart.flow.show(begun.id, secret, HERE)

    async def code(self, secret: str, **changes: str | None) -> str:
        """Have everything granted that is asked for; return the code."""
        due = await self.begin(secret, **changes)
        assert isinstance(due, Show), due
        assert due.page == "consent"
        ticked = str(due.request.scopes).split()
        return answer(await self.smart.flow.decide(due.id, secret, ticked, HERE))["code"]

    async def exchange(self, code: str, **changes: str | None) -> dict[str, Any]:
        """Exchange a code for tokens."""
        said = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_id": "app",
        }
        return await self.token(**said | changes)

    async def token(self, authorization: str | None = None, **said: str | None) -> dict[str, Any]:
        """Ask the token endpoint."""
        form = {name: value for name, value in said.items() if value is not None}
        return await self.smart.token.exchange(form, authorization, HERE)

    def assertion(self, client: str = "service", header: dict[str, Any] | None = None, **claims: Any) -> dict[str, str]:
        """Return the form fields by which a service proves who it is."""
        now = self.authority.clock() // 1_000_000
        said = {"iss": client, "sub": client, "aud": f"{ROOT}/auth/token", "exp": now + 300, "jti": "j1", **claims}
        signed = jwt.encode(said, _PRIVATE, "RS384", {"kid": "k1", **(header or {})})
        return {"client_assertion_type": TYPE, "client_assertion": signed}


def answer(step: Show | Go) -> dict[str, str]:
    """Return what an app is told at its redirect URI."""
    assert isinstance(step, Go)
    assert step.address is not None
    assert step.address.startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(step.address).query).items()}


async def apps_of(authority: Authority) -> Apps:
    """Return the authorization server of an authority whose accounts sign in by password."""
    folk, web = Folk(), Web()
    smart = await open_smart(authority.auth, Endpoints(ROOT), folk, web.fetch, known)
    return Apps(authority, smart, folk, web)
