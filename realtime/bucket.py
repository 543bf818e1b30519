"""A token bucket: how often something may happen, with some at once."""

from __future__ import annotations


class Bucket:
    """Holds `most` tokens and gets `rate` of them a second. Times are seconds of any one clock that never goes back."""

    def __init__(self, rate: float, most: float, now: float) -> None:
        self._rate = rate
        self._most = most
        self._left = most
        self._at = now

    def take(self, now: float) -> bool:
        """Take a token; return whether there was one."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
