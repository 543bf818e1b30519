"""Logical ids that the server gives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

RANDOM = 10
"""Bytes of randomness in an id."""
AHEAD = 256
"""For how many ids randomness is fetched at once."""


def id_maker() -> Callable[[], str]:
    """Return what makes logical ids: UUIDs of version 7, random and in the order of time, so that indexes grow at their
    end. Randomness is fetched from the system for many at once.
    """
    pool: list[bytes] = []

    def new_id() -> str:
        if not pool:
            fresh = os.urandom(RANDOM * AHEAD)
            pool.extend(fresh[at : at + RANDOM] for at in range(0, len(fresh), RANDOM))
        number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(pool.pop())
        text = f"{number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    return new_id
