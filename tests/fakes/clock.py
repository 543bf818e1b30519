"""A clock that tests turn by hand, backwards too."""

from __future__ import annotations


class Clock:
    """Microseconds since 1970; calling it tells `now`."""

    def __init__(self, now: int = 1_750_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move by `seconds`, which may be negative."""
        self.now += round(seconds * 1_000_000)
