"""Content streams: what the server holds in memory does not grow with it."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.command import Running

MIB = 1024 * 1024
LARGE = 60
WRITING = 20
READING = 32 + 12
"""MiB: a reader's page cache of 32 may fill, and a few pieces are under way."""
STATUS = Path("/proc/self/status")

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="needs /proc to measure a process")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with Running(["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{tmp_path}/f.db"], tmp_path) as it:
        yield it


def pieces() -> Iterator[bytes]:
    """Yield content that no file system or page cache can fold: each MiB differs."""
    for number in range(LARGE):
        yield hashlib.sha256(b"%d" % number).digest() * (MIB // 32)


class Peak:
    """Watches the most memory in MiB that a server has held: its own, not pages of files that the system keeps."""

    def __init__(self, server: Running) -> None:
        self._status = Path(f"/proc/{server.process.pid}/status")
        self._most = 0.0
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()

    def __call__(self) -> float:
        line = next(line for line in self._status.read_text().splitlines() if line.startswith("RssAnon:"))
        self._most = max(self._most, int(line.split()[1]) / 1024)
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self()


def digest(answer: Iterator[bytes]) -> str:
    summed = hashlib.sha256()
    for piece in answer:
        summed.update(piece)
    return summed.hexdigest()


def test_memory_stays_flat_while_much_goes_in_and_out(server: Running) -> None:
    with httpx.Client(base_url=f"{server.root}/fhir/", timeout=60) as http, Peak(server) as peak:
        warm = http.post("Binary", content=b"x" * 2 * MIB, headers={"Content-Type": "image/png"})
        assert http.get(warm.headers["location"]).status_code == 200
        before = peak()
        sent = http.post("Binary", content=pieces(), headers={"Content-Type": "image/png"})
        assert sent.status_code == 201, sent.text
        up = peak()
        path = sent.headers["location"]
        with http.stream("GET", path) as answer:
            assert digest(answer.iter_raw()) == digest(pieces())
        raw = peak()
        with http.stream("GET", path, headers={"Accept": "application/fhir+json"}) as answer:
            shown = b"".join(answer.iter_raw())
        after = peak()
        assert base64.b64decode(json.loads(shown)["data"]) == b"".join(pieces())
    figures = f"{before:.0f} MiB, then {up:.0f} up, {raw:.0f} down, {after:.0f} as JSON"
    assert up - before < WRITING, figures
    assert after - before < READING, figures
