"""The processes that prepare, as the one that writes holds them: they start at once, and are gone at the end."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from types import TracebackType
from typing import Self


class Processes:
    """Use as `async with`, as a base class: the subclass gives them work in tasks of its own."""

    def __init__(self, module: str, number: int, buffer: int) -> None:
        """`number` processes run `module`; `buffer` is how many bytes of one may wait to be taken."""
        self._module = module
        self._number = number
        self._buffer = buffer
        self.processes: list[Process] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        command = (sys.executable, "-m", self._module)
        for _ in range(self._number):
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=self._buffer)
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
