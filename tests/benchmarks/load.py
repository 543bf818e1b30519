"""A load generator for one HTTP/1.1 server: keep-alive connections, one request in flight on each.

`python -m tests.benchmarks.load http://127.0.0.1:8080/health --connections 32 --seconds 3` prints one JSON line. It
lives in a process of its own, so that the server keeps its core; `run` is what benchmarks call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """What was measured: `rate` in requests a second, latencies in milliseconds, answers outside 2xx in `refused`."""

    rate: float
    answers: int
    refused: int
    median: float
    p99: float


class _Connection(asyncio.Protocol):
    """One connection that sends the next request when the answer to the last one is whole."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], deadline: float) -> None:
        self.requests = requests
        self.latencies = latencies
        self.deadline = deadline
        self.buffer = b""
        self.refused = 0
        self.started = 0.0
        self.transport: asyncio.Transport
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self.started = time.perf_counter()
        if self.started > self.deadline:
            self.transport.close()
            return
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        self.latencies.append(time.perf_counter() - self.started)
        self.refused += head[9:10] != b"2"
        self.buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def request(url: str, method: str = "GET", body: bytes = b"", headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return the bytes of one request."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Accept: application/fhir+json"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _measure(url: str, requests: list[bytes], connections: int, seconds: float) -> Load:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    started = time.perf_counter()
    made = []
    for number in range(connections):
        own = _cycle(requests, number * len(requests) // connections)
        made.append(_Connection(own, latencies, started + seconds))
        await loop.create_connection(partial(_same, made[-1]), parts.hostname or "127.0.0.1", parts.port or 80)
    await asyncio.gather(*(each.done for each in made))
    took = time.perf_counter() - started
    latencies.sort()
    at = [1000 * latencies[int(len(latencies) * share)] for share in (0.5, 0.99)] if latencies else [0.0, 0.0]
    return Load(len(latencies) / took, len(latencies), sum(each.refused for each in made), at[0], at[1])


def _same(connection: _Connection) -> _Connection:
    return connection


def _cycle(requests: list[bytes], start: int) -> Iterator[bytes]:
    while True:
        yield requests[start % len(requests)]
        start += 1


def run(url: str, *, connections: int = 32, seconds: float = 3.0, requests: Path | None = None) -> Load:
    """Measure in a process of its own. `requests` is a file of JSON strings, one whole request a line, used in turn."""
    command = [sys.executable, "-m", "tests.benchmarks.load", url]
    command += ["--connections", str(connections), "--seconds", str(seconds)]
    if requests:
        command += ["--requests", str(requests)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return Load(**json.loads(answer.stdout))


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--requests", type=Path)
    options = parser.parse_args()
    if options.requests:
        requests = [json.loads(line).encode() for line in options.requests.read_text().splitlines()]
    else:
        requests = [request(options.url)]
    print(json.dumps(asdict(uvloop.run(_measure(options.url, requests, options.connections, options.seconds)))))


if __name__ == "__main__":
    main()
