"""Secrets that the store keeps and nobody may read in it: signing keys, second factors. AES-256-GCM (NIST SP 800-38D).

The keys are elsewhere than the store. A sealed text is `sealed:KEY:DATA`: the name of the key that opens it, and nonce
and ciphertext in base64url. It opens only as what it was sealed as, so that a row cannot take the secret of another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence

BYTES = 32
NONCE = 12
MARK = "sealed:"
_TITLE = (
    "# Keys to the secrets in the store. The first one seals, all of them open. Keep a copy, but not with the store.\n"
)


class Unsealable(Exception):
    """A secret cannot be opened; the text says why, and names no secret."""


class Seal:
    """Seals with the first of the `keys`, 32 bytes each, and opens with any."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {name_of(key): key for key in keys}
        self.name = name_of(keys[0])

    def close(self, text: str, about: str) -> str:
        """Return `text` sealed as the secret of `about`, such as `totp/17`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE)
        data = AESGCM(self._keys[self.name]).encrypt(nonce, text.encode(), about.encode())
        return f"{MARK}{self.name}:{base64.urlsafe_b64encode(nonce + data).decode()}"

    def open(self, sealed: str, about: str) -> str:
        """Return what was sealed as the secret of `about`; a text that never was comes back as it is.

        Raises Unsealable when the key is not here, or what is sealed was changed or is another's.
        """
        if not sealed.startswith(MARK):
            return sealed
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name, _, text = sealed.removeprefix(MARK).partition(":")
        if name not in self._keys:
            raise Unsealable(f"Secrets in the store are sealed with the key {name}, which is not at hand.")
        try:
            data = base64.urlsafe_b64decode(text)
            return AESGCM(self._keys[name]).decrypt(data[:NONCE], data[NONCE:], about.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise Unsealable(f"The secret {about} was changed in the store, or is another's.") from None


def new_key() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(BYTES)


def name_of(key: bytes) -> str:
    """Return by what name a key is known: it says nothing of the key."""
    return hashlib.sha256(key).hexdigest()[:12]


def write_keys(keys: Sequence[bytes]) -> str:
    """Return the text of a file with these keys."""
    return _TITLE + "".join(f"{base64.urlsafe_b64encode(key).decode()}\n" for key in keys)


def read_keys(text: str) -> list[bytes]:
    """Return the keys that the text of a file names, a line each. Raises ValueError."""
    lines = [line.strip() for line in text.splitlines()]
    found = [_key(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise ValueError("it has no key")
    return found


def _key(line: str) -> bytes:
    try:
        key = base64.b64decode(line.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if len(key) != BYTES:
        raise ValueError(f"a line of it is not {BYTES} bytes in base64url")
    return key
