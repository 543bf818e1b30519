"""Signed tokens: what is not exactly one of ours is none (security of JWTs: RFC 8725)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.errors import Unauthenticated
from auth.keys import SigningKey
from tests.fakes.authority import BASE, Authority

Json = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(header: Json, claims: Json, sign: Callable[[bytes], bytes]) -> str:
    """Return a token put together by hand."""
    head = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{head}.{b64(sign(head.encode()))}"


async def parts(authority: Authority) -> tuple[str, Json, Json, SigningKey]:
    """Return a good token with its header, its claims, and the key."""
    await authority.account()
    token = (await authority.login()).access
    claims = jwt.decode(token, options={"verify_signature": False})
    return token, dict(jwt.get_unverified_header(token)), claims, await authority.auth.keys.signing()


def signed(key: SigningKey, claims: Json, header: Json | None = None, algorithm: str = "RS256") -> str:
    return jwt.encode(claims, key.private, algorithm, {"typ": "at+jwt", "kid": key.kid} | (header or {}))


async def refused(authority: Authority, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        authority.auth.tokens.decode("access", token)
    return str(caught.value)


async def test_an_access_token_says_what_rfc_9068_wants_and_nothing_of_the_patient(authority: Authority) -> None:
    _, header, claims, key = await parts(authority)
    assert header == {"alg": "RS256", "typ": "at+jwt", "kid": key.kid}
    assert claims.keys() == {"iss", "sub", "aud", "iat", "exp", "jti", "client_id", "sid"}
    assert (claims["iss"], claims["aud"], claims["sub"], claims["client_id"]) == (BASE, BASE, "ann", "first-party")
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_token_signed_by_hand_as_ours_counts(authority: Authority) -> None:
    _, _, claims, key = await parts(authority)
    assert authority.auth.tokens.decode("access", signed(key, claims)) == claims


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", ""])
async def test_no_signature_is_no_token(authority: Authority, alg: str) -> None:
    _, header, claims, _ = await parts(authority)
    for signature in (b"", b"x"):
        await refused(authority, raw(header | {"alg": alg}, claims, lambda _, s=signature: s))


async def test_the_public_key_is_no_secret_to_sign_with(authority: Authority) -> None:
    _, header, claims, key = await parts(authority)
    pem = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = raw(header | {"alg": "HS256"}, claims, lambda head: hmac.new(pem, head, hashlib.sha256).digest())
    await refused(authority, forged)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
async def test_another_algorithm_with_our_own_key_is_refused(authority: Authority, algorithm: str) -> None:
    _, _, claims, key = await parts(authority)
    await refused(authority, signed(key, claims, algorithm=algorithm))


async def test_another_key_is_refused_whatever_it_calls_itself(authority: Authority) -> None:
    _, _, claims, key = await parts(authority)
    foreign = rsa.generate_private_key(65537, 2048)
    await refused(authority, jwt.encode(claims, foreign, "RS256", {"typ": "at+jwt", "kid": key.kid}))
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(foreign.public_key()))
    for pointer in ({"jwk": jwk}, {"jku": "http://127.0.0.1:9/jwks"}, {"x5u": "http://127.0.0.1:9/x"}):
        await refused(authority, jwt.encode(claims, foreign, "RS256", {"typ": "at+jwt", "kid": key.kid, **pointer}))
    curve = ec.generate_private_key(ec.SECP256R1())
    await refused(authority, jwt.encode(claims, curve, "ES256", {"typ": "at+jwt", "kid": key.kid}))


async def test_the_psychic_signature_of_zeros_is_refused(authority: Authority) -> None:
    _, header, claims, _ = await parts(authority)
    for alg, length in (("ES256", 64), ("RS256", 256)):
        await refused(authority, raw(header | {"alg": alg}, claims, lambda _, n=length: bytes(n)))


@pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1", "https://evil.example/jwks", "x" * 10_000, "", None])
async def test_a_foreign_key_id_is_refused(authority: Authority, kid: str | None) -> None:
    _, _, claims, key = await parts(authority)
    await refused(authority, raw({"alg": "RS256", "typ": "at+jwt", "kid": kid}, claims, rs256(key)))


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "application/at+jwt", "AT+JWT ", None])
async def test_a_token_of_another_kind_is_refused(authority: Authority, typ: str | None) -> None:
    _, _, claims, key = await parts(authority)
    await refused(authority, signed(key, claims, {"typ": typ}))


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid"])
async def test_every_claim_is_needed(authority: Authority, missing: str) -> None:
    _, _, claims, key = await parts(authority)
    await refused(authority, signed(key, {name: value for name, value in claims.items() if name != missing}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "http://other.example/fhir"},
        {"iss": BASE + "/"},
        {"aud": "http://other.example/fhir"},
        {"aud": [BASE]},
        {"aud": [BASE, "http://other.example"]},
        {"exp": 1e20},
        {"exp": 10**400},
        {"exp": -1},
        {"exp": "9999999999"},
        {"exp": None},
        {"exp": True},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"nbf": "soon"},
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(authority: Authority, wrong: Json) -> None:
    _, _, claims, key = await parts(authority)
    await refused(authority, signed_raw(key, claims | wrong))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
async def test_times_that_are_no_numbers_are_refused(authority: Authority, value: str) -> None:
    _, _, claims, key = await parts(authority)
    await refused(authority, signed_raw(key, claims | {"exp": float(value)}))


async def test_of_two_claims_of_one_name_none_widens_anything(authority: Authority) -> None:
    token, header, claims, key = await parts(authority)
    text = json.dumps(claims)[:-1] + ', "aud": "http://other.example"}'
    head = f"{b64(json.dumps(header).encode())}.{b64(text.encode())}"
    await refused(authority, f"{head}.{b64(rs256(key)(head.encode()))}")
    assert authority.auth.tokens.decode("access", token) == claims


async def test_critical_headers_that_nobody_knows_are_refused(authority: Authority) -> None:
    _, header, claims, key = await parts(authority)
    await refused(authority, raw(header | {"crit": ["exp2"], "exp2": 1}, claims, rs256(key)))


async def test_a_token_ends_by_this_server_s_clock(authority: Authority) -> None:
    token, _, _, _ = await parts(authority)
    authority.clock.advance(3599)
    authority.auth.tokens.decode("access", token)
    authority.clock.advance(1)
    assert "expired" in await refused(authority, token)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "x" * 100_000, "é.é.é", "\x00.\x00.\x00", "[" * 3000])
async def test_nonsense_is_refused_at_once(authority: Authority, token: str) -> None:
    started = time.perf_counter()
    await refused(authority, token)
    assert time.perf_counter() - started < 0.5


async def test_any_changed_character_breaks_a_token(authority: Authority) -> None:
    token, _, _, _ = await parts(authority)
    for at in range(0, len(token) - 1, 7):
        if token[at] != ".":
            await refused(authority, token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :])


def rs256(key: SigningKey) -> Callable[[bytes], bytes]:
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    return lambda head: algorithm.sign(head, key.private)


def signed_raw(key: SigningKey, claims: Json) -> str:
    return raw({"alg": "RS256", "typ": "at+jwt", "kid": key.kid}, claims, rs256(key))
