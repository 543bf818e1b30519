"""Anchors: signed heads that tell of a chain that was made anew or cut off."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from fhir_server.store.audit_anchor import is_signed, read_anchor, sign

# RFC 8032, 7.1, TEST 1: the secret key and its public key.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
KEY = Ed25519PrivateKey.from_private_bytes(SECRET)
ANCHOR = sign(KEY, 7, b"\x01" * 32, 1_700_000_000_000_000)


def test_an_anchor_is_a_line_that_its_key_has_signed() -> None:
    assert (ANCHOR.seq, ANCHOR.hash, ANCHOR.key) == (7, "01" * 32, PUBLIC)
    assert b"\n" not in ANCHOR.line
    assert read_anchor(ANCHOR.line) == ANCHOR
    assert is_signed(ANCHOR)


def test_whatever_is_changed_is_no_longer_signed() -> None:
    other = Ed25519PrivateKey.generate()
    for changed in (
        replace(ANCHOR, seq=8),
        replace(ANCHOR, hash="02" * 32),
        replace(ANCHOR, time=ANCHOR.time + 1),
        replace(ANCHOR, key=other.public_key().public_bytes_raw().hex()),
        replace(ANCHOR, signature="00" * 64),
        replace(ANCHOR, signature="no"),
        replace(ANCHOR, hash="zz"),
        replace(ANCHOR, seq=-1),
        replace(ANCHOR, key=""),
    ):
        assert not is_signed(changed)


def test_what_is_no_anchor_is_none() -> None:
    for line in (b"", b"{}", b"[]", b"\xff", ANCHOR.line[:-1], ANCHOR.line.replace(b'"seq":7', b'"seq":"7"')):
        assert read_anchor(line) is None
