"""When work has taken too long."""

from __future__ import annotations

from time import perf_counter, thread_time


class Deadline:
    """So many seconds of the processor, from now on, for the thread that works.

    Time in which the machine was busy with others does not count: what is refused hangs on the work alone.
    """

    __slots__ = ("_earliest", "_work")

    def __init__(self, seconds: float) -> None:
        self._earliest = perf_counter() + seconds
        self._work = thread_time() + seconds

    def is_over(self) -> bool:
        """Return whether the time is used up."""
        # Before as much time has passed, so much work cannot be done; and that clock is ten times quicker to read.
        return perf_counter() > self._earliest and thread_time() > self._work
