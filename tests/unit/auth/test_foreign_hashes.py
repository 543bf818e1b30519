"""Hashes of other platforms, held to vectors that their own libraries have published."""

from __future__ import annotations

import pytest

from auth.foreign_hashes import OWN, foreign_match, foreign_scheme, hash_fault, is_foreign, stand_in
from auth.passwords import Passwords

PBKDF2 = [
    # github.com/riverrun/pbkdf2_elixir, test/base_test.exs, "Python passlib pbkdf2_sha512 tests" and "Consistency
    # tests for sha512".
    (
        "password",
        "$pbkdf2-sha512$19000$JMT4nzOmVKrV.p/TmlMKwQ$jKbZHoPwUWBT08pjb/CnUZmFcB9JW4dsOzVkfi9X6Pdn5NXWeY.mhL1Bm4V9rjYL5ZfA32uh"
        "7Gl2gt5YQa/JCA",
    ),
    (
        "p@$$w0rd",
        "$pbkdf2-sha512$19000$/J9TyllrjRFCyHnvHaMUIg$AJ3Dr926ltK1sOZMZAAoT7EoR7R/Hp.G6Bt.4DFENiYayhVM/ZBPuqjFNhcE9NjTmceTmLnS"
        "qzfEQ8mafy49sw",
    ),
    (
        "ἓν οἶδα ὅτι οὐδὲν οἶδα",
        "$pbkdf2-sha512$60000$HQrkLddu1XaoDsXGQ0gi3Q$UVkPApVkIkQN0FTQwaKffYoZ5Mbh0712p1GWs9H1Z.fBNQScUWCj/GAUtZDYMkIN3kIi9ORv"
        "ut.SQ7aBipcpDQ",
    ),
    # Made with passlib 1.7.4: pbkdf2_sha512.using(rounds=1000, salt=bytes(range(240, 256))).hash(password). The text
    # is not in NFKC, which this server hashes: it was typed so, and the other platform has hashed what was typed.
    (
        "Größe-ﬁn 2026 ✓",
        "$pbkdf2-sha512$1000$8PHy8/T19vf4.fr7/P3./w$gQV8KTmzW5TS6JZw9jxWqM/TZZTbsZ5wAZpr2jhso46nNx8lbZEY1fl8JXu0GfP34ekx5xlI6"
        "bHnvtM0Lgih1w",
    ),
]
BCRYPT = [
    # Openwall's crypt_blowfish 1.3, wrapper.c, also tests/test_bcrypt.py of the package bcrypt.
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
]
ARGON2 = [
    # github.com/P-H-C/phc-winner-argon2, src/test.c, version 0x13.
    ("password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
]


@pytest.mark.parametrize(("password", "encoded"), [*PBKDF2, *BCRYPT, *ARGON2])
async def test_a_published_hash_is_verified_and_to_be_made_anew(password: str, encoded: str) -> None:
    passwords = Passwords()
    assert hash_fault(encoded) is None
    assert await passwords.verify(encoded, password)
    assert not await passwords.verify(encoded, f"x{password}")
    assert not await passwords.verify(encoded, "")
    assert passwords.is_dated(encoded)


@pytest.mark.parametrize(("password", "encoded"), [*PBKDF2, *BCRYPT])
def test_another_last_digit_is_another_hash(password: str, encoded: str) -> None:
    # The first digit of the digest: its last holds bits that say nothing.
    head, digest = (encoded[:-86], encoded[-86:]) if encoded.startswith("$p") else (encoded[:-31], encoded[-31:])
    other = f"{head}{'A' if digest[0] != 'A' else 'B'}{digest[1:]}"
    assert is_foreign(other)
    assert not foreign_match(other, password.encode())


@pytest.mark.parametrize(("password", "encoded"), [*PBKDF2, *BCRYPT, *ARGON2])
async def test_what_stands_in_for_a_hash_has_its_scheme_and_no_password(password: str, encoded: str) -> None:
    scheme = foreign_scheme(encoded)
    assert scheme is not None
    assert encoded.startswith(scheme)
    made = stand_in(scheme)
    assert foreign_scheme(made) == scheme
    assert hash_fault(made) is None
    assert not await Passwords().verify(None, password, scheme)


async def test_hashes_that_are_made_here_have_no_foreign_scheme() -> None:
    encoded = await Passwords().hash("a password of some length")
    assert encoded.startswith(OWN)
    assert [foreign_scheme(each) for each in (encoded, None, "", "no hash")] == [None] * 4


@pytest.mark.parametrize(
    ("encoded", "told"),
    [
        ("", "must be an encoded hash"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "must be an encoded hash"),
        ("$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk", "encoded hash"),
        ("$2b$05$tooshort", "must be an encoded hash"),
        ("$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "a cost of 4 to 16"),
        (f"$pbkdf2-sha512$9999999999$JMT4nzOmVKrV.p/TmlMKwQ${'a' * 86}", "at most 5,000,000 rounds"),
        (f"$pbkdf2-sha512$1000$AAAAA${'a' * 86}", "salt"),
        ("$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "KiB"),
    ],
)
def test_a_hash_that_cannot_be_taken_over_is_told_and_not_repeated(encoded: str, told: str) -> None:
    fault = hash_fault(encoded)
    assert fault is not None
    assert told in fault
    assert not encoded or encoded not in fault
