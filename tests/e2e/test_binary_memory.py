"""Content streams: what the server holds in memory does not grow with it."""

from __future__ import annotations

import base64
import hashlib
import json
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


def peak(server: Running) -> float:
    """Return the most memory in MiB that the server has held so far."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def digest(answer: Iterator[bytes]) -> str:
    summed = hashlib.sha256()
    for piece in answer:
        summed.update(piece)
    return summed.hexdigest()


def test_memory_stays_flat_while_much_goes_in_and_out(server: Running) -> None:
    with httpx.Client(base_url=f"{server.root}/fhir/", timeout=60) as http:
        warm = http.post("Binary", content=b"x" * 2 * MIB, headers={"Content-Type": "image/png"})
        assert http.get(warm.headers["location"]).status_code == 200
        before = peak(server)
        sent = http.post("Binary", content=pieces(), headers={"Content-Type": "image/png"})
        assert sent.status_code == 201, sent.text
        up = peak(server)
        path = sent.headers["location"]
        with http.stream("GET", path) as answer:
            assert digest(answer.iter_raw()) == digest(pieces())
        raw = peak(server)
        with http.stream("GET", path, headers={"Accept": "application/fhir+json"}) as answer:
            shown = b"".join(answer.iter_raw())
        after = peak(server)
        assert base64.b64decode(json.loads(shown)["data"]) == b"".join(pieces())
    figures = f"{before:.0f} MiB, then {up:.0f} up, {raw:.0f} down, {after:.0f} as JSON"
    assert up - before < WRITING, figures
    assert after - before < READING, figures
