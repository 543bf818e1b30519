"""Sockets that are open before anybody has said on whose behalf: so many of one address, and so many in all."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

MANY = 20
"""How many times as many as of one address there may be in all."""


class Unbound:
    """The places for them, `most` of one address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._addresses: Counter[str] = Counter()
        self._taken = 0

    def enter(self, address: str, place: ExitStack) -> bool:
        """Take a place until `place` is closed; return whether there was one."""
        if self._taken >= self._most * MANY or self._addresses[address] >= self._most:
            return False
        self._addresses[address] += 1
        self._taken += 1
        place.callback(self._leave, address)
        return True

    def _leave(self, address: str) -> None:
        self._taken -= 1
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
