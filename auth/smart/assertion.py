"""How an app proves who it is with a signed assertion (`private_key_jwt`).

https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from auth.client_keys import ALGORITHMS, Key, pick
from auth.smart.errors import InvalidClient

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST = 8192
LIFE = 300
"""Seconds that an assertion may live at most."""
LEEWAY = 30
"""Seconds by which a client's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an assertion says of its signature."""

    kid: str
    algorithm: str
    keys_url: str | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified assertion: which client, and its id that counts once until `expires` (seconds since 1970)."""

    client: str
    jti: str
    expires: int


def claimed_client(assertion: str) -> str:
    """Return the id of the client that an assertion, not yet verified, says it is from. Raises InvalidClient."""
    client = _part(assertion, 1).get("iss")
    if not isinstance(client, str) or not client:
        raise InvalidClient("The assertion names no issuer (iss): it must be the client_id.")
    return client


def read_header(assertion: str) -> Header:
    """Return an assertion's header. Raises InvalidClient for what no app of ours could have signed."""
    said = _part(assertion, 0)
    kid, algorithm, url = said.get("kid"), said.get("alg"), said.get("jku")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS.values():
        raise InvalidClient(f"The assertion must be signed by {' or '.join(ALGORITHMS.values())}.")
    if not isinstance(kid, str) or (url is not None and not isinstance(url, str)):
        raise InvalidClient("The assertion's header must name its key (kid).")
    if said.get("typ", "JWT") != "JWT" or "crit" in said or "b64" in said:
        raise InvalidClient("The assertion must be a JWT without extensions that must be understood (crit).")
    return Header(kid, algorithm, url)


def verify(assertion: str, keys: tuple[Key, ...], client: str, audiences: Collection[str], now: int) -> Assertion:
    """Return the assertion if `client` signed it for one of `audiences`; `now` is seconds since 1970.

    Raises InvalidClient. That its `jti` is new is for the caller to see.
    """
    header = read_header(assertion)
    key = pick(keys, header.kid, header.algorithm)
    if key is None:
        raise InvalidClient("No registered key, or more than one, has the assertion's kid and type.")
    # Times and audiences are judged below, by this server's clock.
    skip: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
    try:
        public = jwt.PyJWK(dict(key), header.algorithm).key
        jwt.decode(assertion, public, [header.algorithm], options=skip | {"verify_sub": False, "verify_jti": False})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise InvalidClient("The assertion's signature does not fit the registered key.") from None
    return _judge(_part(assertion, 1), client, audiences, now)


def _judge(claims: Mapping[str, Any], client: str, audiences: Collection[str], now: int) -> Assertion:
    if claims.get("iss") != client or claims.get("sub") != client:
        raise InvalidClient("The assertion's iss and sub must both be the client_id.")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(each, str) and each in audiences for each in named):
        raise InvalidClient("The assertion's aud must be the address of this token endpoint.")
    expires, jti = claims.get("exp"), claims.get("jti")
    begun = [claims[name] for name in ("iat", "nbf") if name in claims]
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in (expires, *begun)):
        raise InvalidClient("The assertion's times (exp, iat, nbf) must be whole seconds, and exp is needed.")
    if not isinstance(expires, int) or not now < expires <= now + LIFE:
        raise InvalidClient(f"The assertion's exp must lie ahead, by at most {LIFE} seconds.")
    if any(each > now + LEEWAY for each in begun):
        raise InvalidClient("The assertion is not valid yet: compare the clocks.")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 256:
        raise InvalidClient("The assertion needs an id of its own (jti).")
    return Assertion(client, jti, expires)


def _part(assertion: str, at: int) -> Mapping[str, Any]:
    """Return the header (0) or the claims (1) of a compact JWT, each name once."""
    parts = assertion.split(".")
    if len(assertion) > LONGEST or len(parts) != 3 or not assertion.isascii():
        raise InvalidClient("client_assertion is no signed JWT.")
    try:
        found = json.loads(
            jwt.utils.base64url_decode(parts[at]), object_pairs_hook=_each_once, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidClient("client_assertion is no signed JWT.")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
