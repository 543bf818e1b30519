"""Secrets in the store, sealed."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from auth.sealing import Seal, Unsealable, name_of, new_key, read_keys, write_keys

KEY, OTHER = b"k" * 32, b"o" * 32


def test_what_is_sealed_opens_and_says_nothing() -> None:
    sealed = Seal([KEY]).close("JBSWY3DPEHPK3PXP", "totp/1")
    assert "JBSWY3DPEHPK3PXP" not in sealed
    assert Seal([KEY]).open(sealed, "totp/1") == "JBSWY3DPEHPK3PXP"
    assert Seal([KEY]).close("JBSWY3DPEHPK3PXP", "totp/1") != sealed


def test_it_is_aes_256_gcm_as_others_have_it() -> None:
    mark, name, data = Seal([KEY]).close("é", "totp/1").split(":")
    raw = base64.urlsafe_b64decode(data)
    assert (mark, name) == ("sealed", name_of(KEY))
    assert AESGCM(KEY).decrypt(raw[:12], raw[12:], b"totp/1").decode() == "é"


def test_a_secret_opens_as_what_it_was_sealed_as_and_nothing_else() -> None:
    seal = Seal([KEY])
    sealed = seal.close("secret", "totp/1")
    with pytest.raises(Unsealable):
        seal.open(sealed, "totp/2")
    for changed in (sealed[:-8] + "AAAAAAA=", sealed[:30], f"sealed:{name_of(KEY)}:?", f"sealed:{name_of(KEY)}:"):
        with pytest.raises(Unsealable):
            seal.open(changed, "totp/1")


def test_the_first_key_seals_and_all_open() -> None:
    old = Seal([KEY]).close("secret", "totp/1")
    both = Seal([OTHER, KEY])
    assert both.open(old, "totp/1") == "secret"
    fresh = both.close("secret", "totp/1")
    assert Seal([OTHER]).open(fresh, "totp/1") == "secret"
    with pytest.raises(Unsealable, match=name_of(OTHER)):
        Seal([KEY]).open(fresh, "totp/1")


def test_what_never_was_sealed_comes_back() -> None:
    assert Seal([KEY]).open("-----BEGIN PRIVATE KEY-----", "signing-key/1") == "-----BEGIN PRIVATE KEY-----"


def test_keys_are_read_from_the_file_they_were_written_to() -> None:
    keys = [new_key(), new_key()]
    assert read_keys(write_keys(keys)) == keys
    assert len(set(keys)) == 2


@pytest.mark.parametrize("text", ["", "# nothing\n", "short", "=" * 44, "é" * 44, base64.b64encode(b"k" * 31).decode()])
def test_a_file_without_keys_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"no key|32 bytes"):
        read_keys(text)
