"""Password hashes that other platforms have made: bcrypt, and PBKDF2 with SHA-512 as passlib and Elixir write it.

They are verified, never made: whoever signs in with one gets an Argon2id hash of today's. Argon2 of any kind needs
nothing of its own: its encoded form says with which parameters it was made.

https://passlib.readthedocs.io/en/stable/lib/passlib.hash.pbkdf2_digest.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

BCRYPT_BYTES = 72
"""Of a password, what bcrypt knows; what comes behind it was never looked at."""
COST = 16
"""The dearest cost of bcrypt that is taken over: at 16 one sign-in takes a processor some seconds."""
ROUNDS = 5_000_000
MEMORY = 1024 * 1024
"""KiB that a hash of Argon2 may ask for."""
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_PBKDF2 = re.compile(r"\$pbkdf2-sha512\$([1-9]\d{0,9})\$([./A-Za-z0-9]{0,1366})\$([./A-Za-z0-9]{86})")
_SCHEME = re.compile(r"\$2[aby]\$\d\d\$|\$pbkdf2-sha512\$\d+\$|\$argon2(?:id|i|d)\$v=19\$m=\d+,t=\d+,p=\d+\$")
OWN = "$argon2id$v=19$m=19456,t=2,p=1$"
"""How the hashes begin that are made here."""
KNOWN = "$argon2id$, $argon2i$, $argon2d$, $2a$, $2b$, $2y$ (bcrypt) and $pbkdf2-sha512$"


def foreign_scheme(encoded: str | None) -> str | None:
    """Return how a hash was made that was not made here: scheme and cost, as it begins. None for others."""
    found = _SCHEME.match(encoded or "")
    return None if found is None or found.group() == OWN else found.group()


def stand_in(scheme: str) -> str:
    """Return a hash of a scheme that no password is known of: to verify it is as much work as with any other."""
    if scheme.startswith("$2"):
        return f"{scheme}{'C' * 21}.{'E' * 31}"
    if scheme.startswith("$pbkdf2"):
        return f"{scheme}{'A' * 22}${'A' * 86}"
    return f"{scheme}c29tZXNhbHQ${'A' * 43}"


def is_foreign(encoded: str) -> bool:
    """Whether that is a hash of a scheme that this module verifies."""
    return _BCRYPT.fullmatch(encoded) is not None or _PBKDF2.fullmatch(encoded) is not None


def foreign_match(encoded: str, password: bytes) -> bool:
    """Return whether that is the password of a foreign hash. It takes long: never on the event loop."""
    found = _PBKDF2.fullmatch(encoded)
    if found is not None:
        rounds, salt, digest = found.groups()
        try:
            made = hashlib.pbkdf2_hmac("sha512", password, _decoded(salt), int(rounds))
            return hmac.compare_digest(made, _decoded(digest))
        except binascii.Error:
            return False
    if _BCRYPT.fullmatch(encoded) is None:
        return False
    import bcrypt

    try:
        return bcrypt.checkpw(password[:BCRYPT_BYTES], encoded.encode())
    except ValueError:
        return False


def hash_fault(encoded: str) -> str | None:
    """Return why a hash of another platform cannot be taken over, None when it can; its text is never repeated."""
    bcrypt, pbkdf2 = _BCRYPT.fullmatch(encoded), _PBKDF2.fullmatch(encoded)
    if bcrypt is not None:
        fits = 4 <= int(bcrypt.group(1)) <= COST
        return None if fits else f"must have a cost of 4 to {COST}: more is more than a sign-in may take"
    if pbkdf2 is not None:
        try:
            _decoded(pbkdf2.group(2))
        except binascii.Error:
            return "has a salt that is not base64"
        fits = int(pbkdf2.group(1)) <= ROUNDS
        return None if fits else f"must have at most {ROUNDS:,} rounds: more is more than a sign-in may take"
    return _argon2_fault(encoded)


def _argon2_fault(encoded: str) -> str | None:
    from argon2 import extract_parameters
    from argon2.exceptions import InvalidHashError

    try:
        found = extract_parameters(encoded)
    except InvalidHashError:
        return f"must be an encoded hash: {KNOWN}"
    return None if found.memory_cost <= MEMORY else f"must take at most {MEMORY:,} KiB"


def _decoded(text: str) -> bytes:
    """Return the bytes of passlib's base64: `.` stands for `+`, and nothing is padded. Raises binascii.Error."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)
