"""Passwords: Argon2id aside from the loop, and which are good enough."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters

from auth.errors import Invalid, TooMany
from auth.passwords import Passwords, weakness


def test_a_hash_is_argon2id_with_the_parameters_of_owasp() -> None:
    encoded = asyncio.run(Passwords().hash("correct horse battery"))
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_only_the_right_password_verifies() -> None:
    passwords = Passwords()
    encoded = await passwords.hash("pass\u00e9 compose\u0301 long")
    assert await passwords.verify(encoded, "passe\u0301 compos\u00e9 long")
    assert not await passwords.verify(encoded, "pass\u00e9 compose long")
    assert not await passwords.verify(encoded, "")
    assert not await passwords.verify("no hash", "pass\u00e9 compos\u00e9 long")


async def test_without_an_account_the_same_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, verified = Passwords(), list[object]()
    encoded = await passwords.hash("a password of some length")
    real = PasswordHasher.verify

    def verify(self: PasswordHasher, hash: str, password: str) -> bool:
        verified.append((extract_parameters(hash), password))
        return bool(real(self, hash, password))

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    for hash in (encoded, None):
        assert not await passwords.verify(hash, "another password")
    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_a_hash_with_other_parameters_is_dated() -> None:
    passwords = Passwords()
    assert passwords.is_dated(PasswordHasher(time_cost=1, memory_cost=8192).hash("x"))
    assert not passwords.is_dated(asyncio.run(passwords.hash("x")))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 12"),
        ("eleven char", "at least 12"),
        ("password1234", "too easy"),
        ("123456789012", "too easy"),
        ("aaaaaaaaaaaa", "too easy"),
        ("qwertyuiopasdf", "too easy"),
        ("marie.curie1867", "too easy"),
        ("x" * 2000, "at most 1024 bytes"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    assert reason in weakness(password, ["marie.curie1867@example.org"])


@pytest.mark.parametrize("password", ["violet anchor tulip 42", "Tr0ub4dor&3-elephant", "mélèze ouragan 77 citron"])
def test_a_good_password_is_taken(password: str) -> None:
    assert weakness(password, ["marie@example.org"]) == ""


async def test_the_refusal_names_the_field() -> None:
    with pytest.raises(Invalid) as caught:
        await Passwords().demand_strong("short", [], "new_password")
    assert list(caught.value.fields) == ["new_password"]


async def test_more_than_can_wait_are_refused_and_the_others_are_served() -> None:
    passwords = Passwords(slots=1, queue=3)
    answers = await asyncio.gather(*(passwords.hash("a password") for _ in range(5)), return_exceptions=True)
    assert [isinstance(each, TooMany) for each in answers] == [False, False, False, True, True]
    assert (await passwords.hash("a password")).startswith("$argon2id$")


async def test_the_loop_goes_on_while_passwords_are_hashed() -> None:
    passwords = Passwords(slots=1)
    hashing = asyncio.gather(*(passwords.hash("a password") for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10
