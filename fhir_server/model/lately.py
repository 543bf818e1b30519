"""What was made lately, by what it was made from: to be made anew whenever it is not there."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any


class Lately:
    """Keeps what was asked for last, `most` of it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what is kept under `key`, or what `make` returns."""
        found = self._kept.pop(key, None)
        if found is None:
            found = make()
        # Taken out and put back, it is the youngest.
        self._kept[key] = found
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return found
