"""A real Redis of a test's own: on a free port of this machine, with a folder of its own, and nothing kept."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.node import installed
from tests.fakes.patience import PATIENCE

PASSWORD = "amber-lantern-7"


class RedisServer:
    """The server; it may be ended and begun again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._command = installed("redis-server", "redis-server")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.address = f"redis://:{PASSWORD}@127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.begin()

    def begin(self) -> None:
        """Start it, and wait until it answers."""
        flags = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        command = [self._command, *flags, "--appendonly", "no", "--requirepass", PASSWORD]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as asking:
                    asking.sendall(b"PING\r\n")
                    if asking.recv(64):
                        return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def end(self) -> None:
        """Kill it, if it lives."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def pause(self) -> None:
        """Let it hang: it keeps its connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Run a Redis until the block ends."""
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.end()
