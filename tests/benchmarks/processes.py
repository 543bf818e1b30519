"""Servers as processes of their own, on one core; the load generator keeps the other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 20.0) -> float:
    """Ask `url` until it answers; return the seconds that took."""
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return time.perf_counter() - started
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.005)
    raise TimeoutError(f"{url} did not answer within {seconds} s")


def spawn(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start `python ARGUMENTS` on the server's core."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
    )


def serve_arguments(port: int, store: Path, auth: str = "open") -> list[str]:
    """Return the arguments that start our server on `store`."""
    flags = ["--port", str(port), "--store", f"sqlite:///{store}", "--auth", auth]
    return ["-m", "fhir_server", "serve", *flags]


@contextmanager
def running(arguments: list[str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends."""
    server = spawn(arguments)
    try:
        wait_for(url)
        yield server
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def calibration() -> Iterator[str]:
    """Run the calibration app under the same uvicorn settings as ours; yield its base URL."""
    port = free_port()
    flags = [
        "--port",
        str(port),
        "--no-access-log",
        "--log-level",
        "warning",
        "--loop",
        "uvloop",
        "--http",
        "httptools",
    ]
    with running(["-m", "uvicorn", "tests.benchmarks.calibration_app:app", *flags], f"http://127.0.0.1:{port}/bare"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def our_server(store: Path, auth: str = "open") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run our server on a SQLite file, in open mode unless told otherwise; yield its FHIR base URL and the process."""
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    with running(serve_arguments(port, store, auth), f"http://127.0.0.1:{port}/health") as server:
        yield base, server


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def cpu_seconds(pid: int) -> float:
    """Return the seconds of a core that a process has used so far, in its own code and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
