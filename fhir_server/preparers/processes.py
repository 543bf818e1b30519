"""The processes that prepare, as the one that writes holds them: they start at once, and are gone at the end."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

MOST_JOBS = 4
"""Processes at most, unless --jobs says otherwise: more of them would wait for the one that writes."""
WORTH = 256 * 1024
"""Bytes of files from which on others are worth their start: little is done before one has even started."""
BUFFER = 8 << 20
"""Bytes of one process that wait to be taken, about half of the most there are."""


class _Sized(Protocol):
    @property
    def size(self) -> int: ...


def jobs_for(sources: Iterable[_Sized]) -> int:
    """Return how many processes should prepare the sources."""
    return min(os.cpu_count() or 1, MOST_JOBS) if sum(each.size for each in sources) > WORTH else 1


class Processes:
    """Use as `async with`, as a base class: the subclass gives them work in tasks of its own."""

    def __init__(self, module: str, number: int) -> None:
        """`number` processes run `module`."""
        self._module = module
        self._number = number
        self.processes: list[Process] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        command = (sys.executable, "-m", self._module)
        for _ in range(self._number):
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=BUFFER)
            self.processes.append(process)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*self._tasks, *(each.wait() for each in self.processes), return_exceptions=True)
