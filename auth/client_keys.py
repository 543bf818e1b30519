"""The public keys of an app that signs its requests: JSON Web Keys for RS384 and ES384, nothing weaker.

https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

ALGORITHMS = {"RSA": "RS384", "EC": "ES384"}
PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
MOST = 50
SMALLEST = 2048
"""Bits of an RSA modulus below which a key is refused."""
LARGEST = 8192
CURVE = "P-384"

Key = Mapping[str, Any]


def check_keys(said: Any) -> tuple[tuple[Key, ...], list[str]]:
    """Return the usable keys of a JWK set, and sentences about what is wrong with it.

    A set with a private key, a doubled `kid` or a weak key is wrong as a whole. Keys of other kinds are passed over.
    """
    keys = said.get("keys") if isinstance(said, Mapping) else None
    if not isinstance(keys, list) or len(keys) > MOST or not all(isinstance(each, Mapping) for each in keys):
        return (), [f"A key set is an object with a list `keys` of at most {MOST} keys."]
    wrong = [text for each in keys if (text := _wrong(each))]
    usable = tuple(each for each in keys if each.get("kty") in ALGORITHMS and not _wrong(each))
    names = [(each["kid"], each["kty"]) for each in usable]
    if len(set(names)) != len(names):
        wrong.append("Two keys of one type have the same kid.")
    if not usable and not wrong:
        wrong.append("No key is for RS384 (RSA) or ES384 (EC P-384).")
    return usable, wrong


def pick(keys: tuple[Key, ...], kid: str, algorithm: str) -> Key | None:
    """Return the one key of that name which signs by `algorithm`; None when there is none, or more than one."""
    fitting = [each for each in keys if each.get("kid") == kid and ALGORITHMS.get(each.get("kty", "")) == algorithm]
    return fitting[0] if len(fitting) == 1 else None


def _wrong(key: Key) -> str | None:
    if PRIVATE & key.keys():
        return "A private key was given: publish its public half only, and make a new pair."
    if key.get("kty") not in ALGORITHMS:
        return None
    if not isinstance(key.get("kid"), str) or not 1 <= len(key["kid"]) <= 200:
        return "Every key needs a kid."
    if key.get("use", "sig") != "sig" or key.get("alg", ALGORITHMS[key["kty"]]) != ALGORITHMS[key["kty"]]:
        return "A key is for another use or algorithm than RS384 and ES384 signatures."
    return _wrong_rsa(key) if key["kty"] == "RSA" else _wrong_ec(key)


def _wrong_rsa(key: Key) -> str | None:
    modulus, exponent = _number(key.get("n")), _number(key.get("e"))
    if modulus is None or exponent is None or exponent < 65537 or exponent % 2 == 0 or exponent.bit_length() > 256:
        return "An RSA key needs n, and an odd e of 65537 or more, in base64url."
    if not SMALLEST <= modulus.bit_length() <= LARGEST:
        return f"An RSA key has {SMALLEST} to {LARGEST} bits."
    return None


def _wrong_ec(key: Key) -> str | None:
    if key.get("crv") != CURVE:
        return f"An EC key for ES384 is on the curve {CURVE}."
    if _number(key.get("x")) is None or _number(key.get("y")) is None:
        return "An EC key needs x and y in base64url."
    return None


def _number(text: Any) -> int | None:
    if not isinstance(text, str) or not text.isascii() or len(text) > 2 * LARGEST // 6:
        return None
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    except (binascii.Error, ValueError):
        return None
