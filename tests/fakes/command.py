"""The `fhir-server` command as a process of its own: run to its end, or running until it is stopped."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.fakes.patience import PATIENCE

ADDRESS = re.compile(r"(https?://\S+)/fhir\b")


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which no setting of the surroundings counts.

    What is compiled is kept for the next process.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FHIR_", "PYTHONDONTWRITE"))}
    return kept | {"COLUMNS": "200", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"} | more


def fhir_server(*arguments: str, folder: Path, timeout: float = 120, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in `folder`."""
    command = [sys.executable, "-m", "fhir_server.cli", *arguments]
    here = str(Path(__file__).parents[2])
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(PYTHONPATH=here, **more),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Running:
    """A server process; `root` is its address as it printed it, `said` all that it printed until then.

    With `log` its standard error goes to that file.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, *, log: Path | None = None, **more: str) -> None:
        errors = subprocess.STDOUT if log is None else log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fhir_server.cli", *arguments],
            cwd=folder,
            env=environment(PYTHONPATH=str(Path(__file__).parents[2]), PYTHONUNBUFFERED="1", **more),
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        if not isinstance(errors, int):
            errors.close()
        self.said = ""
        self.root = self._wait()

    def _wait(self) -> str:
        assert self.process.stdout is not None
        ends = time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while time.monotonic() < ends:
                if not ready.select(0.1):
                    continue
                text = os.read(self.process.stdout.fileno(), 65536).decode()
                self.said += text
                found = ADDRESS.search(self.said)
                if found and "Ctrl-C" in self.said:
                    return found[1]
                if not text:
                    break
        self.process.kill()
        raise AssertionError(f"the server did not start: {self.said}")

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it, unless it has ended, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
