"""Writes that mean the same whatever others have written meanwhile: a file that is added, a step of an appointment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fhir_server.errors import PreconditionFailed

T = TypeVar("T")
TIMES = 12
"""How often a write is tried: as often as a handful of files that are sent at once may get in each other's way."""


async def anew(attempt: Callable[[], Awaitable[T]], if_match: str | None) -> T:
    """Return what comes of `attempt`, which reads a record and writes it; tried again where another write came between.

    Who has sent `If-Match` is told of that. Raises PreconditionFailed, and as `attempt`.
    """
    for _ in range(TIMES - 1 if if_match is None else 0):
        try:
            return await attempt()
        except PreconditionFailed:
            continue
    return await attempt()
