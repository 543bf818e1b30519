"""Passwords: Argon2id (RFC 9106) in threads, few at a time, and which passwords are good enough.

Hashes that accounts have brought from another platform (`foreign_hashes`) are verified the same way, until their owner
signs in and gets a new one.

A hash takes tens of milliseconds of a processor and 19 MiB: it never runs on the event loop, at most `SLOTS` run at
once, and a queue longer than `QUEUE` is refused rather than kept waiting.
"""

from __future__ import annotations

import asyncio
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from auth.errors import Invalid, TooMany
from auth.foreign_hashes import foreign_match, is_foreign, stand_in

T = TypeVar("T")
LEAST, MOST = 12, 1024
"""Characters, and bytes in UTF-8, of a password."""
STRENGTH = 3
"""What zxcvbn must give, of 4."""
JUDGED = 72
"""Characters that are judged: beyond them nobody guesses."""
SLOTS = max(1, (os.cpu_count() or 2) - 1)
QUEUE = 64
BUSY_SECONDS = 2


class Passwords:
    """Hashes and judges passwords. `queue` is how many may wait."""

    def __init__(self, *, slots: int = SLOTS, queue: int = QUEUE) -> None:
        # OWASP's parameters for Argon2id: 19 MiB, two passes, one lane.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._slots = asyncio.Semaphore(slots)
        self._room = queue
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the encoded hash of a password. Raises TooMany when too many wait."""
        return await self._aside(lambda: self._hasher.hash(_plain(password)))

    async def verify(self, encoded: str | None, password: str, scheme: str | None = None) -> bool:
        """Return whether that is the password; without a hash as slowly as with one of `scheme`. Raises TooMany.

        Without a scheme that is one of today's.
        """

        def work() -> bool:
            if self._dummy is None:
                self._dummy = self._hasher.hash(os.urandom(16).hex())
            hash = encoded or (self._dummy if scheme is None else stand_in(scheme))
            right = [self._matches(hash, form) for form in _forms(password)]
            return any(right) and encoded is not None

        return await self._aside(work)

    def is_dated(self, encoded: str) -> bool:
        """Whether a hash was made with other parameters than today's, or another way."""
        return is_foreign(encoded) or self._hasher.check_needs_rehash(encoded)

    async def demand_strong(self, password: str, about: Sequence[str], field: str = "password") -> None:
        """Raise Invalid for a password that is short, long, common, or guessed from what it is `about`."""
        if reason := await self._aside(lambda: weakness(password, about)):
            raise Invalid({field: [reason]})

    def _matches(self, encoded: str, password: bytes) -> bool:
        if is_foreign(encoded):
            return foreign_match(encoded, password)
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _aside(self, work: Callable[[], T]) -> T:
        if self._room <= 0:
            raise TooMany(BUSY_SECONDS)
        self._room -= 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._room += 1


def weakness(password: str, about: Sequence[str]) -> str:
    """Return why a password will not do, "" when it will; `about` is what is known of its owner, such as an address."""
    from zxcvbn import zxcvbn

    plain = unicodedata.normalize("NFKC", password)
    if len(plain) < LEAST:
        return f"must have at least {LEAST} characters"
    if len(_plain(password)) > MOST:
        return f"must have at most {MOST} bytes"
    words = [word for text in about for word in (text, *text.split("@"), *re.split(r"[@.]", text)) if len(word) > 2]
    found = zxcvbn(plain[:JUDGED], user_inputs=words, max_length=JUDGED)
    if found["score"] < STRENGTH:
        return "is too easy to guess: it is among the common ones, or made of a few words, names, dates or repetitions"
    return ""


def _forms(password: str) -> list[bytes]:
    """Return the password as it is hashed here, and as it was typed, where that differs: so others have hashed it."""
    return list(dict.fromkeys((_plain(password), password.encode("utf-8", "surrogatepass"))))


def _plain(password: str) -> bytes:
    # The same text typed on two keyboards may come in two forms.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
