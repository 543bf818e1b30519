"""Signed client assertions: what the standard demands of them, and every way around it that is known."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from auth.smart.assertion import Assertion, claimed_client, read_header, verify
from auth.smart.errors import InvalidClient

NOW = 1_800_000_000
TOKEN_URL = "https://fhir.example/auth/token"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = {**json.loads(RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "r1"}
EC_KEY = {**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "e1"}
KEYS = (RSA_KEY, EC_KEY)
CLAIMS: dict[str, Any] = {"iss": "app", "sub": "app", "aud": TOKEN_URL, "exp": NOW + 300, "jti": "j1"}


def signed(claims: dict[str, Any] | None = None, header: dict[str, Any] | None = None, algorithm: str = "RS384") -> str:
    key: Any = EC if algorithm == "ES384" else RSA
    kid = "e1" if algorithm == "ES384" else "r1"
    return jwt.encode(claims or CLAIMS, key, algorithm, {"kid": kid, **(header or {})})


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def refused(assertion: str, keys: tuple[dict[str, Any], ...] = KEYS) -> str:
    with pytest.raises(InvalidClient) as caught:
        verify(assertion, keys, "app", {TOKEN_URL}, NOW)
    assert caught.value.code == "invalid_client"
    return caught.value.description


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_an_assertion_by_either_algorithm_is_taken(algorithm: str) -> None:
    assertion = signed(algorithm=algorithm)
    assert claimed_client(assertion) == "app"
    assert verify(assertion, KEYS, "app", {TOKEN_URL}, NOW) == Assertion("app", "j1", NOW + 300)


def test_the_audience_may_be_one_of_several() -> None:
    assertion = signed({**CLAIMS, "aud": ["https://other.example", TOKEN_URL]})
    assert verify(assertion, KEYS, "app", {TOKEN_URL, "https://fhir.example/fhir"}, NOW).jti == "j1"


def test_the_header_tells_where_its_keys_are_said_to_be() -> None:
    assert read_header(signed(header={"jku": "https://keys.example/"})).keys_url == "https://keys.example/"
    assert read_header(signed()).keys_url is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "other"}, "iss and sub"),
        ({"sub": "other"}, "iss and sub"),
        ({"sub": None}, "iss and sub"),
        ({"aud": "https://evil.example/auth/token"}, "aud"),
        ({"aud": TOKEN_URL + "/"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": [None, 7]}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": NOW}, "exp"),
        ({"exp": NOW - 1}, "exp"),
        ({"exp": NOW + 301}, "exp"),
        ({"exp": None}, "times"),
        ({"exp": 1e20}, "times"),
        ({"exp": True}, "times"),
        ({"iat": NOW + 31}, "not valid yet"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"iat": "now"}, "times"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "x" * 257}, "jti"),
    ],
)
def test_claims_that_are_missing_or_wrong_are_named(changes: dict[str, Any], reason: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    raw = f"{part({'alg': 'RS384', 'kid': 'r1'})}.{part(claims)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA384).sign(raw.encode(), RSA)
    assert reason in refused(f"{raw}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256", "HS384", "RS256", "PS384", "ES256", "EdDSA"])
def test_no_other_algorithm_counts(algorithm: str) -> None:
    raw = f"{part({'alg': algorithm, 'kid': 'r1'})}.{part(CLAIMS)}."
    assert "RS384 or ES384" in refused(raw)


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = part({"alg": "HS384", "kid": "r1"})
    import hashlib
    import hmac

    mac = hmac.new(pem, f"{header}.{part(CLAIMS)}".encode(), hashlib.sha384).digest()
    assert "RS384 or ES384" in refused(f"{header}.{part(CLAIMS)}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"kid": "r2"}, "No registered key"),
        ({"kid": "e1"}, "No registered key"),
        ({"kid": "../../dev/null"}, "No registered key"),
        ({"kid": "' OR 1=1 --"}, "No registered key"),
        ({"crit": ["exp"]}, "crit"),
        ({"b64": False}, "crit"),
        ({"typ": "at+jwt"}, "must be a JWT"),
    ],
)
def test_a_header_that_names_no_key_or_asks_for_more_is_refused(header: dict[str, Any], reason: str) -> None:
    raw = f"{part({'alg': 'RS384', 'kid': 'r1', **header})}.{part(CLAIMS)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA384).sign(raw.encode(), RSA)
    assert reason in refused(f"{raw}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


def test_a_key_in_the_header_is_not_used() -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own = json.loads(RSAAlgorithm.to_jwk(stranger.public_key()))
    assertion = jwt.encode(CLAIMS, stranger, "RS384", {"kid": "r1", "jwk": own})
    assert "signature does not fit" in refused(assertion)


def test_two_keys_of_one_name_are_none() -> None:
    assert "or more than one" in refused(signed(), (RSA_KEY, RSA_KEY))


def test_a_signature_of_zeros_is_no_signature() -> None:
    raw = f"{part({'alg': 'ES384', 'kid': 'e1'})}.{part(CLAIMS)}"
    assert "signature does not fit" in refused(f"{raw}.{base64.urlsafe_b64encode(bytes(96)).decode()}")


def test_changed_claims_do_not_fit_the_signature() -> None:
    head, _, signature = signed().split(".")
    assert "signature does not fit" in refused(f"{head}.{part({**CLAIMS, 'jti': 'j2'})}.{signature}")


@pytest.mark.parametrize(
    "assertion",
    [
        *("", ".", "..", "a.b.c", "a.b", "a.b.c.d", "é.e.e", "x" * 8193),
        f"{part('[]')}.{part(CLAIMS)}.x",
        f"{part('{')}.{part(CLAIMS)}.x",
        f"{part('[' * 5000)}.{part(CLAIMS)}.x",
        part('{"alg":"RS384","alg":"RS384","kid":"r1"}') + f".{part(CLAIMS)}.x",
        part('{"alg":"RS384","kid":"r1","x":NaN}') + f".{part(CLAIMS)}.x",
    ],
)
def test_what_is_no_jwt_is_refused(assertion: str) -> None:
    assert "no signed JWT" in refused(assertion)


def test_a_claim_that_comes_twice_is_refused() -> None:
    twice = json.dumps(CLAIMS)[:-1] + ', "sub": "app"}'
    raw = f"{part({'alg': 'RS384', 'kid': 'r1'})}.{part(twice)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA384).sign(raw.encode(), RSA)
    assert "no signed JWT" in refused(f"{raw}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


def test_who_signed_is_asked_before_the_keys_are_known() -> None:
    with pytest.raises(InvalidClient):
        claimed_client(signed({**CLAIMS, "iss": ""}))
