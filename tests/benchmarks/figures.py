"""A figure of the table: what was measured, against what, and what it should at least be."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `reached` says whether the aim is met; the program reports it and never fails on it."""

    work: str
    measured: str
    aim: str
    reached: bool


def median_time(work: Callable[[], object], *, repeat: int = 7, loops: int = 1) -> float:
    """Return the median seconds one call of `work` takes."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        for _ in range(loops):
            work()
        times.append((time.perf_counter() - started) / loops)
    return statistics.median(times)
