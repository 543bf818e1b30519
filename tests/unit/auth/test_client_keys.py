"""The public keys of apps: only strong ones, of two kinds, each known by one name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from auth.client_keys import check_keys, pick


def _rsa(bits: int) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": f"rsa-{bits}"} | {"key_ops": ["verify"]}


def _ec(curve: ec.EllipticCurve) -> dict[str, Any]:
    key = ec.generate_private_key(curve)
    return {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": "ec"}


RSA_KEY = _rsa(2048)
EC_KEY = _ec(ec.SECP384R1())


def test_both_kinds_of_key_are_taken() -> None:
    assert check_keys({"keys": [RSA_KEY, EC_KEY]}) == ((RSA_KEY, EC_KEY), [])
    assert pick((RSA_KEY, EC_KEY), "ec", "ES384") == EC_KEY
    assert pick((RSA_KEY, EC_KEY), "ec", "RS384") is None
    assert pick((RSA_KEY, EC_KEY), "other", "RS384") is None


def test_a_name_stands_for_one_key_of_a_type() -> None:
    one, other = {**RSA_KEY, "kid": "k"}, {**EC_KEY, "kid": "k"}
    assert check_keys({"keys": [one, other]}) == ((one, other), [])
    assert pick((one, other), "k", "RS384") == one
    assert pick((one, one), "k", "RS384") is None
    assert check_keys({"keys": [one, one]})[1] == ["Two keys of one type have the same kid."]


def test_keys_of_other_kinds_are_passed_over_beside_one_that_serves() -> None:
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "o"}
    assert check_keys({"keys": [okp, RSA_KEY]}) == ((RSA_KEY,), [])
    assert "No key is for" in check_keys({"keys": [okp]})[1][0]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ({**RSA_KEY, "d": "AQAB"}, "private key"),
        ({"kty": "oct", "k": "AQAB", "kid": "s"}, "private key"),
        ({**RSA_KEY, "kid": ""}, "needs a kid"),
        ({**RSA_KEY, "kid": 7}, "needs a kid"),
        ({**RSA_KEY, "use": "enc"}, "another use"),
        ({**RSA_KEY, "alg": "RS256"}, "another use"),
        ({**EC_KEY, "alg": "RS384"}, "another use"),
        ({**RSA_KEY, "n": "not base64!"}, "needs n"),
        ({**RSA_KEY, "n": None}, "needs n"),
        ({**RSA_KEY, "e": "Aw"}, "65537 or more"),
        ({**RSA_KEY, "e": "AQAA"}, "odd e"),
        (_rsa(1024), "2048 to 8192 bits"),
        ({**RSA_KEY, "n": "A" * 5000}, "needs n"),
        (_ec(ec.SECP256R1()), "P-384"),
        ({**EC_KEY, "x": ""} | {"x": None}, "x and y"),
    ],
)
def test_a_weak_or_broken_key_is_refused(key: dict[str, Any], reason: str) -> None:
    usable, wrong = check_keys({"keys": [key]})
    assert usable == ()
    assert reason in wrong[0]


@pytest.mark.parametrize("said", [None, [], {}, {"keys": None}, {"keys": ["x"]}, {"keys": [RSA_KEY] * 51}])
def test_what_is_no_key_set_is_refused(said: Any) -> None:
    assert "A key set is" in check_keys(said)[1][0]
