"""Sign-in at an external OpenID provider, by the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

The front end asks to begin, keeps the `session` secret, sends the browser to the address, and brings back state and
code together with that secret: what was begun in one browser cannot be ended in another. The identity token is judged
by the provider's published keys, with fixed algorithms. Pro Santé Connect is a provider of this shape: its `subject` is
`SubjectNameID`, its discovery document has a name of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt

from auth import opaque
from auth.errors import Denied, Unauthenticated
from auth.ports import Clock, Store, Transaction

ALGORITHMS = ("RS256", "PS256", "ES256")
SECONDS = 600
"""How long somebody may take at the provider."""
KEPT = 300_000_000
"""Microseconds for which discovery and keys are kept; an unknown key is looked for once in `AGAIN` before that."""
AGAIN = 60_000_000
LEEWAY = 60
"""Seconds by which the provider's clock may differ."""
NEEDED = frozenset(("authorization_endpoint", "token_endpoint", "jwks_uri"))
FAILED = "The sign-in did not come to an end: begin again."

Ask = Callable[[str, str, Mapping[str, str] | None, Mapping[str, str]], Awaitable[bytes | None]]
"""Asks an address: method, URL, form, headers. Returns the body of a 200, None for everything else."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An external provider as the operator has it: where it is, who we are there, and which claim names its users.

    With `acr_values` nothing weaker is accepted. `discovery` is the address of its description where that is not the
    usual one below `issuer`. `redirect` is the page of the front end to which it sends the browser back.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str
    redirect: str
    scope: str = "openid"
    acr_values: tuple[str, ...] = ()
    subject: str = "sub"
    discovery: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """What the front end needs: the address for the browser, and the secret that it keeps."""

    url: str
    session: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it was: `subject` names them among all providers, `claims` is what it told of them."""

    subject: str
    name: str
    claims: Mapping[str, Any]
    acr: str | None
    amr: tuple[str, ...]


class Upstream:
    """Sign-in at one provider."""

    def __init__(self, provider: Provider, store: Store, now: Clock, ask: Ask) -> None:
        self.provider = provider
        self._store = store
        self._now = now
        self._ask = ask
        self._described: Mapping[str, Any] = {}
        self._keys: Mapping[object, Any] = {}
        self._asked = {"description": -KEPT, "keys": -KEPT}

    async def begin(self) -> Begun:
        """Begin. Raises Denied when the provider cannot be reached."""
        described = await self._description()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        data = {"state": opaque.fingerprint(state), "nonce": nonce, "verifier": verifier}
        session = await self._store.write(lambda tx: opaque.issue(tx, "challenge", SECONDS, data=data))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.provider.redirect,
            "scope": self.provider.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if self.provider.acr_values:
            asked["acr_values"] = " ".join(self.provider.acr_values)
        return Begun(f"{described['authorization_endpoint']}?{urlencode(asked)}", session)

    async def finish(self, session: str, state: str, code: str) -> Identity:
        """End what was begun, once. Raises Unauthenticated, Denied."""
        begun = await self._store.write(lambda tx: _take(tx, session))
        if begun is None or not hmac.compare_digest(begun.data.get("state", ""), opaque.fingerprint(state)):
            raise Unauthenticated(FAILED)
        described = await self._description()
        tokens = await self._exchange(described, code, begun.data["verifier"])
        claims = await self._judge(described, str(tokens.get("id_token", "")), begun.data["nonce"])
        claims = {**claims, **await self._user(described, str(tokens.get("access_token", "")), claims["sub"])}
        name = claims.get(self.provider.subject)
        if not isinstance(name, str) or not name:
            raise Unauthenticated(FAILED)
        amr = claims.get("amr")
        methods = tuple(str(each) for each in amr) if isinstance(amr, list) else ()
        acr = claims.get("acr")
        acr = acr if isinstance(acr, str) else None
        return Identity(f"{self.provider.issuer} {name}", name, claims, acr, ("ext", *methods))

    async def _exchange(self, described: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.provider.redirect,
            "code_verifier": verifier,
            "client_id": self.provider.client_id,
        }
        headers = {}
        methods = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            pair = urlencode({"": self.provider.client_id})[1:] + ":" + urlencode({"": self.provider.client_secret})[1:]
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_secret"] = self.provider.client_secret
        body = await self._ask("POST", described["token_endpoint"], form, headers)
        if body is None:
            raise Unauthenticated(FAILED)
        return _object(body)

    async def _judge(self, described: Mapping[str, Any], token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an identity token. Raises Unauthenticated for one that is not for us, now, for this."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise jwt.InvalidTokenError
            key = await self._key(described, header)
            options: Any = {
                "require": ["iss", "sub", "aud", "exp", "iat"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            }
            claims = jwt.decode(
                token,
                key,
                [header["alg"]],
                options=options,
                issuer=self.provider.issuer,
                audience=self.provider.client_id,
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated(FAILED) from None
        self._demand(claims, nonce)
        return claims

    def _demand(self, claims: Mapping[str, Any], nonce: str) -> None:
        now = self._now() // 1_000_000
        exp, iat, azp = claims["exp"], claims["iat"], claims.get("azp", self.provider.client_id)
        timely = isinstance(exp, int) and isinstance(iat, int) and iat - LEEWAY <= now < exp + LEEWAY
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims
        ours = azp == self.provider.client_id and not several and isinstance(claims["sub"], str)
        if not timely or not ours or not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise Unauthenticated(FAILED)
        if self.provider.acr_values and claims.get("acr") not in self.provider.acr_values:
            raise Denied("The provider has not recognised you surely enough for this.")

    async def _user(self, described: Mapping[str, Any], access: str, sub: str) -> Mapping[str, Any]:
        """Return what the provider tells of its user beside the identity token; nothing where it has no such place."""
        if not access or "userinfo_endpoint" not in described:
            return {}
        body = await self._ask("GET", described["userinfo_endpoint"], None, {"Authorization": f"Bearer {access}"})
        if body is None:
            return {}
        told = _object(body)
        if told.get("sub") != sub:
            raise Unauthenticated(FAILED)
        # How they were recognised is what the signed token says, and nothing else.
        return {name: value for name, value in told.items() if name not in ("acr", "amr", "iss", "aud", "nonce")}

    async def _description(self) -> Mapping[str, Any]:
        now = self._now()
        if now - self._asked["description"] >= KEPT:
            address = self.provider.discovery or f"{self.provider.issuer}/.well-known/openid-configuration"
            body = await self._ask("GET", address, None, {})
            found = {} if body is None else _object(body)
            if found.get("issuer") != self.provider.issuer or not set(found) >= NEEDED:
                raise Denied("The provider cannot be reached, or is not the one that was expected. Try again later.")
            self._described, self._asked["description"] = found, now
        return self._described

    async def _key(self, described: Mapping[str, Any], header: Mapping[str, Any]) -> Any:
        kid = header.get("kid")
        now = self._now()
        age = now - self._asked["keys"]
        if age >= KEPT or (kid not in self._keys and age >= AGAIN):
            body = await self._ask("GET", described["jwks_uri"], None, {})
            found = [] if body is None else _object(body).get("keys", [])
            usable = (each for each in found if isinstance(each, dict) and each.get("use", "sig") == "sig")
            self._keys, self._asked["keys"] = {each.get("kid"): each for each in usable}, now
        named = self._keys.get(kid) if kid is not None or len(self._keys) != 1 else next(iter(self._keys.values()))
        if named is None:
            raise jwt.InvalidTokenError
        return jwt.PyJWK.from_dict(named, header["alg"]).key


async def _take(tx: Transaction, session: str) -> opaque.Opaque | None:
    found = await opaque.find(tx.records, "challenge", session)
    if found is not None:
        await opaque.remove(tx, found)
    return found


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Unauthenticated(FAILED) from None
    if not isinstance(found, dict):
        raise Unauthenticated(FAILED)
    return found
